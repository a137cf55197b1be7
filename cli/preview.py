"""What an operation would change, as the application answers a preview: runs, inputs, job runs, and what AWS is asked for then."""

from collections.abc import Iterator, Sequence
from typing import Any

from headgate.cli import terminal
from headgate.cli.formatting import EFFECTS, Clock, Entry, few, few_runs, loaded, named_run, plural, uncut

INPUTS = {
    "reopened": "waits again for {upstream}", "waived": "counts {upstream} as arrived", "unwaived": "waits again for {upstream}",
    "arrived": "{upstream} has arrived", "added": "now waits for {upstream}", "removed": "no longer waits for {upstream}",
}  # fmt: skip


def print_preview(action: str, previews: Sequence[Entry]) -> None:
    """Prints the previews of an action, one for each call that it makes."""
    accounts = sorted({each["account"] for each in previews})
    terminal.line(f"Preview of {action} in account {', '.join(accounts)}; nothing has been changed.")
    runs, more = _all(previews, "runs")
    if runs:
        terminal.table([["run", "was", "would be", "attempt", "what happens", "SLA"], *map(_run, runs)], heading=True)
    else:
        terminal.line("No run changes.")
    if more:
        terminal.line(f"and {plural(more, 'run')} more")
    for text in (
        *_loads(previews),
        *_reached(previews),
        *_waiting(previews),
        *_inputs(previews),
        *_jobs(previews),
        *_effects(previews),
    ):
        terminal.line(text)
    if len(previews) == 1:
        digest = previews[0]["digest"]
        terminal.line(f"Digest {digest}; with `--expect {digest}` the command does exactly this or is refused.")


def _all(previews: Sequence[Entry], kind: str) -> tuple[list[Entry], int]:
    parts = [uncut(each[kind]) for each in previews]
    return [entry for found, _ in parts for entry in found], sum(left_out for _, left_out in parts)


def _name(each: Entry) -> str:
    return f"{each['product']} {named_run(each)}"


def _run(each: Entry) -> list[str]:
    due = f"due by {Clock(None, each['business_date'])(each['due_at'])}" if "due_at" in each else ""
    happens = ", ".join(event.replace("_", " ") for event in each["events"])
    return [_name(each), each.get("was", "not opened"), each["status"], str(each["attempt"]), happens, due]


def _reached(previews: Sequence[Entry]) -> Iterator[str]:
    """Of a rerun with everything downstream: what runs again once it receives the events of these."""
    results = [each.get("result") for each in previews]
    later = [
        one for found in results if isinstance(found, list) for one in found if not {"attempt", "more"} & one.keys()
    ]
    if later:
        named = [f"{_name(each)}" + (f" in {each['runs_in']}" if each["runs_in"] else "") for each in later]
        yield f"Reached by events, where these have ended: {few(named)}."


def _loads(previews: Sequence[Entry]) -> Iterator[str]:
    """Of a rerun of a product whose files are loaded in batches."""
    found = [each["result"] for each in previews if isinstance(each.get("result"), list)]
    for each in (one for result in found for one in result if "files" in one):
        yield f"Files: {_name(each)} would load {loaded(each['files'])}."


def _waiting(previews: Sequence[Entry]) -> Iterator[str]:
    """Of a hold or its end."""
    for each in previews:
        result = each.get("result")
        if isinstance(result, dict) and result.get("waiting_runs"):
            yield f"Runs of {each['product']} that stay WAITING: {few_runs(result['waiting_runs'])}."


def _inputs(previews: Sequence[Entry]) -> Iterator[str]:
    found, more = _all(previews, "inputs")
    if found:
        yield "Inputs: " + few([f"{_name(each)} {INPUTS[each['event']].format(**each)}" for each in found], more) + "."


def _jobs(previews: Sequence[Entry]) -> Iterator[str]:
    found, more = _all(previews, "jobs")
    if found:
        yield "Job runs: " + few([_job(each) for each in found], more) + "."


def _job(each: Entry) -> str:
    fate = "is asked to stop" if "stopped" in each else "goes on"
    return f"{each['job']} ({each['job_run_id']}, step {each.get('step')} of {_name(each)}) {fate}"


def _effects(previews: Sequence[Entry]) -> Iterator[str]:
    found, _ = _all(previews, "effects")
    counts: dict[str, int] = {}
    for each in found:
        counts[_effect(each)] = counts.get(_effect(each), 0) + each["count"]
    if counts:
        asked = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
        yield f"AWS is asked afterwards for: {asked}. What AWS and other accounts do then is not part of this."


def _effect(each: dict[str, Any]) -> str:
    reach = {"mesh": " for the mesh", "domain": " for the domain"}.get(each.get("visibility", ""), "")
    return EFFECTS[each["kind"]] + (f" {each['of']}" if "of" in each else "") + reach
