"""What statelint does not check: reachability, retries, timeouts, catchers, recorded outcomes, size and history. Machines inside
Parallel and Map are checked like the machine itself."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import orjson

from headgate.generator.plan import retries
from headgate.generator.plan.asl import PLACEHOLDER, Machine, all_states, inner_machines, is_distributed
from headgate.generator.plan.names import MAX_NAME
from headgate.generator.plan.resources import KNOWN, PARAMETERS
from headgate.generator.plan.tasks import OUTCOME_RECORDER, RUN_HELD

# docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_DEFINITION, MAX_HISTORY = 1_000_000, 25_000
SHARE = 0.9
# How many items an inline Map has is not in the definition. As many as run at the same time are counted; a Map over more belongs
# in distributed mode (docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html).
INLINE_ITEMS = 40
# How often a loop goes round is not in the definition. The batches of files are planned as often as the state allows (`most_plans`).
ROUNDS = 100
Rounds = Callable[[Machine, str], int]  # how often a state of a machine is entered at most


def problems(definition: Machine, given: Collection[str] = ()) -> list[str]:
    """Everything wrong with a machine's definition, each in a sentence. The states `given` by a file are repeated where their author says so; how
    often their loops go round is checked with the file."""
    text = orjson.dumps(definition)
    found = list(_structure(definition, guarded=False, given=given))
    found += _unrecorded(definition)
    found += [
        f"the placeholder ${{{name}}} has no parameter"
        for name in sorted(set(PLACEHOLDER.findall(text.decode())))
        if name not in PARAMETERS and name not in KNOWN
    ]
    if len(text) > MAX_DEFINITION * SHARE:
        found.append(f"the definition has {len(text):,} bytes; Step Functions takes {MAX_DEFINITION:,}")
    found += [
        (f"`{name}`: " if name else "")
        + f"an execution can write {written:,} history events at worst; Step Functions ends it at {MAX_HISTORY:,}"
        for name, written in executions(
            definition, lambda machine, name: 1 if name in given else in_loops(machine, name)
        )
        if written > MAX_HISTORY * SHARE
    ]
    names = [name for name, _ in all_states(definition)]
    found += [f"two states are called `{name}`" for name in sorted({each for each in names if names.count(each) > 1})]
    found += [f"the name `{name}` is longer than {MAX_NAME} characters" for name in names if len(name) > MAX_NAME]
    return found


def targets(state: dict[str, Any]) -> list[str]:
    """The states that can follow this one."""
    found = [catcher["Next"] for catcher in state.get("Catch", ())]
    found += [choice["Next"] for choice in state.get("Choices", ())]
    return found + [state[key] for key in ("Next", "Default") if key in state]


def _reached(machine: Machine, stop_at: frozenset[str] = frozenset()) -> set[str]:
    """The states reached from the start; the walk does not go on behind those in `stop_at`."""
    seen: set[str] = set()
    queue = [machine["StartAt"]]
    while queue:
        name = queue.pop()
        if name not in seen and name in machine["States"]:
            seen.add(name)
            if name not in stop_at:
                queue.extend(targets(machine["States"][name]))
    return seen


def _structure(machine: Machine, guarded: bool, given: Collection[str]) -> Iterator[str]:
    """`guarded`: a Parallel or Map around the machine catches what fails in it."""
    reached = _reached(machine)
    for name, state in machine["States"].items():
        if name not in reached:
            yield f"`{name}` is never reached"
        for target in targets(state):
            if target not in machine["States"]:
                yield f"`{name}` is followed by `{target}`, which does not exist"
        catches_all = any("States.ALL" in each["ErrorEquals"] for each in state.get("Catch", ()))
        if state["Type"] == "Task":
            if "Retry" not in state and name not in given:
                yield f"`{name}` has no Retry"
            if "TimeoutSeconds" not in state and "TimeoutSecondsPath" not in state:
                yield f"`{name}` has no TimeoutSeconds"
        if state["Type"] in ("Task", "Parallel", "Map") and not catches_all and not guarded:
            yield f"`{name}` has no Catch, and nothing around it has one"
        for inner in inner_machines(state):
            yield from _structure(inner, guarded or catches_all, given)


def _unrecorded(definition: Machine) -> Iterator[str]:
    """Ends of the machine that can be reached without asking the outcome recorder. A recorder inside a Parallel or Map does not
    count: what is around it can still fail. What follows `RunHeld` is no end of the run: the gate has recorded that it waits on without a machine."""
    states = {
        name: {**state, "Catch": [each for each in state.get("Catch", ()) if each["ErrorEquals"] != [RUN_HELD]]}
        for name, state in definition["States"].items()
    }
    recorders = frozenset(
        name
        for name, state in states.items()
        if state["Type"] == "Task" and state["Parameters"].get("FunctionName") == OUTCOME_RECORDER
    )
    for name in sorted(_reached({**definition, "States": states}, recorders) - recorders):
        state = states[name]
        if state["Type"] in ("Succeed", "Fail") or state.get("End"):
            yield f"the machine can end in `{name}` without a recorded outcome"


def in_loops(machine: Machine, name: str) -> int:
    """How often a state is entered: a loop goes round as often as those of Headgate's own machines can."""
    return ROUNDS if name in after(machine, name) else 1


