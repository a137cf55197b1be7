"""Sends the alerts that machines and the state put on the alert topic through the channels that products name, each once."""

import json
import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import alert_test
import dead_letters
import delayed_alerts
import redelivery
import runtime
from alerting.channels import channels, properties, shown
from alerting.delivery import MaybeDelivered, NotDelivered, Refused
from alerting.message import compose
from batch import LOG, log_refusal
from contract import require
from message_body import MAX_ALERT, read
from state.answers import TakenAlert
from state.calls import State
from state.errors import BadEvent

Result = dict[str, Any]
OTHER_SENDER = 5.0  # seconds after which one is done


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
    and only that delivery is tried again; what is given up lies in the dead letter queue. What is no alert is moved there at once.
    An event that is no batch asks for a test of a recipient (contract `alert-test`)."""
    if "Records" not in event:
        return alert_test.send(require(event, "alert-test"), secrets, runtime.now())
    failed = [message["messageId"] for message in event["Records"] if not _notify(message)]
    runtime.tried(lambda: delayed_alerts.send(runtime.state(), runtime.now()))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _notify(message: dict[str, Any]) -> bool:
    """Whether the message is done with: everything was delivered that was due, or it lies in the dead letter queue."""
    try:
        fact = require(read(message["body"], MAX_ALERT), "alert")
        _send_again(fact, message)
        failed, in_doubt = _delivered(fact)
    except BadEvent as error:
        log_refusal(message["messageId"], error)
        return _given_up(message, str(error))
    except Exception as error:  # noqa: BLE001 - whatever one message causes, the others are delivered
        log_refusal(message["messageId"], error)
        return redelivery.later(message, (), runtime.now())
    if failed:
        return redelivery.later(message, failed, runtime.now())
    names = ", ".join(f"{each['channel']} {shown(each['channel'], each['target'])}" for each in in_doubt)
    reason = f"{dead_letters.IN_DOUBT}: {names}; redriven it is sent once more, and may be a second message"
    return not in_doubt or _given_up(message, reason)


def _send_again(fact: dict[str, Any], message: dict[str, Any]) -> None:
    """What is in doubt is sent once more where a person has redriven the message."""
    actor = message.get("messageAttributes", {}).get(dead_letters.REDRIVEN_BY, {}).get("stringValue")
    if actor:
        runtime.state().send_again(fact, properties(), message["messageId"], actor, runtime.now())


def _delivered(fact: dict[str, Any]) -> tuple[list[Result], list[dict[str, Any]]]:
    """Delivers what is due of the fact: what failed, and the deliveries that are in doubt from before. A recipient that cannot be reached makes a
    message to the owner's fallback due, which is delivered as well."""
    state = runtime.state()
    taken = state.take_alert(fact, properties(), runtime.now())
    failed = _deliver_all(state, taken, taken.deliveries)
    if any(each["refused"] for each in failed):
        tried = {(each["channel"], each["target"]) for each in failed}
        taken = state.take_alert(fact, properties(), runtime.now())
        others = [each for each in taken.deliveries if (each["channel"], each["target"]) not in tried]
        failed += _deliver_all(state, taken, others)
    left = state.undelivered(taken.key, properties())
    if left.waiting:
        reason = "another message to the same recipient is being sent"
        failed.append({"outcome": reason, "refused": False, "pause": OTHER_SENDER})
    return failed, left.in_doubt


def _deliver_all(state: State, taken: TakenAlert, deliveries: list[dict[str, Any]]) -> list[Result]:
    """The results of those deliveries that failed."""
    failed = []
    for each in deliveries:
        if state.begin_delivery(taken.key, each["channel"], each["target"], each["doubtful"], runtime.now()):
            result = _deliver(taken.key, each, {**(taken.alert or {}), **_place(), **_about(each)})
            state.finish_deliveries([result], runtime.now())
            failed += [result] if result["state"] != "SENT" else []
    return failed


def _about(delivery: dict[str, Any]) -> dict[str, Any]:
    """What the alert says to this recipient alone. The target of another one is shown as it may stand in a log."""
    about: dict[str, Any] = delivery["about"]
    if missed := about.get("unreachable"):
        return {**about, "unreachable": {**missed, "target": shown(missed["channel"], missed["target"])}}
    return about


def _place() -> dict[str, Any]:
    """Where to operate: {"stack": {name, region, account}}; nothing on the local runtime, which needs no name."""
    name, region = os.environ.get("STACK_NAME"), os.environ.get("AWS_REGION")
    if not name or not region or "AWS_ENDPOINT_URL" in os.environ:
        return {}
    return {"stack": {"name": name, "region": region, "account": os.environ.get("ACCOUNT_ID", "")}}


def _given_up(message: dict[str, Any], reason: str) -> bool:
    """Whether the message lies in the dead letter queue now."""
    return bool(dead_letters.move({message["messageId"]: (message["body"], reason)}))


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
    outcome = "delivered" if sent is not None else "nothing to send: this channel receives trouble only"
    return {**result, "state": "SENT", "outcome": outcome, "message_id": sent}
