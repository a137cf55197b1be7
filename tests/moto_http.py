"""`http:invoke` on moto's engine, which has none: the test answers its calls as it answers those of other services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name import custom_error_name
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

# docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
PARAMETERS = {"ApiEndpoint", "Method", "Authentication", "Headers", "QueryParameters", "RequestBody", "Transform"}
Answer = Callable[[str, dict[str, Any]], dict[str, Any]]


class RefusedError(Exception):
    """The API answered with a status that is an error, or the call has no answer; has the name that Step Functions gives it."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class _Http(StateTaskService):  # type: ignore[misc]
    answer: Answer

    def _get_supported_parameters(self) -> set[str]:
        return PARAMETERS

    def _eval_service_task(self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any) -> None:  # fmt: skip
        unknown = normalised_parameters.keys() - PARAMETERS
        assert not unknown, f"http:invoke knows no {unknown}"
        env.stack.append(type(self).answer("http.start", normalised_parameters))

    def _from_error(self, env: Any, ex: Exception) -> Any:
        error = ex.error if isinstance(ex, RefusedError) else "States.TaskFailed"
        failed = TaskFailedEventDetails(error=error, cause=str(ex), resource="invoke", resourceType="http")
        details = EventDetails(taskFailedEventDetails=failed)
        return FailureEvent(env=env, error_name=ErrorName(error), event_type=HistoryEventType.TaskFailed, event_details=details)  # fmt: skip


@contextmanager
def http_invoke(answer: Answer) -> Iterator[None]:
    """Calls of `http:invoke` get this answer, `{StatusCode, ResponseBody, Headers}`. It may raise `RefusedError`."""
    of = state_task_factory.state_task_service_for
    kind = type("Http", (_Http,), {"answer": staticmethod(answer)})

    def service(service_name: str) -> Any:
        return kind() if service_name == "http" else of(service_name=service_name)

    # the engine takes every name that begins with `States.` for one of its own
    with (
        patch.object(state_task_factory, "state_task_service_for", service),
        patch.object(custom_error_name, "ILLEGAL_CUSTOM_ERROR_PREFIX", "States.Of"),
    ):
        yield
