"""Sends the alerts that machines and the state put on the alert topic through the channels that products name, each once."""

import json
import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import dead_letters
import redelivery
import runtime
from alerting.channels import channels, properties, shown
from alerting.delivery import MaybeDelivered, NotDelivered, Refused
from alerting.message import compose
from batch import LOG, log_refusal
from contract import require
from message_body import MAX_ALERT, read
from state.errors import BadEvent


@cache
def secrets() -> dict[str, Any]:
    """The tokens and addresses, {"slack_token": ..., "opsgenie_key": ..., <name>: <what `secret:<name>` refers to>}, kept while the function
    is warm; never logged. Raises `NotDelivered`."""
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
    """Sends each alert of the batch. A message of which a delivery failed is returned to the queue until the service may be asked again,
    and only that delivery is tried again; what is given up lies in the dead letter queue. What is no alert is moved there at once."""
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
        return redelivery.later(message, (), runtime.now())
    failed = []
    for each in taken.deliveries:
        if state.begin_delivery(taken.key, each["channel"], each["target"], each["doubtful"], runtime.now()):
            result = _deliver(taken.key, each, taken.alert or {})
            state.finish_deliveries([result], runtime.now())
            failed += [result] if result["state"] != "SENT" else []
    return not failed or redelivery.later(message, failed, runtime.now())


def _deliver(key: str, delivery: dict[str, Any], alert: dict[str, Any]) -> dict[str, Any]:
    """The result of one delivery, as `finish_deliveries` and `redelivery` take it."""
    channel, target = delivery["channel"], delivery["target"]
    result = {"alert_key": key, "channel": channel, "target": target, "message_id": None}
    try:
        sent = channels()[channel].deliver({**delivery, "key": key}, alert, compose(alert), secrets)
    except (NotDelivered, MaybeDelivered) as error:
        LOG.error(
            json.dumps({"alert": key, "channel": channel, "target": shown(channel, target), "reason": str(error)})
        )
        secrets.cache_clear()  # a token may have been exchanged
        known = isinstance(error, NotDelivered)
        again = {
            "refused": isinstance(error, Refused),
            "pause": error.pause if isinstance(error, NotDelivered) else None,
        }
        return {**result, "state": "DUE" if known else "UNKNOWN", "outcome": str(error), **again}
    outcome = "delivered" if sent is not None else "nothing to send: this channel hears of trouble only"
    return {**result, "state": "SENT", "outcome": outcome, "message_id": sent}
