"""Why a run has its status, as sentences: what it waits for, what failed, and what happens next."""

from collections.abc import Iterator
from typing import Any

from headgate.cli.formatting import EFFECTS, Clock, Entry, archived, named, plural, uncut

REMEDIES = {
    "ERROR": "after the cause is fixed, run it again with `headgate rerun {product} --date {date}{cycle}`",
    "SKIPPED": "to run it, use `headgate rerun {product} --date {date}{cycle}`",
    "CANCELLED": "to run it, use `headgate rerun {product} --date {date}{cycle}`",
}
AT_DEADLINE = {"fail": "the run fails", "start": "it starts with what has arrived", "skip": "the run is skipped"}


def explained(run: Entry, clock: Clock) -> Iterator[str]:
    """A line for each sentence or list entry; entries of lists are indented."""
    name = run["product"] + (f" {run['cycle']}" if "cycle" in run else "")
    attempt = f", attempt {run['attempt']}" if run.get("attempt", 1) > 1 else ""
    yield f"{name} for {run['business_date']} is {run['status']}{attempt}."
    yield f"{run['description'].rstrip('.')}. Owner: {_owner(run)}."
    if "refused" in run:
        yield f"It has its metadata of before the last deployment: {run['refused']}."
    match run["status"]:
        case "WAITING":
            yield from _waiting(run, clock)
        case "PROCESSING":
            yield f"Started at {clock(run.get('started_at'))}: {run.get('release_reason', '')}."
            yield from _outdated(run, clock)
        case "COMPLETED":
            yield f"Released at {clock(run.get('released_at'))} ({run.get('release_reason')}), completed at {clock(run.get('finished_at'))}."
            yield from _outdated(run, clock)
        case "NOT OPENED":
            yield _unopened(run, clock)
            yield from _holds(run)
            if "timezone" not in run or "opens_at" in run:
                yield from _missing(run, clock, "It will wait for")
        case "ARCHIVED":
            yield f"{_capital(archived(run['archived']))}, and cannot be run again."
        case "EXTERNAL":
            yield from _external(run, clock)
        case _:
            yield f"Ended at {clock(run.get('finished_at'))}: {run.get('error') or 'changed by ' + run.get('changed_by', 'unknown')}."
            if run.get("cause"):
                yield f"  {run['cause']}"
            yield from _holds(run)
            yield from _missing(run, clock, "Missing")
            yield _remedy(run, clock)
    yield from _waived(run, clock)
    yield from _failing(run, clock)
    jobs, more = uncut(run.get("jobs", ()))
    for job in jobs:
        ended = f"{job['state']} at {clock(job['ended_at'])}" if "ended_at" in job else "still running"
        cause = f": {job['message']}" if job["state"] not in ("SUCCEEDED", "STARTED") and "message" in job else ""
        yield f"  step {job.get('step')}, attempt {job.get('attempt')}: {job['job']} {job['job_run_id']}, started at {clock(job.get('started_at'))}, {ended}{cause}"
    if more:
        yield f"  and {more:,} more job runs"
    if "due_at" in run:
        late = "; completed late" if run["status"] == "COMPLETED" else " (LATE)"
        yield f"Due by {clock(run['due_at'])}{late if run.get('late') else ''}."
    if "passed_on" in run:
        yield f"Passed on with its refresh: {run['passed_on']}"
    if "metadata" in run:
        metadata = run["metadata"]
        yield f"Metadata of commit {metadata['commit'][:12]}, loaded at {clock(metadata['loaded_at'])}."
    if "execution_arn" in run:
        yield f"Execution: {run['execution_arn']}"
    if run.get("downstream"):
        yield f"Downstream: {named(*uncut(run['downstream']))}."


def _outdated(run: Entry, clock: Clock) -> Iterator[str]:
    """What a run that has used its inputs is to know of them."""
    if "outdated_at" not in run:
        return
    inputs, more = uncut(run.get("reopened", ()))
    again = (
        f"{named([each['product'] for each in inputs], more)} is made again"
        if inputs
        else "its inputs were made again and have arrived"
    )
    cycle = f" --cycle {run['cycle']}" if "cycle" in run else ""
    command = f"`headgate rerun {run['product']} --date {run['business_date']}{cycle}`"
    then = (
        "It runs again by itself when it has ended and everything has arrived."
        if run.get("runs_again")
        else f"To make it again, use {command}."
    )
    yield f"Outdated since {clock(run['outdated_at'])}: {again}. {then}"


def _remedy(run: Entry, clock: Clock) -> str:
    if "no_runs" in run:
        return f"It cannot be run again: {run['no_runs']}."
    if "resume_until" in run:
        return f"It resumes by itself once what it needs has arrived, until {clock(run['resume_until'])}."
    cycle = f" --cycle {run['cycle']}" if "cycle" in run else ""
    remedy = REMEDIES[run["status"]].format(product=run["product"], date=run["business_date"], cycle=cycle)
    return f"{_capital(remedy)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _waived(run: Entry, clock: Clock) -> Iterator[str]:
    """Each input that counts as arrived because an operator said so."""
    waived, more = uncut(run.get("waived", ()))
    for each in waived:
        date = f" for {each['business_date']}" if "business_date" in each else ""
        yield f"Waived: {each['product']}{date} counts as arrived, by {each['by']} at {clock(each['at'])}: {each.get('reason', '')}"
    if more:
        yield f"  and {more:,} more waivers"


