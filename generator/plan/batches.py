"""The states of a step that loads files: batches of them are planned, each is loaded by a run of the step's own work, and what is left is planned again."""

from collections.abc import Callable
from typing import Any

from headgate.generator.plan import names
from headgate.generator.plan.outline import StepOutline
from headgate.generator.plan.states import Call, State, catch_all, flow
from headgate.generator.plan.tasks import FAILURE, FILE_BATCHES, RUN, Result, choice, function, succeed

BATCH = {"batch_id.$": "$.batch_id"}  # in a child: which batch it loads
# The result of all children together is limited to 256 KiB (docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
SHORT: Result = ("$", {"batch_id.$": "$.Payload.batch_id"})
# The machine starts and follows the executions of its Map (docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-distributed-map.html).
ITSELF = f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:%s:${{NamePrefix}}{names.MACHINE}%s"
CHILDREN = (
    Call("states:StartExecution", ITSELF % ("stateMachine", "")),
    Call("states:DescribeExecution", ITSELF % ("execution", "/*:*"), service_call=""),
    Call("states:StopExecution", ITSELF % ("execution", "/*:*"), service_call=""),
)
Work = Callable[
    [str, str], list[State]
]  # the states that load one batch, given what follows their success and their failure


def plan_batches(
    step: StepOutline, path: str, work: Work, next_state: str | None, on_failure: str | None
) -> list[State]:
    """The states of the step. `path`: where its configuration stands, in the machine and in each child."""
    plan, check, load = (
        f"Plan the batches of {step.name}",
        f"Check for files of {step.name}",
        f"Load the batches of {step.name}",
    )
    recorded, failed = f"Record the batch of {step.name}", f"Record the failed batch of {step.name}"
    caught, end = catch_all(on_failure), f"Files of {step.name} loaded"
    named = RUN | {"step": step.name}

    def record(name: str, action: str, more: dict[str, Any], on: str | None) -> State:
        payload = {"action": action} | named | BATCH | more
        return function(name, FILE_BATCHES, payload, None, catch_all(on), result=SHORT)

    child = [
        *work(recorded, failed),
        record(recorded, "record", {"job_run_id.$": "$.job.run_id"}, failed),
        record(failed, "fail", FAILURE, None),
    ]
    planned: Result = ("$.batches", {"decision.$": "$.Payload.decision", "batches.$": "$.Payload.batches"})
    states = [
        function(
            plan, FILE_BATCHES, {"action": "plan", "entered_at.$": "$$.State.EnteredTime"} | named, check, caught,
            "What is left of the files, in batches: all of them at first, and then what a batch gave back or what has come since.", planned,
        ),
        choice(check, "$.batches.decision", "load", load, next_state or end),
        State(
            load, "states/batches", plan, "Each batch in an execution of its own.", catch=caught, branches=(flow(child),),
            values={"parallel": step.settings["batches"]["parallel"], "key": step.key, "path": path}, calls=CHILDREN,
        ),
    ]  # fmt: skip
    return states if next_state else [*states, succeed(end)]
