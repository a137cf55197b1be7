"""The dead letter queues of this application: how many messages lie in them, and moving a refused message into one with its reason."""

import json
import logging
import os
import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clients import client, described, is_unanswered

LOG = logging.getLogger("headgate")
QUEUES = "DEAD_LETTER_QUEUES"  # their URLs, with blanks between
QUEUE = "DEAD_LETTER_QUEUE"  # the URL of the one that belongs to the queue of this function
REASON = "Reason"  # the attribute of a message that was moved here
REDRIVEN_BY = "RedrivenBy"  # the attribute of one that an operator has redriven
IN_DOUBT = "it is not known whether this was delivered"  # how the reason of an alert begins that may arrive twice
LONGEST_REASON = 1_000  # characters
# What SQS takes in an attribute (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
_NOT_TAKEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def queues() -> Any:
    return client("sqs")


def counts() -> list[dict[str, Any]]:
    """[{queue, messages}] of each; {queue, reason} of one that does not answer."""
    return [_count(url) for url in urls()]


def urls() -> list[str]:
    return os.environ.get(QUEUES, "").split()


def name_of(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def move(refused: dict[str, tuple[str, str]]) -> list[str]:
    """Sends messages {id: (body, reason)} to the dead letter queue. Gives the ids of those that lie there now, and can be acknowledged."""
    url, moved = os.environ.get(QUEUE), []
    for name, (body, reason) in refused.items() if url else ():
        try:
            queues().send_message(QueueUrl=url, MessageBody=body, MessageAttributes={REASON: attribute(reason)})
        except (ClientError, BotoCoreError) as error:
            LOG.error(json.dumps({"not_moved": name, "reason": described(error)}))
            if is_unanswered(error):
                break  # the others would wait as long for it
        else:
            moved.append(name)
    if moved:
        LOG.info(json.dumps({"moved_to_dead_letters": len(moved)}))
    return moved


def attribute(reason: str) -> dict[str, str]:
    text = _NOT_TAKEN.sub("\ufffd", reason[:LONGEST_REASON]) or "unknown"
    return {"DataType": "String", "StringValue": text}


def _count(url: str) -> dict[str, Any]:
    try:
        answer = queues().get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return {"queue": name_of(url), "messages": int(answer["Attributes"]["ApproximateNumberOfMessages"])}
    except (ClientError, BotoCoreError) as error:
        return {"queue": name_of(url), "reason": described(error)}
