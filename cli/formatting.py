"""What the state says, in words for people: the status of a day, and what happened."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

Entry = dict[str, Any]


class Clock:
    """Writes moments in a time zone, with the date where it is not the one that is talked about."""

    def __init__(self, zone: tzinfo | None, date: str) -> None:
        self.zone, self._date = zone, date

    def __call__(self, moment: str | None, seconds: bool = False) -> str:
        if not moment:
            return ""
        at = datetime.fromisoformat(moment).astimezone(self.zone)
        day = "" if at.date().isoformat() == self._date else f"{at:%b} {at.day} "
        return day + at.strftime("%H:%M:%S" if seconds else "%H:%M")

    def with_zone(self, moment: str) -> str:
        """The moment and the name of the time zone, which every other moment is in as well."""
        return f"{self(moment)} {datetime.fromisoformat(moment).astimezone(self.zone):%Z}"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as need be; the last one ragged."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def status(products: Sequence[Entry], clock: Clock) -> Iterator[str]:
    """A line a product, and one that counts."""
    if not products:
        yield "no products"
        return
    rows = [["product", "status", "attempt", "opened", "started", "ended", ""]]
    for each in products:
        name = each["product"] + (f" {each['cycle']}" if "cycle" in each else "")
        rows.append(
            [
                name, each["status"], str(each.get("attempt", "")), clock(each.get("opened_at")), clock(each.get("started_at")),
                clock(each.get("finished_at")), _remark(each, clock),
            ]
        )  # fmt: skip
    yield from table(rows)
    counts: dict[str, int] = {}
    for each in products:
        counts[each["status"]] = counts.get(each["status"], 0) + 1
    yield ""
    yield ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _remark(each: Entry, clock: Clock) -> str:
    parts = []
    if each.get("held"):
        parts.append("held back")
    if each.get("missing"):
        parts.append("waits for " + ", ".join(each["missing"]))
    if each.get("error"):
        parts.append(each["error"])
    if each.get("late"):
        parts.append(f"LATE, was due by {clock(each['due_at'])}")
    if each.get("opens_at"):
        at = clock(each["opens_at"])
        parts.append(f"was to open at {at}; `headgate backfill` opens it" if each.get("missed") else f"opens at {at}")
    if each.get("unscheduled"):
        parts.append("opens with its first input")
    if each.get("usually_at"):
        parts.append(f"usually at {clock(each['usually_at'])}")
    return "; ".join(parts)


def history(entries: Sequence[Entry], clock: Clock) -> Iterator[str]:
    """A line an event, oldest first."""
    rows = [
        [
            clock(each["at"], seconds=True),
            each["product"] + (f" {each['cycle']}" if "cycle" in each else ""),
            _event(each),
        ]
        for each in entries
    ]
    yield from table(rows) if rows else ["nothing has happened"]


def _event(each: Entry) -> str:
    attempt = f" (attempt {each['attempt']})" if each.get("attempt", 1) > 1 else ""
    match each["kind"]:
        case "refreshed":
            return ("refreshed" if each["status"] == "COMPLETED" else "failed") + f", for {each['business_date']}"
        case "arrived":
            return f"{each['upstream']} has arrived"
        case "job started":
            return f"step {each['step']}: {each['job']} starts{attempt}, {each['job_run_id'][:16]}"
        case "job ended":
            said = "" if each["status"] == "SUCCEEDED" else f": {each.get('cause', '')}"
            return f"step {each.get('step')}: {each['job']} {each['status']}{said}"
        case "late":
            return f"LATE: the time its SLA names has passed, and it is {each['status']}"
    if each.get("opened"):
        return f"run opened by {each['by']}{attempt}"
    if each.get("released"):
        return f"RELEASED: {each['reason']}{attempt}"
    if each["status"] == "WAITING" and "execution_arn" in each:
        return f"its machine waits: {each['execution_arn'].rsplit(':', 1)[-1]}"
    if each["status"] == "WAITING":
        return f"changed by {each['by']}"
    cause = f": {each['error']}: {each.get('cause', '')}" if "error" in each else ""
    who = "" if each["by"] == "machine" else f" by {each['by']}"
    return f"{each['status']}{who}{attempt}{cause}"
