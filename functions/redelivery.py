"""When a message that could not be dealt with is received again, and when it is given up (docs/decisions/0041)."""

import json
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import dead_letters
from clients import client, described

LOG = logging.getLogger("headgate")
QUEUE = "ALERT_QUEUE"  # its URL
TRIED_FOR = 24 * 3600  # seconds after which what cannot be reached is given up
TRIES_REFUSED = 5  # of what a person has to change something for
FIRST, LONGEST, REFUSED = 5, 900, 900  # seconds
PATIENT = 5  # receipts after which a service that goes on asking for short pauses is asked less often
MOST = 11 * 3600  # seconds; SQS hides a message for 12 hours at most, counted from its receipt

Result = dict[str, Any]


def later(message: dict[str, Any], results: Sequence[Result], now: datetime) -> bool:
    """Whether the message of the alert queue is done with: it was tried long enough and lies in the dead letter queue, with its reason. Else
    it becomes visible again when the first of the `results` {outcome, refused, pause} may go well: `refused` if a person has to change
    something, `pause` as the service asked. Without results it was something else that failed."""
    attributes = message.get("attributes", {})
    received = int(attributes.get("ApproximateReceiveCount", 1))
    age = now.timestamp() - int(attributes.get("SentTimestamp", now.timestamp() * 1000)) / 1000
    hopeless = bool(results) and all(each.get("refused") for each in results)
    if (hopeless and received >= TRIES_REFUSED) or age >= TRIED_FOR:
        reason = "; ".join(dict.fromkeys(each["outcome"] for each in results)) or "it could not be processed for a day"
        return bool(dead_letters.move({message["messageId"]: (message["body"], reason)}))
    _hide(message, min((_seconds(each, received) for each in results), default=_growing(received)))
    return False


def _seconds(result: Result, received: int) -> int:
    if result.get("refused"):
        return REFUSED
    pause = result.get("pause")
    if pause is None:
        return _growing(received)
    return min(MOST, max(int(pause + 0.999), 1, _growing(received - PATIENT) if received > PATIENT else 0))


def _growing(received: int) -> int:
    return int(min(LONGEST, FIRST * 2 ** min(received, 10)))


def _hide(message: dict[str, Any], seconds: int) -> None:
    """A failure to do so is no more than a later receipt: the queue's own visibility time-out."""
    url, handle = os.environ.get(QUEUE), message.get("receiptHandle")
    if not url or not handle:
        return
    try:
        client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)
    except (ClientError, BotoCoreError) as error:
        LOG.warning(json.dumps({"not_hidden": message["messageId"], "reason": described(error)}))
