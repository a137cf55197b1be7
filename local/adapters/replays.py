"""A replay to chosen rules. The endpoint replays to every rule of the bus; on AWS `FilterArns` limits it
(docs.aws.amazon.com/eventbridge/latest/APIReference/API_ReplayDestination.html)."""

from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge

from headgate.local.adapters.settings import Settings

HOOKS = ("eventbridge:_invoke_target", "eventbridge:_replays")


def install(settings: Settings) -> None:
    invoke: Callable[..., Any] = eventbridge._invoke_target

    def invoked(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *rest: Any) -> Any:
        replay = eventbridge._replays.get(event.get("ReplayName") or "") or {}
        chosen = replay.get("Destination", {}).get("FilterArns")
        return invoke(target, event, rule, *rest) if not chosen or rule["Arn"] in chosen else None

    eventbridge._invoke_target = invoked
