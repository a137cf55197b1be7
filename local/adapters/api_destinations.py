"""Endpoints outside AWS that EventBridge posts events to: the endpoint's CloudFormation has neither connections nor API destinations.

The endpoint posts once, and drops what the receiver does not take. On AWS EventBridge repeats it for a day, and then sends it to the dead letter queue of
the target: docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from headgate.local.adapters.settings import Settings

HOOKS = (
    "cloudformation.provisioners:_RESOURCE_HANDLERS", "eventbridge:_create_connection", "eventbridge:_delete_connection",
    "eventbridge:_create_api_destination", "eventbridge:_delete_api_destination",
)  # fmt: skip


def install(settings: Settings) -> None:
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS
    handlers.setdefault(
        "AWS::Events::Connection",
        _handlers(eventbridge._create_connection, eventbridge._delete_connection, "ConnectionArn"),
    )
    handlers.setdefault(
        "AWS::Events::ApiDestination",
        _handlers(eventbridge._create_api_destination, eventbridge._delete_api_destination, "ApiDestinationArn"),
    )


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
