"""Why a run is where it is, in words for people."""

from collections.abc import Iterator
from typing import Any

from headgate.cli.formatting import Clock, Entry

NEEDS = {
    "ERROR": "it failed; when that is put right: `headgate rerun {product} --date {date}`",
    "SKIPPED": "it was skipped; `headgate rerun {product} --date {date}` runs it after all",
    "CANCELLED": "it was cancelled; `headgate rerun {product} --date {date}` runs it after all",
}


def explained(run: Entry, clock: Clock) -> Iterator[str]:
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
            if "timezone" not in run or "opens_at" in run:
                yield from _missing(run, clock, "It will need")
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
    yield from _missing(run, clock, "Missing")
    last = "enough of these has arrived" if _has_any(run.get("condition")) else "the last of these arrives"
    then = {"fail": "it fails", "start": "it starts with what has arrived", "skip": "it is skipped"}[run["on_deadline"]]
    yield f"Next: it starts at the moment {last}; if that has not come by {clock(run['deadline_at'])}, {then}."


def _missing(run: Entry, clock: Clock, title: str) -> Iterator[str]:
    missing = run.get("missing", ())
    if missing:
        yield title + (" (one of a group may do)" if _has_any(run.get("condition")) else "") + ":"
        yield from (f"  {_needed(each)}  {_upstream(each, run, clock)}" for each in missing)
    named = {each["product"] for each in missing}
    roots = [each for each in run.get("root_causes", ()) if each["product"] not in named]
    if roots:
        yield "At the bottom of it:"
        yield from (f"  {each['product']}  {_upstream(each, run, clock)}" for each in roots)


def _needed(each: Entry) -> str:
    date = (
        f" for {each['business_date']}" if "business_date" in each else f" not older than {each.get('not_before', '')}"
    )
    cycle = f" {each['cycle']}" if "cycle" in each else ""
    status = "" if each["status"] == ["COMPLETED"] else f" ({' or '.join(each['status'])})"
    return f"{each['product']}{date}{cycle}{status}"


def _upstream(needed: Entry, run: Entry, clock: Clock) -> str:
    """Where an input of the run stands, and whose it is."""
    state = needed["upstream"]
    about = {"product": needed["product"], "date": needed.get("business_date", run["business_date"])}
    since = clock(state.get("since"))
    match state["status"]:
        case "WAITING":
            words = [f"waits itself, for {', '.join(state.get('waits_for', ['its machine']))}"]
        case "PROCESSING":
            words = [f"its pipeline runs since {since}"]
        case "COMPLETED":
            words = [f"completed at {since}; its event is under way, or of another status than needed"]
        case "NOT OPENED":
            words = [_not_opened(state, clock).format(**about)]
        case "EXPECTED":
            words = ["has not been refreshed"]
        case "UNKNOWN":
            words = ["is not in this catalog"]
        case ended:
            words = [f"{ended} since {since}; {NEEDS[ended].format(**about)}"]
    if "error" in state:
        words.append(f"{state['error']}: {state.get('cause', '')}".rstrip(": "))
    if "usually_at" in state:
        words.append(f"usually there by {clock(state['usually_at'])}")
    if "owner" in state:
        words.append(f"owner {_owner(state)}")
    return "; ".join(words)


def _not_opened(state: Entry, clock: Clock) -> str:
    if state.get("missed"):
        return f"its run was to open at {clock(state['opens_at'])}; `headgate backfill {{product}} --date {{date}}` opens it"
    if "opens_at" in state:
        return f"its run opens at {clock(state['opens_at'])}"
    if "waits_for" in state:
        return f"has no run yet, its first input opens it; needs {', '.join(state['waits_for'])}"
    return "has no run for this date"


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