def executions(definition: Machine, rounds: Rounds) -> Iterator[tuple[str, int]]:
    """The executions that a machine starts, each by name with the history events it can write at worst: its own (named ""),
    and one for each item of a distributed Map."""
    yield "", history(definition, rounds)
    for name, state in all_states(definition):
        for inner in inner_machines(state):
            if is_distributed(inner):
                yield name, history(inner, rounds)


def history(machine: Machine, rounds: Rounds = in_loops) -> int:
    """The history events of one execution of the machine at worst: work fails as often as its retry allows, each task meets one wait
    for its service that takes all its retries, and the machine one outage of Headgate's own functions. That every try of the work meets
    another one is not counted: such a run takes weeks."""
    tasks = list(_tasks(machine))
    outages = [_retries(state, ours=True) for state in tasks]
    waits = sum(_retries(state) for state in tasks) - sum(outages)
    return 2 + _events(machine, rounds) + 4 * (waits + max(outages, default=0))


def _events(machine: Machine, rounds: Rounds) -> int:
    """Every state visited; what is around work repeats it as often as it can, and so does a loop."""
    return sum(rounds(machine, name) * _events_of(state, rounds) for name, state in machine["States"].items())


def _events_of(state: dict[str, Any], rounds: Rounds) -> int:
    if state["Type"] == "Task":
        return 6  # entered, scheduled, started, submitted, ended, exited
    inner = inner_machines(state)
    tries = 1 + _retries(state)
    started = 2 * tries if inner else 0  # and ended
    return 2 + tries * sum(_inner_events(state, each, rounds) for each in inner) + started


def after(machine: Machine, name: str) -> set[str]:
    """The states that can follow this one, itself among them if it is in a loop."""
    states = machine["States"]
    return {each for following in targets(states[name]) for each in _reached({**machine, "StartAt": following})}


def _retries(state: dict[str, Any], ours: bool = False) -> int:
    """The retries of a state; `ours`: those because of Headgate's functions, and of nothing else."""
    retriers = state.get("Retry", ())
    if ours:
        retriers = [each for each in retriers if each in retries.CALL or each in retries.FUNCTION]
    return sum(each.get("MaxAttempts", 3) for each in retriers)


def _tasks(machine: Machine) -> Iterator[dict[str, Any]]:
    """The tasks that write into the history of this machine."""
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        for inner in inner_machines(state):
            if not is_distributed(inner):
                yield from _tasks(inner)


def _inner_events(state: dict[str, Any], inner: Machine, rounds: Rounds) -> int:
    if state["Type"] == "Parallel":
        return _events(inner, rounds)
    if is_distributed(inner):
        return 2  # the map run started and ended; its items write histories of their own
    return INLINE_ITEMS * (2 + _events(inner, rounds))  # each iteration started and ended
