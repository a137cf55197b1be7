"""Services that the endpoint does not have. The adapters of step types add theirs, each with the operations that are called."""

from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions, router

from headgate.local.adapters.settings import Settings

HOOKS = (
    "app:SERVICE_HANDLERS", "core.router:SERVICE_PATTERNS", "core.iam_actions:SERVICE_TO_IAM_NAMESPACE",
    "core.iam_actions:_BOTOCORE_SERVICE_MAP",
)  # fmt: skip
Handler = Callable[[str, str, Any, bytes, Any], Awaitable[Any]]


def install(settings: Settings) -> None:
    """Nothing is replaced."""


def add(service: str, handler: Handler, target: str | None = None) -> None:
    """Makes a service known by its name in botocore, with which requests are signed: `handler(method, path, headers, body, query)` answers
    them. `target` is the prefix of the `X-Amz-Target` of a service that has one."""
    prefixes = {"target_prefixes": [target]} if target else {}
    router.SERVICE_PATTERNS[service] = {"host_patterns": [rf"^{service}\."], "credential_scope": service, **prefixes}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = service
    iam_actions._BOTOCORE_SERVICE_MAP[service] = [service]
    app.SERVICE_HANDLERS[service] = handler
