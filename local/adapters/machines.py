"""Closes gaps of the endpoint's engine, so that state machines run as in Step Functions."""

import contextvars
import copy
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ministack.services import stepfunctions as engine

from headgate.local.adapters import maps
from headgate.local.adapters.settings import Settings
from headgate.local.clock import Clock

HOOKS = (
    "stepfunctions:_invoke_with_callback", "stepfunctions:_call_lambda", "stepfunctions:_task_tokens", "stepfunctions:_ExecutionError",
    "stepfunctions:_run_sub_machine", "stepfunctions:_add_event", "stepfunctions:_apply_input_path", "stepfunctions:_execute_task",
    "stepfunctions:_invoke_sns_publish", "stepfunctions:_SERVICE_DISPATCH", "stepfunctions:_invoke_resource",
    "stepfunctions:_invoke_resource_with_timeout",
)  # fmt: skip


def install(settings: Settings) -> None:
    _fail_waiting_tasks()
    _end_tasks_by_the_clock(settings.clock)
    _run_branches()
    _publish_objects()


def _fail_waiting_tasks() -> None:
    """A function that raises fails the task that waits for its token; in the engine the task waits for its time-out."""
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


def _end_tasks_by_the_clock(clock: Clock) -> None:
    """A task's `TimeoutSeconds` passes by the clock; in the engine it is real time, and a function that takes an hour never ends."""

    def call(resource: str, given: Any, timeout: float) -> Any:
        ended = clock.event()
        result: Future[Any] = Future()

        def work() -> None:
            try:
                result.set_result(engine._invoke_resource(resource, given))
            except Exception as error:  # noqa: BLE001 - raised again where the task waits
                result.set_exception(error)
            ended.set()

        run = contextvars.copy_context().run  # the account and region of the execution
        threading.Thread(target=clock.counted(lambda: run(work)), daemon=True).start()
        if not ended.wait(timeout):
            raise engine._ExecutionError("States.Timeout", f"Task timed out after {timeout} seconds")
        return result.result()

    engine._invoke_resource_with_timeout = call


def _run_branches() -> None:
    """Each branch has its own context, and its states are in the history.

    The engine gives all branches one context, so that two that wait at the same time can get each other's task token, and it leaves
    their states out of the history.
    """

    def run(states: dict[str, Any], start: str, given: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        own = {**context, "State": {}}
        name: str | None = start
        value = copy.deepcopy(given)
        while name:
            if maps.is_abandoned():
                raise engine._ExecutionError("States.Aborted", "another item of the Map has failed")
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
    """`sns:publish` turns an object that is given as the message into JSON text; the engine passes the object on."""
    publish = engine._invoke_sns_publish

    def with_text(resource: str, given: dict[str, Any]) -> Any:
        message = given.get("Message")
        return publish(resource, {**given, "Message": message if isinstance(message, str) else json.dumps(message)})

    engine._SERVICE_DISPATCH["arn:aws:states:::sns:publish"] = with_text
