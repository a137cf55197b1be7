"""Files that land, as AWS reports and delivers them: the events of S3 for EventBridge name the version, and a function gets as many messages at once as its event
source mapping says."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3, sqs

from headgate.local.adapters.settings import Settings

HOOKS = ("s3:_fire_s3_event", "eventbridge:_dispatch_event", "sqs:_receive_messages_for_esm")
PAGE = 10  # messages that the endpoint gives a mapping at most, whatever its batch size
_version: ContextVar[str | None] = ContextVar("version", default=None)


def install(settings: Settings) -> None:
    fire, dispatch, receive = s3._fire_s3_event, eventbridge._dispatch_event, sqs._receive_messages_for_esm

    def fired(*given: Any, version_id: str | None = None, **more: Any) -> Any:
        token = _version.set(version_id)
        try:
            return fire(*given, version_id=version_id, **more)
        finally:
            _version.reset(token)

    def dispatched(event: dict[str, Any], *rest: Any, **more: Any) -> Any:
        """docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
        version = _version.get()
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest, **more)

    def received(queue: str, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < number:
            page = receive(queue, min(PAGE, number - len(found)))
            found += page
            if len(page) < PAGE:
                break
        return found

    s3._fire_s3_event, eventbridge._dispatch_event, sqs._receive_messages_for_esm = fired, dispatched, received