def _failing(run: Entry, clock: Clock) -> Iterator[str]:
    """Each effect of the run that AWS did not take so far."""
    for each in run.get("failing", ()):
        failed = f"the {EFFECTS[each['kind']]} failed {plural(each['tries'], 'time')} since {clock(each['failing_since'])}: {each.get('reason', '')}."
        if "parked_at" in each:
            yield f"Parked: {failed} After the cause is fixed, perform it with `headgate retry {each['effect']}`."
        else:
            yield f"Not performed yet: {failed} It is tried again."


def _unopened(run: Entry, clock: Clock) -> str:
    if "opening_error" in run:
        return f"Its run could not be opened: {run['opening_error']}. The scheduler tries again each time, for openings of the last three days."
    if "timezone" not in run:
        return "It has no schedule: its first arrival opens a run."
    if "opens_at" not in run:
        return "Its schedule opens no run for this date."
    command = f"`headgate backfill {run['product']} --date {run['business_date']}`"
    if run.get("late") and not run.get("missed"):
        return f"Its run should have been opened at {clock(run['opens_at'])}, and the scheduler has not done so; open it with {command}."
    if run.get("missed"):
        return f"Its schedule had the opening at {clock(run['opens_at'])}, but the product was not deployed or the scheduler not running then; open it with {command}."
    return f"Its run opens at {clock(run['opens_at'])}."


def _owner(each: Entry) -> str:
    return str(each.get("owner", "unknown")) + (f" <{each['email']}>" if "email" in each else "")


def _waiting(run: Entry, clock: Clock) -> Iterator[str]:
    if "cause" in run:
        yield f"Resumed: {run['cause']}."
    if "released_at" in run:
        yield f"Released at {clock(run['released_at'])} ({run['release_reason']}); its pipeline starts next."
        return
    yield from _holds(run)
    running = [
        job
        for job in uncut(run.get("jobs", ()))[0]
        if job["state"] == "STARTED" and job.get("attempt", 0) < run["attempt"]
    ]
    if running:
        yield f"Job runs of an earlier attempt are still running: {', '.join(job['job_run_id'] for job in running)}."
    arrivals, more = uncut(run.get("arrived", ()))
    arrived = named([f"{each['product']} ({clock(each['arrived_at'])})" for each in arrivals], more)
    yield f"Opened at {clock(run['opened_at'])}." + (f" Arrived: {arrived}." if arrived else "")
    yield from _missing(run, clock, "Missing")
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


def _holds(run: Entry) -> Iterator[str]:
    """Each hold with the command that ends it. A product and a run of it are held and released apart from each other."""
    if run.get("held") == "product":
        yield f"The product is held by {run.get('held_by')}; end the hold with `headgate release {run['product']}`."
    by = run.get("run_held_by", run.get("held_by") if run.get("held") == "run" else None)
    if by:
        of_run = f"--date {run['business_date']}" + (f" --cycle {run['cycle']}" if "cycle" in run else "")
        yield f"The run is held by {by}; end the hold with `headgate release {run['product']} {of_run}`."


def _missing(run: Entry, clock: Clock, title: str) -> Iterator[str]:
    missing, more = uncut(run.get("missing", ()))
    if missing:
        yield title + (" (one of a group may be enough)" if _has_any(run.get("condition")) else "") + ":"
        yield from (f"  {_needed(each)}  {_upstream(each, run, clock)}" for each in missing)
        if more:
            yield f"  and {more:,} more"
    inputs = {each["product"] for each in missing}
    causes, more = uncut(run.get("root_causes", ()))
    roots = [each for each in causes if each["product"] not in inputs]
    if roots:
        yield "Root causes:"
        yield from (f"  {each['product']}  {_upstream(each, run, clock)}" for each in roots)
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
            parts = [f"is WAITING for {named(*uncut(state.get('waits_for', ['its execution'])))}"]
        case "PROCESSING":
            parts = [f"is PROCESSING since {since}"]
        case "COMPLETED":
            parts = [f"COMPLETED at {since}; its refresh event has not arrived yet, or another status is required"]
        case "NOT OPENED":
            parts = [_not_opened(state, clock).format(**about)]
        case "EXPECTED":
            parts = ["has not been refreshed"]
        case "UNKNOWN":
            parts = ["is not in this catalog"]
        case ended:
            parts = [f"{ended} since {since}; {REMEDIES[ended].format(**about)}"]
    if "error" in state:
        parts.append(f"{state['error']}: {state.get('cause', '')}".rstrip(": "))
    if "usually_at" in state:
        parts.append(f"usually refreshed by {clock(state['usually_at'])}")
    if "owner" in state:
        parts.append(f"owner {_owner(state)}")
    return "; ".join(parts)


def _not_opened(state: Entry, clock: Clock) -> str:
    if state.get("missed"):
        return f"its run was not opened at {clock(state['opens_at'])}; open it with `headgate backfill {{product}} --date {{date}}`"
    if "opens_at" in state:
        return f"its run opens at {clock(state['opens_at'])}"
    if "waits_for" in state:
        return f"has no run yet, its first arrival opens one; waits for {named(*uncut(state['waits_for']))}"
    return "has no run for this date"


def _external(run: Entry, clock: Clock) -> Iterator[str]:
    if "refreshed_at" in run:
        yield f"It has no pipeline here. It was refreshed for this date at {clock(run['refreshed_at'])}."
    else:
        usual = f" It is usually refreshed by {clock(run['usually_at'])}." if "usually_at" in run else ""
        yield f"It has no pipeline here. It has not been refreshed for this date.{usual}"


def _has_any(condition: Any) -> bool:
    if isinstance(condition, dict):
        return "any_of" in condition or any(_has_any(each) for each in condition.get("all_of", ()))
    return False
