"""Tells people: what machines and the state put on the alert topic goes to Slack, e-mail, OpsGenie and webhooks, once each."""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import runtime
from alerting.channels import MaybeDelivered, NotDelivered, opsgenie, webhook
from alerting.mail import email
from alerting.message import compose
from alerting.slack import slack
from batch import LOG
from contract import require
from state.errors import BadEvent, StateError, StateUnavailable

CHANNELS: dict[str, Callable[..., str]] = {"slack": slack, "email": email, "opsgenie": opsgenie, "webhook": webhook}


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
    """Tells each message of the batch. One of which something was not delivered goes back to the queue, and only that is tried
    again; after its last receipt it lies in the dead letter queue."""
    failed = [message["messageId"] for message in event["Records"] if not _told(message)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _told(message: dict[str, Any]) -> bool:
    try:
        fact = require(json.loads(message["body"]), "alert")
        taken = runtime.database().call("take_alert", fact, runtime.now())
    except (BadEvent, StateError, StateUnavailable, ValueError) as error:
        LOG.error(json.dumps({"refused": message["messageId"], "reason": str(error)}))
        return False
    delivered = True
    for each in taken["deliveries"]:
        if not runtime.database().call("begin_delivery", taken["key"], each["channel"], each["target"], runtime.now()):
            continue
        result = _deliver(taken["key"], each, taken["alert"])
        runtime.database().call("finish_deliveries", [result], runtime.now())
        delivered &= result["state"] == "SENT"
    return delivered


def _deliver(key: str, delivery: dict[str, Any], alert: dict[str, Any]) -> dict[str, Any]:
    """What became of one delivery."""
    result = {"alert_key": key, "channel": delivery["channel"], "target": delivery["target"], "message_id": None}
    try:
        sent = CHANNELS[delivery["channel"]]({**delivery, "key": key}, alert, compose(alert), secrets)
    except (NotDelivered, MaybeDelivered) as error:
        # a webhook's URL may hold a secret
        target = urlsplit(delivery["target"]).hostname if delivery["channel"] == "webhook" else delivery["target"]
        LOG.error(json.dumps({"alert": key, "channel": delivery["channel"], "target": target, "reason": str(error)}))
        secrets.cache_clear()  # a token may have been exchanged
        return {**result, "state": "DUE" if isinstance(error, NotDelivered) else "UNKNOWN", "outcome": str(error)}
    return {**result, "state": "SENT", "outcome": "delivered", "message_id": sent}
