"""The files of a run, as sentences: which are there, which are not and when they usually come, and what was wrong with those that do not count."""

from collections.abc import Iterator

from headgate.cli.formatting import Clock, Entry, plural, printable, size, to_be_swept, uncut


def files(run: Entry, clock: Clock) -> Iterator[str]:
    """Nothing for a run whose product has none. Once the run has started, one line and what was rejected."""
    found = run.get("files")
    if found is None:
        return
    waits = run["status"] in ("WAITING", "NOT OPENED", "ERROR", "SKIPPED") and "started_at" not in run
    missing, more = uncut(found.get("missing", ())) if waits else ([], 0)
    state = [f"{plural(found['there'], 'file')} {'is' if found['there'] == 1 else 'are'} there"]
    state += [f"{found['rejected']:,} rejected"] if found["rejected"] else []
    state += (
        ["the set is complete"]
        if waits and not missing and found.get("generation", 0) == 0 and "arrives_at" in found
        else []
    )
    if waits and not found["there"] + found["rejected"] and "sweep" in found:
        yield f"Files: {to_be_swept(found['sweep'], clock)}."
        return
    settles = f"; it counts at {clock(found['arrives_at'])} if nothing else comes" if "arrives_at" in found else ""
    corrected = f"; corrected {plural(found['generation'] - 1, 'time')}" if found.get("generation", 0) > 1 else ""
    further = f"; {to_be_swept(found['sweep'], clock)}" if "sweep" in found else ""
    yield f"Files: {', '.join(state)}{settles}{corrected}{further}."
    listed, _ = uncut(found.get("files", ()))
    sent = {each["slot"] for each in listed if each["status"] == "REJECTED" and "slot" in each}
    for each in missing:
        if each["what"] in sent:
            continue
        usually = each.get("usually")
        when = f"; the last ones came between {usually['first']} and {usually['last']}" if usually else ""
        yield f"  {printable(each['what'])}  not here{when}"
    if more:
        yield f"  and {more:,} more are not here"
    for each in listed:
        if waits or each["status"] == "REJECTED":
            yield f"  {_file(each, clock)}"
    if waits and run["status"] == "WAITING" and missing:
        own = f"{run['product']} {run['product']} --date {run['business_date']}" + (
            f" --cycle {run['cycle']}" if "cycle" in run else ""
        )
        yield f"  To run with what is there: `headgate waive {own} --reason TEXT`"
    if waits and found["there"] + found["rejected"] > len(listed):
        yield f"  all: `headgate files list {run['product']} --date {run['business_date']}`"


def _file(each: Entry, clock: Clock) -> str:
    versions = f"; {each['versions']} versions, this is the newest" if "versions" in each else ""
    place = f"{printable(each['slot'])}  " if "slot" in each and each["slot"] not in each["name"].split("/")[-1] else ""
    about = f"{place}{printable(each['name'])}  {clock(each['received_at'])}  {size(each['size'])}"
    if each["status"] == "REJECTED":
        again = f"send it again under the same name, or take it as it is with `headgate files retry {each['file']}`"
        return f"{about}  REJECTED: {printable(each.get('reason', 'no reason given'))}; {again}"
    return f"{about}{'' if each['status'] in ('RECEIVED', 'PROCESSED') else '  ' + each['status']}{versions}"
