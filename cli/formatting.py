"""The history of a date as rows of text, and the forms of moments, counts and names in messages."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

Entry = dict[str, Any]
Row = list[str]

EFFECTS = {
    "start_execution": "start of an execution",
    "stop_execution": "stop of an execution",
    "task_success": "answer to a machine",
    "task_failure": "answer to a machine",
    "put_event": "event",
    "alert": "alert",
    "lineage": "run event of OpenLineage",
}

HAPPENED = {
    "STARTED": "started", "COMPLETED": "refreshed", "ERROR": "failed", "SKIPPED": "skipped", "CANCELLED": "cancelled", "REOPENED": "made again",
}  # fmt: skip
INPUTS = {
    "input added": "now waits for", "input removed": "no longer waits for", "input reopened": "made again:",
}  # fmt: skip

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FEW = 8  # how many names of a long list a sentence has


class Clock:
    """Formats moments in a time zone (default: the one of this machine), with the day where it is not the business date."""

    def __init__(self, zone: tzinfo | None, date: str) -> None:
        self.zone, self._date = zone, date

    def __call__(self, moment: str | None, seconds: bool = False) -> str:
        if not moment:
            return ""
        at = datetime.fromisoformat(moment).astimezone(self.zone)
        day = "" if at.date().isoformat() == self._date else f"{at:%b} {at.day} "
        return day + at.strftime("%H:%M:%S" if seconds else "%H:%M")

    def with_zone(self, moment: str) -> str:
        """The moment and the name of the time zone, in which every other moment is as well."""
        return f"{self(moment)} {datetime.fromisoformat(moment).astimezone(self.zone):%Z}"


def plural(count: int, noun: str) -> str:
    """`1 run`, `2,000 runs`"""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def of_commit(commit: str) -> str:
    """`commit 0123456789ab`; what is deployed outside a repository, or before its first commit, has none."""
    return f"commit {commit[:12]}" if commit else "an unknown commit"


def lasted(seconds: float | None) -> str:
    """`45 s`, `12 min`, `3 h 05 min`; empty if it is unknown."""
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def size(count: int) -> str:
    """`0 bytes`, `12.1 MB`"""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return plural(count, "byte")


def loaded(files: Entry) -> str:
    """What the next attempt of a run loads: `3 of 2,000 files (1.2 MB of 24.0 GB)`"""
    every = f"{plural(files['all_files'], 'file')} ({size(files['all_bytes'])})"
    if files.get("again"):
        return f"all {every} again"
    if files["files"] == files["all_files"]:
        return every
    return f"{files['files']:,} of {plural(files['all_files'], 'file')} ({size(files['bytes'])} of {size(files['all_bytes'])}); all of them with --all-files"


def printable(text: str) -> str:
    """Anybody's text, which must not control the terminal."""
    return _CONTROLS.sub("\ufffd", text)


def input_name(name: str) -> str:
    """An input of a run: an upstream, or the files of a product."""
    return f"files of {name.removesuffix('#files')}" if name.endswith("#files") else name


def to_be_swept(sweep: Entry, clock: Clock) -> str:
    """Of the files that no opening has taken yet."""
    return f"{plural(sweep['waiting'], 'file')} {'waits' if sweep['waiting'] == 1 else 'wait'} for {next_sweep(sweep, clock)}"


def next_sweep(sweep: Entry, clock: Clock) -> str:
    return f"the sweep at {clock(sweep['at'])}" if "at" in sweep else "the next sweep"


def few(names: Sequence[str], left_out: int = 0) -> str:
    """The first names of a list, and how many more there are, `left_out` beyond the list."""
    return named(names[:FEW], len(names[FEW:]) + left_out)


def named(names: Sequence[str], left_out: int) -> str:
    """`a, b and 2 more`"""
    return ", ".join(names) + (f" and {left_out:,} more" if left_out else "")


def uncut(items: Sequence[Any]) -> tuple[list[Any], int]:
    """The elements of a list of an answer, and how many the answer left out: a list that was cut ends with {"more": n}."""
    cut = bool(items) and isinstance(items[-1], dict) and "more" in items[-1]
    return (list(items[:-1]), items[-1]["more"]) if cut else (list(items), 0)


def named_run(run: Entry) -> str:
    """`2026-11-20`, or `2026-11-20 1430` of a product with cycles"""
    return f"{run['business_date']} {run.get('cycle') or ''}".rstrip()


def few_runs(runs: Sequence[Entry]) -> str:
    """The first runs of a list of an answer, and how many more there are."""
    first, left_out = uncut(runs)
    return few([named_run(each) for each in first], left_out)


