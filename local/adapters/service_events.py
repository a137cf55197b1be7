"""Events that AWS services publish on the default bus of the account and region in which something happened."""

import contextvars
import json
import uuid
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge

from headgate.local.adapters.settings import Settings

HOOKS = ("eventbridge:_dispatch_event", "core.responses:set_request_account_id", "core.responses:set_request_region")


def install(settings: Settings) -> None:
    """Nothing is replaced: the module only calls what `HOOKS` names."""


def publish(
    settings: Settings, source: str, detail_type: str, detail: dict[str, Any], resources: tuple[str, ...] = ()
) -> None:
    """Publishes an event as a service does. PutEvents refuses sources that begin with `aws.`."""
    eventbridge._dispatch_event(
        {
            "EventId": str(uuid.uuid4()), "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail),
            "EventBusName": "default", "Time": int(settings.clock.time()), "Resources": list(resources),
            "Account": responses.get_account_id(), "Region": responses.get_region(),
        }
    )  # fmt: skip


def publish_as(settings: Settings, account: str, region: str, event: dict[str, Any]) -> None:
    """Publishes an event {source, detail_type, detail} of the account and region, in a context of its own."""

    def published() -> None:
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        publish(settings, event["source"], event["detail_type"], event["detail"])

    contextvars.copy_context().run(published)
