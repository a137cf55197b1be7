"""The state machine of one product, planned: its first states, its steps, and the ways it can end."""

from collections.abc import Iterator

from headgate.generator.model.duration import spoken
from headgate.generator.plan import outcomes
from headgate.generator.plan.clusters import on_cluster
from headgate.generator.plan.outline import MachineOutline
from headgate.generator.plan.states import TIME_OUTS, Catch, Flow, State, catch_all, flow
from headgate.generator.plan.steps import plan_items
from headgate.generator.plan.tasks import (
    DEPENDENCY_GATE,
    EXECUTION,
    PIPELINE_CONFIGURATION,
    RUN,
    RUN_HELD,
    choice,
    function,
    function_by_token,
    succeed,
)

WAIT = "Wait for dependencies"
DEADLINE = "Handle missed deadline"
CHOOSE = "Check whether to start"
START = "Start the pipeline"
HELD = "Run held"
MISSED = {
    "fail": "then the run fails",
    "start": "then it starts with what has arrived",
    "skip": "then the run is skipped",
}


def plan_machine(given: MachineOutline) -> Flow:
    """Every state of the machine, in the order in which it is written."""
    ends = given.product, outcomes.COMPLETED, outcomes.FAILED
    work = on_cluster(given.cluster, given.items, *ends) if given.cluster else plan_items(given.items, *ends)
    return flow(
        [
            *_beginning(given, work[0].name),
            *work,
            *outcomes.success(given),
            *outcomes.failure(given),
        ]
    )


def _beginning(given: MachineOutline, work: str) -> Iterator[State]:
    yield function_by_token(
        WAIT, DEPENDENCY_GATE, {"action": "await"} | RUN | EXECUTION, given.deadline, START,
        (Catch(TIME_OUTS, DEADLINE), *catch_all(outcomes.FAILED)),
        f"At most {spoken(given.deadline)}, {MISSED[given.on_deadline]}.", "$.release",
    )  # fmt: skip
    may_skip = given.on_deadline == "skip"
    yield function(
        DEADLINE, DEPENDENCY_GATE, {"action": "deadline", "on_deadline": given.on_deadline} | RUN | EXECUTION,
        CHOOSE if may_skip else START, (Catch((RUN_HELD,), HELD), *catch_all(outcomes.FAILED)),
        "The last arrival and the deadline can meet: what is recorded decides.",
        ("$.release", {"decision.$": "$.Payload.decision"}),
    )  # fmt: skip
    yield succeed(HELD, "The run stays WAITING. The end of the hold starts its next attempt.")
    if may_skip:
        yield choice(CHOOSE, "$.release.decision", "start", START, outcomes.SKIPPED)
        yield from outcomes.skip(given)
    yield function(
        START, PIPELINE_CONFIGURATION, RUN | EXECUTION, work, catch_all(outcomes.FAILED),
        "The run is in progress from now on. The answer is what to run, with the arguments of this run.",
        ("$.configuration", {"steps.$": "$.Payload.steps"}),
    )  # fmt: skip
