"""What statelint does not look at: reachability, retries, timeouts, catchers, recorded outcomes, size and history."""

from collections.abc import Iterator
from typing import Any

import orjson

from headgate.generator.plan.grants import PLACEHOLDER, tasks
from headgate.generator.plan.names import MAX_NAME
from headgate.generator.plan.resources import PARAMETERS

# docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_DEFINITION, MAX_HISTORY = 1_000_000, 25_000
SHARE = 0.9
RECORDER = "${OutcomeRecorderFunctionArn}"


def problems(definition: dict[str, Any]) -> list[str]:
    """Everything wrong with a machine's definition, each in a sentence."""
    text = orjson.dumps(definition)
    found = list(_structure(definition, guarded=False))
    found += _unrecorded(definition)
    found += [
        f"the placeholder ${{{name}}} has no parameter"
        for name in sorted(set(PLACEHOLDER.findall(text.decode())))
        if name not in PARAMETERS
    ]
    if len(text) > MAX_DEFINITION * SHARE:
        found.append(f"the definition has {len(text):,} bytes; Step Functions takes {MAX_DEFINITION:,}")
    events = history(definition)
    if events > MAX_HISTORY * SHARE:
        found.append(
            f"an execution can write {events:,} history events at worst; Step Functions ends it at {MAX_HISTORY:,}"
        )
    names = [name for name, _ in _all_states(definition)]
    found += [f"two states are called `{name}`" for name in sorted({each for each in names if names.count(each) > 1})]
    found += [f"the name `{name}` is longer than {MAX_NAME} characters" for name in names if len(name) > MAX_NAME]
    return found


def _all_states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from _all_states(branch)


def _targets(state: dict[str, Any]) -> list[str]:
    found = [catcher["Next"] for catcher in state.get("Catch", ())]
    found += [choice["Next"] for choice in state.get("Choices", ())]
    return found + [state[key] for key in ("Next", "Default") if key in state]


def _reached(machine: dict[str, Any], stop_at: frozenset[str] = frozenset()) -> set[str]:
    """The states reached from the start; the walk does not go on behind those in `stop_at`."""
    seen: set[str] = set()
    queue = [machine["StartAt"]]
    while queue:
        name = queue.pop()
        if name not in seen and name in machine["States"]:
            seen.add(name)
            if name not in stop_at:
                queue.extend(_targets(machine["States"][name]))
    return seen


def _structure(machine: dict[str, Any], guarded: bool) -> Iterator[str]:
    """`guarded`: a Parallel around the machine catches what fails in it."""
    reached = _reached(machine)
    for name, state in machine["States"].items():
        if name not in reached:
            yield f"`{name}` is never reached"
        for target in _targets(state):
            if target not in machine["States"]:
                yield f"`{name}` goes on to `{target}`, which is not there"
        catches_all = any("States.ALL" in each["ErrorEquals"] for each in state.get("Catch", ()))
        if state["Type"] == "Task":
            if "Retry" not in state:
                yield f"`{name}` has no Retry"
            if "TimeoutSeconds" not in state:
                yield f"`{name}` has no TimeoutSeconds"
            if not catches_all and not guarded:
                yield f"`{name}` has no Catch, and nothing around it has one"
        elif state["Type"] == "Parallel" and not catches_all and not guarded:
            yield f"`{name}` has no Catch, and nothing around it has one"
        for branch in state.get("Branches", ()):
            yield from _structure(branch, guarded or catches_all)


def _unrecorded(definition: dict[str, Any]) -> Iterator[str]:
    """Ends that can be reached without asking the outcome recorder."""
    states = definition["States"]
    recorders = frozenset(name for name, task in tasks(states) if task["Parameters"].get("FunctionName") == RECORDER)
    for name in sorted(_reached(definition, recorders) - recorders):
        state = states[name]
        if state["Type"] in ("Succeed", "Fail") or state.get("End"):
            yield f"the machine can end in `{name}` without a recorded outcome"


def history(definition: dict[str, Any]) -> int:
    """The history events an execution can write at worst: every state visited, every retry used."""
    return 2 + _events(definition)


def _events(machine: dict[str, Any]) -> int:
    total = 0
    for state in machine["States"].values():
        tries = 1 + sum(each.get("MaxAttempts", 3) for each in state.get("Retry", ()))
        if state["Type"] == "Task":
            total += 2 + 4 * tries  # entered, exited; scheduled, started, submitted, ended
        elif state["Type"] == "Parallel":
            total += 2 + tries * (2 + sum(_events(branch) for branch in state["Branches"]))
        else:
            total += 2
    return total
