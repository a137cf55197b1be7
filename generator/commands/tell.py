"""What the state says, in words for people: the status of a day, why a run is where it is, what happened."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

Entry = dict[str, Any]

NEEDS = {
    "ERROR": "it failed; when that is put right: `headgate rerun {product} --date {date}`",
    "SKIPPED": "it was skipped; `headgate rerun {product} --date {date}` runs it after all",
    "CANCELLED": "it was cancelled; `headgate rerun {product} --date {date}` runs it after all",
}


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
    if each.get("usually_at"):
        parts.append(f"usually at {clock(each['usually_at'])}")
    return "; ".join(parts)


def why(run: Entry, clock: Clock) -> Iterator[str]:
    """Why the run is where it is, what is missing, and what comes next."""
    name = run["product"] + (f" {run['cycle']}" if "cycle" in run else "")
    attempt = f", attempt {run['attempt']}" if run.get("attempt", 1) > 1 else ""
    yield f"{name} for {run['business_date']} is {run['status']}{attempt}. {run['description']}; owner {_owner(run)}."
    match run["status"]:
        case "WAITING":
            yield from _waiting(run, clock)
        case "PROCESSING":
            yield f"Started at {clock(run.get('started_at'))}: {run.get('release_reason', '')}."
        case "COMPLETED":
            yield f"Released at {clock(run.get('released_at'))} ({run.get('release_reason')}), done at {clock(run.get('finished_at'))}."
        case "NOT OPENED":
            yield _unopened(run, clock)
        case "EXTERNAL":
            yield from _external(run, clock)
        case _:
            yield f"Ended at {clock(run.get('finished_at'))}: {run.get('error') or 'by ' + run.get('changed_by', '')}"
            if run.get("cause"):
                yield f"  {run['cause']}"
            yield NEEDS[run["status"]].format(product=run["product"], date=run["business_date"]).capitalize() + "."
    for job in run.get("jobs", ()):
        ended = f"{job['state']} at {clock(job['ended_at'])}" if "ended_at" in job else "runs"
        said = f": {job['message']}" if job["state"] not in ("SUCCEEDED", "STARTED") and "message" in job else ""
        yield f"  step {job.get('step')}, attempt {job.get('attempt')}: {job['job']} {job['job_run_id']} since {clock(job.get('started_at'))}, {ended}{said}"
    if "due_at" in run:
        yield f"Due by {clock(run['due_at'])}" + (", so it is LATE." if run.get("late") else ".")
    if "execution_arn" in run:
        yield f"Execution: {run['execution_arn']}"
    if run.get("downstream"):
        yield f"Waits for it: {', '.join(run['downstream'])}."


def _unopened(run: Entry, clock: Clock) -> str:
    if "timezone" not in run:
        return "It has no schedule: the first event it waits for opens its run."
    if "opens_at" not in run:
        return "Its schedule opens none for this date."
    if run.get("missed"):
        at, by_hand = clock(run["opens_at"]), f"`headgate backfill {run['product']} --date {run['business_date']}`"
        return f"Its run was to open at {at}, before the product was known here or after a pause of days; {by_hand} opens it."
    return f"Its run opens at {clock(run['opens_at'])}."


def _owner(each: Entry) -> str:
    return str(each.get("owner", "unknown")) + (f" <{each['email']}>" if "email" in each else "")


def _waiting(run: Entry, clock: Clock) -> Iterator[str]:
    if "released_at" in run:
        yield f"Released at {clock(run['released_at'])} ({run['release_reason']}); its machine starts the first step next."
        return
    if "held" in run:
        yield f"The {run['held']} is held back by {run.get('held_by')}; `headgate release {run['product']}` lets it go."
    running = [
        job for job in run.get("jobs", ()) if job["state"] == "STARTED" and job.get("attempt", 0) < run["attempt"]
    ]
    if running:
        yield f"A job of an earlier attempt still runs: {', '.join(job['job_run_id'] for job in running)}."
    arrived = ", ".join(f"{each['product']} ({clock(each['arrived_at'])})" for each in run.get("arrived", ()))
    yield f"Open since {clock(run['opened_at'])}" + (f"; arrived: {arrived}." if arrived else ".")
    if run.get("missing"):
        yield "Missing" + (" (one of a group may do)" if _has_any(run.get("condition")) else "") + ":"
        for each in run["missing"]:
            yield f"  {_needed(each)}  {_upstream(each['product'], each['upstream'], each.get('business_date'), clock)}"
    roots = [
        each
        for each in run.get("root_causes", ())
        if each["product"] not in {one["product"] for one in run.get("missing", ())}
    ]
    if roots:
        yield "At the bottom of it:"
        for each in roots:
            yield f"  {each['product']}  {_upstream(each['product'], each['upstream'], each.get('business_date'), clock)}"
    last = "enough of these has arrived" if _has_any(run.get("condition")) else "the last of these arrives"
    then = {"fail": "it fails", "start": "it starts with what has arrived", "skip": "it is skipped"}[run["on_deadline"]]
    yield f"Next: it starts at the moment {last}; if that has not come by {clock(run['deadline_at'])}, {then}."


def _needed(each: Entry) -> str:
    date = (
        f" for {each['business_date']}" if "business_date" in each else f" not older than {each.get('not_before', '')}"
    )
    cycle = f" {each['cycle']}" if "cycle" in each else ""
    status = "" if each["status"] == ["COMPLETED"] else f" ({' or '.join(each['status'])})"
    return f"{each['product']}{date}{cycle}{status}"


def _upstream(product: str, state: Entry, date: str | None, clock: Clock) -> str:
    parts = {
        "WAITING": f"waits itself, for {', '.join(state.get('waits_for', ['its machine']))}",
        "PROCESSING": f"its pipeline runs since {clock(state.get('since'))}",
        "COMPLETED": f"completed at {clock(state.get('since'))}; its event is under way, or of another status than needed",
        "NOT OPENED": f"its run opens at {clock(state['opens_at'])}"
        if "opens_at" in state
        else "has no run for this date",
        "EXPECTED": "has not been refreshed",
        "UNKNOWN": "is not in this catalog",
    }
    needs = NEEDS.get(state["status"], "").format(product=product, date=date)
    words = [parts.get(state["status"], f"{state['status']} since {clock(state.get('since'))}; {needs}")]
    if "error" in state:
        words.append(f"{state['error']}: {state.get('cause', '')}".rstrip(": "))
    if "usually_at" in state:
        words.append(f"usually there by {clock(state['usually_at'])}")
    if "owner" in state:
        words.append(f"owner {_owner(state)}")
    return "; ".join(words)


def _external(run: Entry, clock: Clock) -> Iterator[str]:
    if "refreshed_at" in run:
        yield f"It is refreshed elsewhere; for this date it came at {clock(run['refreshed_at'])}."
    else:
        usual = f", usually it is there by {clock(run['usually_at'])}" if "usually_at" in run else ""
        yield f"It is refreshed elsewhere and has not come for this date{usual}."


def _has_any(condition: Any) -> bool:
    if isinstance(condition, dict):
        return "any_of" in condition or any(_has_any(each) for each in condition.get("all_of", ()))
    return False


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
    yield from table(rows) if rows else ["nothing happened"]


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
