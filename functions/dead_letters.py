"""How many messages lie in the dead letter queues of this application."""

import os
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clients import client, described

QUEUES = "DEAD_LETTER_QUEUES"  # their URLs, with blanks between


def queues() -> Any:
    return client("sqs")


def counts() -> list[dict[str, Any]]:
    """[{queue, messages}] of each; {queue, reason} of one that does not answer."""
    return [_count(url) for url in os.environ.get(QUEUES, "").split()]


def _count(url: str) -> dict[str, Any]:
    name = url.rsplit("/", 1)[-1]
    try:
        answer = queues().get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return {"queue": name, "messages": int(answer["Attributes"]["ApproximateNumberOfMessages"])}
    except (ClientError, BotoCoreError) as error:
        return {"queue": name, "reason": described(error)}
