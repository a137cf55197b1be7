"""The tasks that every machine is made of: calls of Headgate's functions, alerts and events."""

from typing import Any

from headgate.generator.plan import retries
from headgate.generator.plan.states import Call, Catch, State, catch_all

DEPENDENCY_GATE = "${DependencyGateFunctionArn}"
FILE_BATCHES = "${FileBatchesFunctionArn}"
JOB_TRACKER = "${JobTrackerFunctionArn}"
OUTCOME_RECORDER = "${OutcomeRecorderFunctionArn}"
RUN_HELD = "RunHeld"  # the error by which the gate ends the machine of a run that is held past its deadline
PIPELINE_CONFIGURATION = "${PipelineConfigurationFunctionArn}"
ALERT_TOPIC = "${AlertTopicArn}"
KEY = "${KeyArn}"

Result = tuple[str, dict[str, str]] | None  # where in the machine's data what is kept of an answer

TIMEOUT = 60  # seconds, of a call that only records, publishes or asks
RUN = {"run_id.$": "$.run_id", "attempt.$": "$.attempt"}
EXECUTION = {"execution_arn.$": "$$.Execution.Id"}
FAILURE = {"error.$": "$.failure.Error", "cause.$": "$.failure.Cause"}


def function(
    name: str,
    arn: str,
    payload: dict[str, Any],
    next_state: str | None,
    catch: tuple[Catch, ...],
    comment: str = "",
    result: Result = None,
    retry: tuple[retries.Retrier, ...] = retries.CALL,
) -> State:
    """Calls a function of Headgate and keeps nothing of its answer, or `result`."""
    path, selector = result or (None, None)
    return State(
        name, "states/call_function", next_state, comment, TIMEOUT, retry, catch,
        {"function": arn, "payload": payload, "selector": selector, "path": path},
        calls=(_invocation(arn),),
    )  # fmt: skip


def function_by_token(
    name: str,
    arn: str,
    payload: dict[str, Any],
    timeout: int,
    next_state: str | None,
    catch: tuple[Catch, ...],
    comment: str = "",
    path: str | None = None,
) -> State:
    """Calls a function of Headgate and waits until the task token in the payload is answered; the answer is kept at `path`."""
    return State(
        name, "states/wait_for_token", next_state, comment, timeout, retries.FUNCTION, catch,
        {"function": arn, "payload": {**payload, "task_token.$": "$$.Task.Token"}, "path": path},
        calls=(_invocation(arn),),
    )  # fmt: skip


def alert(
    name: str, kind: str, product: str, comment: str, next_state: str | None, on_failure: str, step: str | None = None
) -> State:
    """Publishes to the alert topic. An alert that cannot be sent never stops the machine: `on_failure` follows."""
    message = {"kind": kind, "level": "step" if step else "product", "product": product}
    message |= {"step": step} if step else {}
    message |= {"run_id.$": "$.run_id", "business_date.$": "$.business_date", "cycle.$": "$.cycle", "attempt.$": "$.attempt"}  # fmt: skip
    message |= FAILURE if kind == "ERROR" else {}
    # The topic is encrypted: a publisher must be allowed to use its key as well
    # (docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse).
    calls = (Call("sns:Publish", ALERT_TOPIC), Call("kms:Decrypt", KEY, service_call=""), Call("kms:GenerateDataKey", KEY, service_call=""))  # fmt: skip
    return State(
        name, "states/send_alert", next_state, comment, TIMEOUT, retries.TOPIC,
        catch_all(on_failure, "$.alert_failure"),
        {"topic": ALERT_TOPIC, "message": message | EXECUTION, "kind": kind, "product": product},
        calls=calls,
    )  # fmt: skip


def event(
    name: str,
    bus: str,
    detail_type: str,
    detail: str,
    comment: str,
    next_state: str | None,
    catch: tuple[Catch, ...],
) -> State:
    """Puts one event on a bus; its detail is found at the path `detail`."""
    return State(
        name, "states/publish_event", next_state, comment, TIMEOUT, retries.EVENTS, catch,
        {"bus": bus, "detail_type": detail_type, "detail": detail},
        calls=(Call("events:PutEvents", bus),),
    )  # fmt: skip


def choice(name: str, variable: str, value: str, chosen: str, otherwise: str, comment: str = "") -> State:
    """`chosen` follows where the text at `variable` is `value`, else `otherwise`."""
    rule = {"Variable": variable, "StringEquals": value, "Next": chosen}
    return State(name, "states/choice", otherwise, comment, values={"choices": [rule]})


def succeed(name: str, comment: str = "") -> State:
    return State(name, "states/succeed", comment=comment)


def fail(name: str, comment: str = "") -> State:
    """Ends with the error that was caught."""
    return State(name, "states/fail", comment=comment)


def _invocation(arn: str) -> Call:
    return Call("lambda:InvokeFunction", arn, service_call="lambda:invoke")
