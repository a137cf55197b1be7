"""Endpoints outside AWS that EventBridge posts events to: the endpoint's CloudFormation has neither connections nor API destinations.

What is posted to the host `openlineage.local` comes to the control of this runtime, which acts as a receiver.

The endpoint posts once, and drops what the receiver does not take. On AWS EventBridge repeats it for a day, and then sends it to the dead letter queue of
the target: docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from headgate.local.adapters.settings import Settings
from headgate.local.receivers import LINEAGE_RECEIVER

HOOKS = (
    "cloudformation.provisioners:_RESOURCE_HANDLERS", "eventbridge:_create_connection", "eventbridge:_delete_connection",
    "eventbridge:_create_api_destination", "eventbridge:_delete_api_destination", "eventbridge:_build_api_destination_request",
)  # fmt: skip


def install(settings: Settings) -> None:
    _receive_here()
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS
    handlers.setdefault(
        "AWS::Events::Connection",
        _handlers(eventbridge._create_connection, eventbridge._delete_connection, "ConnectionArn"),
    )
    handlers.setdefault(
        "AWS::Events::ApiDestination",
        _handlers(eventbridge._create_api_destination, eventbridge._delete_api_destination, "ApiDestinationArn"),
    )


def _receive_here() -> None:
    build: Callable[..., dict[str, Any]] = eventbridge._build_api_destination_request
    services = json.loads(os.environ["HEADGATE_ADDRESSES"])["ALERT_SERVICES_URL"]

    def built(*given: Any) -> dict[str, Any]:
        request = build(*given)
        return {**request, "url": request["url"].replace(LINEAGE_RECEIVER, f"{services}/openlineage")}

    eventbridge._build_api_destination_request = built


def _handlers(create: Callable[..., Any], delete: Callable[..., Any], arn: str) -> dict[str, Any]:
    def created(logical_id: str, given: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        status, _, body = create(given)
        if status >= 400:
            raise ValueError(body)
        return given["Name"], {"Arn": json.loads(body)[arn]}

    def changed(name: str, before: dict[str, Any], given: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        delete({"Name": name})
        return created("", given, stack)

    def deleted(name: str, given: dict[str, Any]) -> None:
        delete({"Name": name})

    return {"create": created, "update": changed, "delete": deleted}
