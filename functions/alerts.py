"""Sends the alerts that machines and the state put on the alert topic to Slack, e-mail, OpsGenie and webhooks, each once."""

import json
import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import dead_letters
import runtime
from alerting.channels import channels, properties, shown
from alerting.delivery import MaybeDelivered, NotDelivered
from alerting.message import compose
from batch import LOG, log_refusal
from contract import require
from message_body import MAX_ALERT, read
from state.errors import BadEvent


@cache
def secrets() -> dict[str, str]:
    """The tokens, {"slack_token": ..., "opsgenie_key": ...}, kept while the function is warm; never logged. Raises `NotDelivered`."""
    arn = os.environ.get("ALERT_SECRET_ARN")
    if not arn:
        return {}
    try:
        loaded = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise NotDelivered(f"the secret that AlertSecretArn names cannot be read: {error}") from None
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        raise NotDelivered("the secret that AlertSecretArn names is no JSON object")
    return loaded


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sends each alert of the batch. A message of which a delivery failed is returned to the queue, and only that delivery is tried again;
    after its last receipt the message lies in the dead letter queue. What is no alert is moved there at once."""
    failed = [message["messageId"] for message in event["Records"] if not _notify(message)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _notify(message: dict[str, Any]) -> bool:
    """Whether the message is done with: everything was delivered that was due, or it lies in the dead letter queue."""
    state = runtime.state()
    try:
        fact = require(read(message["body"], MAX_ALERT), "alert")
        taken = state.take_alert(fact, properties(), runtime.now())
    except BadEvent as error:
        log_refusal(message["messageId"], error)
        return bool(dead_letters.move({message["messageId"]: (message["body"], str(error))}))
    except Exception as error:  # noqa: BLE001 - whatever one message causes, the others are delivered
        log_refusal(message["messageId"], error)
        return False
    delivered = True
    for each in taken.deliveries:
        if state.begin_delivery(taken.key, each["channel"], each["target"], each["doubtful"], runtime.now()):
            result = _deliver(taken.key, each, taken.alert or {})
            state.finish_deliveries([result], runtime.now())
            delivered &= result["state"] == "SENT"
    return delivered


def _deliver(key: str, delivery: dict[str, Any], alert: dict[str, Any]) -> dict[str, Any]:
    """The result of one delivery."""
    channel, target = delivery["channel"], delivery["target"]
    result = {"alert_key": key, "channel": channel, "target": target, "message_id": None}
    try:
        sent = channels()[channel].deliver({**delivery, "key": key}, alert, compose(alert), secrets)
    except (NotDelivered, MaybeDelivered) as error:
        LOG.error(
            json.dumps({"alert": key, "channel": channel, "target": shown(channel, target), "reason": str(error)})
        )
        secrets.cache_clear()  # a token may have been exchanged
        return {**result, "state": "DUE" if isinstance(error, NotDelivered) else "UNKNOWN", "outcome": str(error)}
    return {**result, "state": "SENT", "outcome": "delivered", "message_id": sent}
