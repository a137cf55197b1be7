"""One batch of files as sentences: whose it is, its job run and where that logs, and what became of its files."""

from collections.abc import Iterator

from headgate.cli.formatting import Clock, Entry, named_run, plural, printable, size, uncut

STATES = {
    "PLANNED": "planned, its job run has not been launched", "RUNNING": "its job run is not recorded yet",
    "RECORDED": "recorded", "FAILED": "failed; its files were planned again",
}  # fmt: skip


def batch_lines(found: Entry, clock: Clock) -> Iterator[str]:
    place = f"wave {found['wave']}, {found['number']:,} of {found['of']:,}"
    yield f"Batch {found['batch']} of {found['product']} for {named_run(found)}: step {found['step']}, attempt {found['attempt']}, {place}"
    ended = f", ended at {clock(found['ended_at'])}" if "ended_at" in found else ""
    yield f"{plural(found['files'], 'file')}, {size(found['bytes'])}; planned at {clock(found['planned_at'])}{ended}; {STATES[found['status']]}"
    statuses = [f"{count:,} {status}" for status, count in sorted(found["statuses"].items())]
    statuses += [f"{found['elsewhere']:,} in later batches"] if "elsewhere" in found else []
    yield f"Its files: {', '.join(statuses)}."
    left_out, more = uncut(found["left_out"])
    for each in left_out:
        reason = f": {printable(each['reason'])}" if "reason" in each else ""
        yield f"  {each['file']}  {printable(each['name'])}  {each['status']}{reason}"
    if more:
        yield f"  and {more:,} more: `headgate files list --batch {found['batch']}`"
    jobs, _ = uncut(found["jobs"])
    for each in jobs:
        end = f"{each['state']} at {clock(each['ended_at'])}" if "ended_at" in each else "still running"
        message = f": {printable(each['message'])}" if "message" in each and each["state"] != "SUCCEEDED" else ""
        yield f"Job run: {each['job']} {each['job_run_id']}, started at {clock(each.get('started_at'))}, {end}{message}"
        if "link" in each:
            yield f"  {each['link']}"
    if jobs:
        date = f"--date {found['business_date']} --step {found['step']} --batch {found['batch']}"
        yield f"  its log: `headgate logs {found['product']} {date}`"
    yield f"Manifest: {found['folder']}.jsonl, results below {found['folder']}/ in the bucket of batches (output BatchesBucket)."