def product_and_cycle(each: Entry) -> str:
    return str(each["product"]) + (f" {each['cycle']}" if "cycle" in each else "")


def archived(page: Entry) -> str:
    """Where runs are that are not in the database any more."""
    return f"archived to {page['location']} on {page['at'][:10]}"


def history(entries: Sequence[Entry], clock: Clock) -> list[Row]:
    """A row for each entry, oldest first."""
    return [[clock(each["at"], seconds=True), product_and_cycle(each), _event(each)] for each in entries]


def _event(each: Entry) -> str:
    attempt = f" (attempt {each['attempt']})" if each.get("attempt", 1) > 1 else ""
    match each["kind"]:
        case "held" | "hold ended" as kind:
            what = "run" if "business_date" in each else "product"
            return f"{what} held by {each['by']}" if kind == "held" else f"hold of the {what} ended by {each['by']}"
        case "refreshed" if each.get("foreign"):
            account = f" of account {each['account']}" if "account" in each else ""
            return f"{each['status']} for {each['business_date']}, by an event{account} from outside its pipeline"
        case "refreshed":
            reason = f": {each['reason']}" if "reason" in each else ""
            signal = f", by {each['signal']}" if "signal" in each else ""
            return f"{HAPPENED[each['status']]} for {each['business_date']}{attempt}{signal}{reason}"
        case "arrived":
            return f"{input_name(each['upstream'])} arrived"
        case "waived" | "waiver ended" as kind:
            reason = f": {each['reason']}" if "reason" in each else ""
            return f"{input_name(each['upstream'])} {'waived' if kind == 'waived' else 'waited for again, its waiver ended'} by {each['by']}{reason}"
        case "condition changed":
            return f"condition changed by {each['by']}"
        case "outdated":
            return f"OUTDATED: an input that it has used is made again{attempt}"
        case "input added" | "input removed" | "input reopened" as kind:
            date = f" for {each['required_date']}" if "required_date" in each else ""
            cycle = f" {each['required_cycle']}" if "required_cycle" in each else ""
            return f"{INPUTS[kind]} {each['upstream']}{date}{cycle}"
        case "job started":
            made_here = (
                each["job_run_id"][36:37] == "/"
            )  # of a function: <run id>/<attempt>/<step>, which the entry says already
            name = each["job_run_id"].replace(":", "/").rpartition("/")[2][:16]  # of an ARN or a path its end
            return f"step {each['step']}: {each['job']} started{attempt}" + ("" if made_here else f", {name}")
        case "job ended":
            cause = "" if each["status"] == "SUCCEEDED" else f": {each.get('cause', '')}"
            return f"step {each.get('step')}: {each['job']} {each['status']}{cause}"
        case "effect parked":
            return (
                f"{EFFECTS[each['effect_kind']]} parked{attempt}: {each['reason']}; `headgate retry {each['effect']}`"
            )
        case "effect retried":
            return f"{EFFECTS[each['effect_kind']]} retried by {each['by']}{attempt}"
        case "started again":
            return f"start of its execution repaired by {each['by']}: Step Functions did not know it{attempt}"
        case "metadata changed":
            return f"metadata changed by {of_commit(each['commit'])} ({each['by']}); `headgate changes {each['product']}` says how"
        case "left shadow":
            return "does not go on: the application left shadow"
        case "SLA changed":
            return f"SLA changed by {each['by']}"
        case "late" if each["status"] == "NOT OPENED":
            return "LATE: not opened when its SLA was due"
        case "late":
            return f"LATE: not completed within its SLA; status {each['status']}"
    if each.get("resumed"):
        return f"RESUMED: {each.get('cause', 'its condition holds')}{attempt}"
    if each.get("opened"):
        return f"run opened by {each['by']}{attempt}"
    if each.get("released"):
        repaired = ", which had been missed" if each.get("repaired") else ""
        return f"RELEASED: {each['reason']}{repaired}{attempt}"
    if each["status"] == "WAITING" and "execution_arn" in each:
        return f"execution started: {each['execution_arn'].rsplit(':', 1)[-1]}"
    if each["status"] == "WAITING":
        return f"changed by {each['by']}"
    reasons = [each[key] for key in ("error", "cause") if each.get(key)] if each["status"] != "PROCESSING" else []
    cause = "".join(f": {reason}" for reason in reasons)
    actor = "" if each["by"] in ("machine", "refresh event") else f" by {each['by']}"
    return f"{each['status']}{actor}{attempt}{cause}"
