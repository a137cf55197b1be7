"""State machines as Step Functions runs them, where the endpoint's engine does not."""

import copy
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = (
    "stepfunctions:_invoke_with_callback", "stepfunctions:_call_lambda", "stepfunctions:_task_tokens", "stepfunctions:_ExecutionError",
    "stepfunctions:_run_sub_machine", "stepfunctions:_add_event", "stepfunctions:_apply_input_path", "stepfunctions:_execute_task",
    "stepfunctions:_invoke_sns_publish", "stepfunctions:_SERVICE_DISPATCH",
)  # fmt: skip


def install(settings: Settings) -> None:
    _fail_waiting_tasks()
    _run_branches()
    _publish_objects()
    _create_ops_items(settings)


def _fail_waiting_tasks() -> None:
    """A function that raises fails the task that waits for its token; the engine lets it wait for its timeout."""
    invoke, call = engine._invoke_with_callback, engine._call_lambda
    current = threading.local()

    def with_callback(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        current.token = token
        try:
            return invoke(resource, given, token, state)
        finally:
            current.token = None

    def call_lambda(reference: Any, event: Any) -> Any:
        try:
            return call(reference, event)
        except engine._ExecutionError as error:
            waiting = engine._task_tokens.get(getattr(current, "token", None))
            if waiting:
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    engine._invoke_with_callback, engine._call_lambda = with_callback, call_lambda


def _run_branches() -> None:
    """Branches have a context each, and their states stand in the history.

    The engine gives all branches one context, so that two that wait at once can get each other's task token, and leaves
    their states out of the history.
    """

    def run(states: dict[str, Any], start: str, given: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        own = {**context, "State": {}}
        name: str | None = start
        value = copy.deepcopy(given)
        while name:
            state = states[name]
            kind = state["Type"]
            own["State"] = {"Name": name, "EnteredTime": engine.now_iso(), "RetryCount": 0}
            entered = {"stateEnteredEventDetails": {"name": name, "input": json.dumps(value)}}
            engine._add_event(execution, f"{kind}StateEntered", entered)
            if kind == "Fail":
                raise engine._ExecutionError(*engine._fail_state_error(state, value, own))
            if kind == "Succeed":
                selected = engine._apply_input_path(state, value, own)
                value, following = engine._apply_output_path(state, selected, own), None
            else:
                execute: Callable[..., Any] = getattr(engine, f"_execute_{kind.lower()}")
                more = (execution, own) if kind in ("Task", "Parallel", "Map") else (own,)
                value, following = execute(state, value, *more)
            exited = {"stateExitedEventDetails": {"name": name, "output": json.dumps(value)}}
            engine._add_event(execution, f"{kind}StateExited", exited)
            name = following
        return value

    engine._run_sub_machine = run


def _publish_objects() -> None:
    """`sns:publish` makes JSON text of an object given as the message; the engine hands it on as it is."""
    publish = engine._invoke_sns_publish

    def with_text(resource: str, given: dict[str, Any]) -> Any:
        message = given.get("Message")
        return publish(resource, {**given, "Message": message if isinstance(message, str) else json.dumps(message)})

    engine._SERVICE_DISPATCH["arn:aws:states:::sns:publish"] = with_text


def _create_ops_items(settings: Settings) -> None:
    """`aws-sdk:ssm:createOpsItem`, which the endpoint does not have: incidents are kept in a list."""
    items = settings.incidents

    def create(resource: str, given: dict[str, Any]) -> dict[str, str]:
        items.append(given)
        return {"OpsItemId": f"oi-{len(items):012x}"}

    engine._SERVICE_DISPATCH["arn:aws:states:::aws-sdk:ssm:createOpsItem"] = create
