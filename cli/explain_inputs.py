"""What a run waits for, as sentences: its inputs, holds on it, and when it goes on."""

from collections.abc import Iterator
from typing import Any

from headgate.cli.explain_files import files
from headgate.cli.formatting import Clock, Entry, input_name, named, uncut

REMEDIES = {
    "ERROR": "after the cause is fixed, run it again with `headgate rerun {product} --date {date}{cycle}`",
    "SKIPPED": "to run it, use `headgate rerun {product} --date {date}{cycle}`",
    "CANCELLED": "to run it, use `headgate rerun {product} --date {date}{cycle}`",
}
AT_DEADLINE = {"fail": "the run fails", "start": "it starts with what has arrived", "skip": "the run is skipped"}


def owner(each: Entry) -> str:
    return str(each.get("owner", "unknown")) + (f" <{each['email']}>" if "email" in each else "")


def waiting(run: Entry, clock: Clock) -> Iterator[str]:
    """Of a run that is WAITING."""
    if "cause" in run:
        yield f"Resumed: {run['cause']}."
    if "released_at" in run and "shadow" in run:
        yield f"Headgate would have started it at {clock(run['released_at'])} ({run['release_reason']}). The existing scheduler was not seen to start it."
        return
    if "released_at" in run:
        yield f"Released at {clock(run['released_at'])} ({run['release_reason']}); its pipeline starts next."
        return
    yield from holds(run)
    running = [
        job
        for job in uncut(run.get("jobs", ()))[0]
        if job["state"] == "STARTED" and job.get("attempt", 0) < run["attempt"]
    ]
    if running:
        yield f"Job runs of an earlier attempt are still running: {', '.join(job['job_run_id'] for job in running)}."
    arrivals, more = uncut(run.get("arrived", ()))
    arrived = named([f"{input_name(each['product'])} ({_how(each, clock)})" for each in arrivals], more)
    yield f"Opened at {clock(run['opened_at'])}." + (f" Arrived: {arrived}." if arrived else "")
    yield from files(run, clock)
    yield from missing(run, clock, "Missing")
    last = "enough of these have arrived" if _has_any(run.get("condition")) else "the last of these arrives"
    if "held" in run:
        last = f"{last} and the hold has ended" if run.get("missing") else "the hold has ended"
    if "held_over_at" in run:
        yield f"Its deadline passed at {clock(run['held_over_at'])} while it was held; the end of the hold starts its next attempt."
        return
    if "held" in run:
        yield f"Next: the run starts when {last}. Its deadline at {clock(run['deadline_at'])} does not end it while it is held."
        return
    passed = AT_DEADLINE[run["on_deadline"]]
    if run["on_deadline"] == "start" and running:
        passed = f"{AT_DEADLINE['fail']}, since work of an earlier attempt still runs"
    yield f"Next: the run starts when {last}. If that has not happened by {clock(run['deadline_at'])}, {passed}."


def _how(arrival: Entry, clock: Clock) -> str:
    """When an input arrived, and by which event of another system."""
    return clock(arrival["arrived_at"]) + (f", by {arrival['signal']}" if "signal" in arrival else "")


def holds(run: Entry) -> Iterator[str]:
    """Each hold with the command that ends it. A product and a run of it are held and released apart from each other."""
    if run.get("held") == "product":
        yield f"The product is held by {run.get('held_by')}; end the hold with `headgate release {run['product']}`."
    by = run.get("run_held_by", run.get("held_by") if run.get("held") == "run" else None)
    if by:
        of_run = f"--date {run['business_date']}" + (f" --cycle {run['cycle']}" if "cycle" in run else "")
        yield f"The run is held by {by}; end the hold with `headgate release {run['product']} {of_run}`."


def missing(run: Entry, clock: Clock, title: str) -> Iterator[str]:
    """What has not arrived, and what that waits for itself."""
    everything, more = uncut(run.get("missing", ()))
    absent = [
        each for each in everything if not each["product"].endswith("#files")
    ]  # `files` says what is missing of these
    if absent:
        yield title + (" (one of a group may be enough)" if _has_any(run.get("condition")) else "") + ":"
        yield from (f"  {_needed(each)}  {_upstream(each, run, clock)}" for each in absent)
        if more:
            yield f"  and {more:,} more"
    inputs = {each["product"] for each in everything}
    causes, more = uncut(run.get("root_causes", ()))
    roots = [each for each in causes if each["product"] not in inputs]
    if roots:
        yield "Root causes:"
        yield from (f"  {input_name(each['product'])}  {_upstream(each, run, clock)}" for each in roots)
        if more:
            yield f"  and {more:,} more"


def _needed(each: Entry) -> str:
    date = (
        f" for {each['business_date']}" if "business_date" in each else f" not older than {each.get('not_before', '')}"
    )
    cycle = f" {each['cycle']}" if "cycle" in each else ""
    status = "" if each["status"] == ["COMPLETED"] else f" ({' or '.join(each['status'])})"
    return f"{each['product']}{date}{cycle}{status}"


def _upstream(needed: Entry, run: Entry, clock: Clock) -> str:
    """The status of a dependency of the run, and its owner."""
    state = needed["upstream"]
    about = {"product": needed["product"], "date": needed.get("business_date", run["business_date"]), "cycle": ""}
    since = clock(state.get("since"))
    match state["status"]:
        case "WAITING":
            parts = [f"is WAITING for {_inputs(state)}"]
        case "PROCESSING":
            parts = [f"is PROCESSING since {since}"]
        case "COMPLETED":
            parts = [f"COMPLETED at {since}; its refresh event has not arrived yet, or another status is required"]
        case "NOT OPENED":
            parts = [_not_opened(state, clock).format(**about)]
        case "EXPECTED":
            parts = ["has not been refreshed"]
        case "UNKNOWN" if needed["product"].endswith("#files"):
            parts = ["have not all landed; `headgate why` of that product says which"]
        case "UNKNOWN":
            parts = ["is not in this catalog"]
        case ended:
            parts = [f"{ended} since {since}; {REMEDIES[ended].format(**about)}"]
    if "error" in state:
        parts.append(f"{state['error']}: {state.get('cause', '')}".rstrip(": "))
    if "usually_at" in state:
        parts.append(f"usually refreshed by {clock(state['usually_at'])}")
    if "owner" in state:
        parts.append(f"owner {owner(state)}")
    return "; ".join(parts)


def _inputs(state: Entry) -> str:
    names, more = uncut(state.get("waits_for", ["its execution"]))
    return named([input_name(each) for each in names], more)


def _not_opened(state: Entry, clock: Clock) -> str:
    if state.get("missed"):
        return f"its run was not opened at {clock(state['opens_at'])}; open it with `headgate backfill {{product}} --date {{date}}`"
    if "opens_at" in state:
        return f"its run opens at {clock(state['opens_at'])}"
    if "waits_for" in state:
        return f"has no run yet, its first arrival opens one; waits for {_inputs(state)}"
    return "has no run for this date"


def _has_any(condition: Any) -> bool:
    if isinstance(condition, dict):
        return "any_of" in condition or any(_has_any(each) for each in condition.get("all_of", ()))
    return False
