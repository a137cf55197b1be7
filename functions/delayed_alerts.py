"""Alerts that are due within a quarter of an hour: they go to the alert queue at once, with a delay (docs/decisions/0051)."""

import json
import os
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import redelivery
from clients import client, described
from effects import LEASE, LOG
from state.calls import State

LONGEST = timedelta(
    minutes=15
)  # docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html
PAGE = 50


def send(state: State, now: datetime) -> int:
    """Sends them, and gives how many. What SQS does not take stays due, for the next that performs effects."""
    url = os.environ.get(redelivery.QUEUE)
    results: list[dict[str, Any]] = []
    for each in state.claim_alerts(now + LONGEST, PAGE, now, LEASE) if url else ():
        try:
            client("sqs").send_message(QueueUrl=url, MessageBody=each.payload, DelaySeconds=each.seconds)
        except (ClientError, BotoCoreError) as error:
            LOG.warning(json.dumps({"not_sent": each.effect_id, "reason": described(error)}))
            results.append({"effect_id": each.effect_id, "untried": True})
        else:
            results.append(
                {"effect_id": each.effect_id, "outcome": f"in the alert queue, to be received in {each.seconds} s"}
            )
    if results:
        state.finish_effects(results, now)
    return len(results)
