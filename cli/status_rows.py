"""The status of a date as rows of text."""

from collections.abc import Sequence
from datetime import datetime

from headgate.cli.explain_loading import loading
from headgate.cli.formatting import (
    Clock,
    Entry,
    Row,
    archived,
    input_name,
    named,
    product_and_cycle,
    to_be_swept,
    uncut,
)


def status(products: Sequence[Entry], clock: Clock, now: datetime | None = None) -> list[Row]:
    """A heading and a row for each product, or for each of its cycles; with what is overdue at `now`, if that is given."""
    rows = [["product", "status", "attempt", "opened", "started", "ended", ""]]
    for each in products:
        rows.append(
            [
                product_and_cycle(each), each["status"], str(each.get("attempt", "")), clock(each.get("opened_at")),
                clock(each.get("started_at")), clock(each.get("finished_at")), _note(each, clock, now),
            ]
        )  # fmt: skip
    return rows


def counts(products: Sequence[Entry]) -> str:
    """`3 COMPLETED, 1 WAITING`"""
    found: dict[str, int] = {}
    for each in products:
        found[each["status"]] = found.get(each["status"], 0) + 1
    return ", ".join(f"{count:,} {name}" for name, count in sorted(found.items())) or "no products"


def is_past(moment: str | None, now: datetime | None) -> bool:
    """Whether the moment has passed at `now`; false if one of them is missing."""
    return moment is not None and now is not None and datetime.fromisoformat(moment) < now


def _note(each: Entry, clock: Clock, now: datetime | None) -> str:
    if each["status"] == "ARCHIVED":
        return archived(each["archived"])
    parts = []
    if each.get("held"):
        parts.append("held")
    if each.get("parked"):
        parts.append("parked, see `headgate health`")
    if each.get("failing"):
        parts.append("an effect fails, see `headgate why`")
    if each.get("missing"):
        names, more = uncut(each["missing"])
        parts.append("waits for " + named([input_name(name) for name in names], more))
    if each.get("files"):
        parts.append(each["files"])
    if loaded := loading(each):
        parts.append(loaded)
    if each.get("error"):
        parts.append(each["error"])
    if each.get("signal"):
        parts.append(f"by {each['signal']}")
    if each.get("reason"):
        parts.append(each["reason"])
    if each.get("sweep"):
        parts.append(to_be_swept(each["sweep"], clock))
    if each.get("resume_until"):
        parts.append(f"resumes by itself until {clock(each['resume_until'])}")
    if each.get("outdated_at"):
        parts.append(f"OUTDATED since {clock(each['outdated_at'])}")
    if each.get("late"):
        recovered = each["status"] == "COMPLETED"
        parts.append(f"{'completed late' if recovered else 'LATE'}, due by {clock(each['due_at'])}")
    if each.get("expected"):
        risk = f", AT RISK: due by {clock(each['due_at'])}" if each.get("at_risk") else ""
        parts.append(f"{'expected' if 'high' in each else 'not before'} {clock(each['expected'])}{risk}")
    if each.get("refused"):
        parts.append(f"not updated: {each['refused']}")
    if each.get("opening_error"):
        parts.append(f"not opened: {each['opening_error']}")
    elif each.get("opens_at"):
        at = clock(each["opens_at"])
        missed = each.get("missed") or each.get("late")
        instead = "the next opening takes its files" if each.get("sweeps") else "`headgate backfill` opens it"
        parts.append(f"not opened at {at}; {instead}" if missed else f"opens at {at}")
    if each.get("unscheduled"):
        parts.append("opens at the first arrival")
    if each["status"] == "WAITING" and is_past(each.get("deadline_at"), now):
        parts.append(f"its deadline was {clock(each['deadline_at'])}")
    if each.get("usually_at"):
        parts.append(
            f"usually at {clock(each['usually_at'])}" + (", overdue" if is_past(each["usually_at"], now) else "")
        )
    return "; ".join(parts)
