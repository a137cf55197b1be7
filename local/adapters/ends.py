"""Executions that are ended from outside: stopped, or at the time limit of their machine.

In the engine the states of a stopped execution that wait go on waiting, its branches run to their end, and an error that comes then
makes a failed execution of it. A machine's `TimeoutSeconds` is ignored. In Step Functions an execution that has ended does nothing
more, and nothing changes its end.
"""

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings
from headgate.local.clock import Clock

HOOKS = (
    "stepfunctions:_executions", "stepfunctions:_state_machines", "stepfunctions:_task_tokens", "stepfunctions:_ExecutionError",
    "stepfunctions:_run_execution", "stepfunctions:_execute_task", "stepfunctions:_invoke_with_callback", "stepfunctions:_add_event",
    "stepfunctions:_fail_execution", "stepfunctions:_stop_execution", "stepfunctions:_emit_execution_status_event",
)  # fmt: skip
ENDS = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut"}


def install(settings: Settings) -> None:
    waiting = _Waiting()
    waiting.install()
    _end_for_good(waiting)
    _end_in_time(settings.clock, waiting)


class _Waiting:
    """The task tokens that executions wait for."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._current = threading.local()

    def install(self) -> None:
        execute, invoke = engine._execute_task, engine._invoke_with_callback

        def executed(state: Any, given: Any, execution: dict[str, Any], context: Any) -> Any:
            if execution["status"] != "RUNNING":
                raise engine._ExecutionError("States.Runtime", "the execution has ended")
            self._current.execution = execution["executionArn"]
            return execute(state, given, execution, context)

        def with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
            self._tokens[token] = self._current.execution
            try:
                return invoke(resource, given, token, state)
            finally:
                del self._tokens[token]

        engine._execute_task, engine._invoke_with_callback = executed, with_callback

    def release(self, execution: str) -> None:
        """Ends the states of the execution that wait."""
        for token in [token for token, waits in list(self._tokens.items()) if waits == execution]:
            task = engine._task_tokens.get(token)
            if task:
                task["error"] = {"Error": "States.Runtime", "Cause": "the execution has ended"}
                task["event"].set()


def _end_for_good(waiting: _Waiting) -> None:
    fail, stop, add = engine._fail_execution, engine._stop_execution, engine._add_event

    def added(execution: dict[str, Any], kind: str, details: Any = None) -> None:
        if ENDS.get(execution["status"], kind) == kind:
            add(execution, kind, details)

    def failed(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def stopped(given: dict[str, Any]) -> Any:
        answer = stop(given)
        if answer[0] < 400:
            waiting.release(given["executionArn"])
        return answer

    engine._add_event, engine._fail_execution, engine._stop_execution = added, failed, stopped


def _end_in_time(clock: Clock, waiting: _Waiting) -> None:
    run = engine._run_execution

    def end(arn: str) -> None:
        execution = engine._executions[arn]
        if execution["status"] == "RUNNING":
            execution.update(status="TIMED_OUT", stopDate=engine.now_iso())
            engine._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
            engine._emit_execution_status_event(execution)
            waiting.release(arn)

    limits = _Limits(clock, end)

    def executed(arn: str) -> None:
        machine = engine._state_machines.get((engine._executions.get(arn) or {}).get("stateMachineArn")) or {}
        seconds = json.loads(machine.get("definition", "{}")).get("TimeoutSeconds")
        if seconds is None:
            run(arn)
            return
        limits.add(arn, seconds)
        try:
            run(arn)
        finally:
            limits.remove(arn)

    engine._run_execution = executed


class _Limits:
    """Calls `end` for each execution that runs at its time limit; one thread watches all."""

    def __init__(self, clock: Clock, end: Callable[[str], None]) -> None:
        self._clock, self._end = clock, end
        self._limits: dict[str, tuple[float, contextvars.Context]] = {}
        self._changed = clock.event()
        self._lock = threading.Lock()
        self._watched = False

    def add(self, arn: str, seconds: float) -> None:
        with self._lock:
            # the context has the account and region of the execution
            self._limits[arn] = self._clock.time() + seconds, contextvars.copy_context()
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._clock.counted(self._watch), daemon=True).start()
        self._changed.set()

    def remove(self, arn: str) -> None:
        with self._lock:
            self._limits.pop(arn, None)
        self._changed.set()

    def _watch(self) -> None:
        while True:
            self._changed.clear()
            with self._lock:
                now = self._clock.time()
                reached = [(arn, context) for arn, (at, context) in self._limits.items() if at <= now]
                for arn, _ in reached:
                    del self._limits[arn]
                following = min((at for at, _ in self._limits.values()), default=None)
            for arn, context in reached:
                context.run(self._end, arn)
            self._changed.wait(None if following is None else max(following - self._clock.time(), 0))
