"""How far a step is that loads files in batches, as a sentence."""

from headgate.cli.formatting import Entry, few, plural, printable, uncut


def loading(run: Entry) -> str | None:
    """How far the step is that loads the files of a run in batches, and once it has ended what it has made of them; None if none has begun."""
    found = run.get("loading")
    if found is None:
        return None
    statuses = found["statuses"]
    total = sum(statuses.values())
    if found["decision"] == "load":
        batches = _batches_under_way(found, run["status"])
        return f"{batches}; {statuses.get('PROCESSED', 0):,} of {plural(total, 'file')} PROCESSED{_left_out(found)}"
    here = " in this attempt" if run.get("attempt", 1) > 1 else ""
    failed = f", {found['failed']:,} more failed and planned again" if "failed" in found else ""
    return f"{plural(total, 'file')} in {_counted(found['done'])}{here}{failed}{_left_out(found)}"


def _batches_under_way(found: Entry, status: str) -> str:
    running, more = uncut(found.get("running", ()))
    numbers = [str(each["number"]) for each in running]
    waiting = [f"{found['waiting']:,} not launched yet"] if "waiting" in found else []
    verb = "running" if status == "PROCESSING" else "not recorded"
    if numbers:
        now = f"{'batch' if len(numbers) == 1 and not more else 'batches'} {few(numbers, more)} of {found['batches']:,} {verb}"
    else:
        now = f"{_counted(found['batches'])}"
    failed = [f"{found['failed']:,} failed and planned again"] if "failed" in found else []
    return ", ".join([f"wave {found['wave']}, {now}", *waiting, f"{found['done']:,} done", *failed])


def _counted(batches: int) -> str:
    return "1 batch" if batches == 1 else f"{batches:,} batches"


def _left_out(found: Entry) -> str:
    """`, 4 REJECTED (RowCount > 0: 4)`"""
    reasons, more = uncut(found.get("reasons", ()))
    parts = []
    for status in ("REJECTED", "FAILED"):
        if count := found["statuses"].get(status):
            named = [f"{printable(each['reason'])}: {each['files']:,}" for each in reasons if each["status"] == status]
            parts.append(f"{count:,} {status} ({', '.join(named)})" if named else f"{count:,} {status}")
    first = [f"reasons of the first {found['of']:,}"] if "of" in found else []
    rest = [f"{more:,} more reasons"] if more else []
    return "".join(f", {each}" for each in [*parts, *first, *rest])
