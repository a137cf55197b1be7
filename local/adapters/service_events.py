"""Events that AWS services publish on the default bus of the account and region in which something happened."""

import json
import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge

from headgate.local.adapters.settings import Settings

HOOKS = ("eventbridge:_dispatch_event",)


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
            "Account": get_account_id(), "Region": get_region(),
        }
    )  # fmt: skip
