"""Why a run has its status, as sentences: what it waits for, what failed, and what happens next."""

from collections.abc import Iterator

from headgate.cli.explain_files import files
from headgate.cli.explain_inputs import REMEDIES, holds, missing, owner, waiting
from headgate.cli.explain_loading import loading
from headgate.cli.formatting import EFFECTS, Clock, Entry, archived, input_name, named, of_commit, plural, uncut


def explained(run: Entry, clock: Clock) -> Iterator[str]:
    """A line for each sentence or list entry; entries of lists are indented."""
    name = run["product"] + (f" {run['cycle']}" if "cycle" in run else "")
    attempt = f", attempt {run['attempt']}" if run.get("attempt", 1) > 1 else ""
    yield f"{name} for {run['business_date']} is {run['status']}{attempt}."
    yield f"{run['description'].rstrip('.')}. Owner: {owner(run)}."
    if "shadow" in run:
        yield "It is in shadow: Headgate decides, and the existing scheduler does the work."
    if "refused" in run:
        yield f"It has its metadata of before the last deployment: {run['refused']}."
    match run["status"]:
        case "WAITING":
            yield from waiting(run, clock)
        case "PROCESSING":
            yield f"Started at {clock(run.get('started_at'))}: {run.get('release_reason', '')}."
            yield from files(run, clock)
            yield from _outdated(run, clock)
        case "COMPLETED":
            yield f"Released at {clock(run.get('released_at'))} ({run.get('release_reason')}), completed at {clock(run.get('finished_at'))}."
            yield from files(run, clock)
            yield from _outdated(run, clock)
        case "NOT OPENED":
            yield _unopened(run, clock)
            yield from files(run, clock)
            yield from holds(run)
            if "timezone" not in run or "opens_at" in run:
                yield from missing(run, clock, "It will wait for")
        case "ARCHIVED":
            yield f"{_capital(archived(run['archived']))}, and cannot be run again."
        case "EXTERNAL":
            yield from _external(run, clock)
        case _:
            yield f"Ended at {clock(run.get('finished_at'))}: {run.get('error') or 'changed by ' + run.get('changed_by', 'unknown')}."
            if run.get("cause"):
                yield f"  {run['cause']}"
            yield from holds(run)
            yield from files(run, clock)
            yield from missing(run, clock, "Missing")
            yield _remedy(run, clock)
    if loaded := loading(run):
        yield f"{'Loading' if run['status'] == 'PROCESSING' else 'Loaded'}: {loaded}."
    yield from _waived(run, clock)
    yield from _failing(run, clock)
    jobs, more = uncut(run.get("jobs", ()))
    for job in jobs:
        ended = f"{job['state']} at {clock(job['ended_at'])}" if "ended_at" in job else "still running"
        cause = f": {job['message']}" if job["state"] not in ("SUCCEEDED", "STARTED") and "message" in job else ""
        batch = f", batch {job['handle']['batch']}" if "batch" in job.get("handle", {}) else ""
        yield f"  step {job.get('step')}{batch}, attempt {job.get('attempt')}: {job['job']} {job['job_run_id']}, started at {clock(job.get('started_at'))}, {ended}{cause}"
        if "link" in job and job["state"] != "SUCCEEDED":
            yield f"    {job['link']}"
    if more:
        yield f"  and {more:,} more job runs"
    if "due_at" in run:
        late = "; completed late" if run["status"] == "COMPLETED" else " (LATE)"
        yield f"Due by {clock(run['due_at'])}{late if run.get('late') else ''}."
    if "passed_on" in run:
        yield f"Passed on with its refresh: {run['passed_on']}"
    if "metadata" in run:
        metadata = run["metadata"]
        yield f"Metadata of {of_commit(metadata['commit'])}, loaded at {clock(metadata['loaded_at'])}."
    if "execution_arn" in run:
        yield f"Execution: {run['execution_arn']}"
    if "link" in run:
        yield f"  {run['link']}"
    if run.get("downstream"):
        yield f"Downstream: {named(*uncut(run['downstream']))}."


def _outdated(run: Entry, clock: Clock) -> Iterator[str]:
    """What a run that has used its inputs is to know of them."""
    if "outdated_at" not in run:
        return
    inputs, more = uncut(run.get("reopened", ()))
    again = (
        f"{named([input_name(each['product']) for each in inputs], more)} is made again"
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
        yield f"Waived: {input_name(each['product'])}{date} counts as arrived, by {each['by']} at {clock(each['at'])}: {each.get('reason', '')}"
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
    backfill = f"open it with `headgate backfill {run['product']} --date {run['business_date']}`"
    instead = "the next opening takes its files" if run.get("sweeps") else backfill
    if run.get("late") and not run.get("missed"):
        return f"Its run should have been opened at {clock(run['opens_at'])}, and the scheduler has not done so; {instead}."
    if "scheduled_at" in run:
        return f"Its schedule had the opening at {clock(run['opens_at'])}, before it took effect here at {clock(run['scheduled_at'])}; {instead}."
    if run.get("missed"):
        return f"Its schedule had the opening at {clock(run['opens_at'])}, but the scheduler was not running then; {instead}."
    return f"Its run opens at {clock(run['opens_at'])}."


def _external(run: Entry, clock: Clock) -> Iterator[str]:
    if "refreshed_at" in run:
        signal = f", by {run['signal']}" if "signal" in run else ""
        yield f"It has no pipeline here. It was refreshed for this date at {clock(run['refreshed_at'])}{signal}."
    else:
        usual = f" It is usually refreshed by {clock(run['usually_at'])}." if "usually_at" in run else ""
        yield f"It has no pipeline here. It has not been refreshed for this date.{usual}"
    if "signals" in run:
        yield _signals(run["signals"], clock)


def _signals(signals: Entry, clock: Clock) -> str:
    """`Its signal is states load-orders; the last was heard at 06:40: COMPLETED for 2026-11-20.`"""
    named = f"Its signal is {signals['kind']} {signals['subject']}"
    if not signals["heard"]:
        return f"{named}; none has been heard yet."
    last = signals["heard"][0]
    return f"{named}; the last was heard at {clock(last['received_at'])}: {last['status']} for {last['business_date']}."
