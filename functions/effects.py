"""Does what transitions made due: starts executions, answers task tokens, publishes events, hands alerts on.

Every effect may be done twice, since a worker can die between doing it and saying so; each is of a kind that AWS or its
receiver recognizes the second time.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from state.database import Database, Typed

PAGE = 500
LEASE_SECONDS = 120
THREADS = 8
LONGEST_DELAY = 900

# What these codes mean for an effect is known: there is nothing left to do.
_NOBODY_WAITS = {
    "TaskDoesNotExist": "nobody waits any more",
    "TaskTimedOut": "the wait timed out",
    "InvalidToken": "the token is unknown",
}
DONE = {
    "start_execution": {"ExecutionAlreadyExists": "the execution is there already"},
    "stop_execution": {"ExecutionDoesNotExist": "the execution is gone"},
    "task_success": _NOBODY_WAITS,
    "task_failure": _NOBODY_WAITS,
}


class Performer:
    """Performs effects with the clients of this environment; the clients may be given."""

    def __init__(self, database: Database, clients: Callable[[str], Any] | None = None) -> None:
        self._database = database
        config = Config(max_pool_connections=THREADS, retries={"mode": "standard", "total_max_attempts": 3})
        self._make = clients or (lambda name: boto3.client(name, config=config))
        self._clients: dict[str, Any] = {}

    def perform_due(self, clock: Callable[[], datetime]) -> int:
        """Performs page after page until nothing is due. Gives how many effects were done."""
        done = 0
        while True:
            page = self._database.rows("claim_effects", PAGE, clock(), Typed(f"{LEASE_SECONDS} seconds", "interval"))
            if not page:
                return done
            for name in {SERVICE[kind] for _, kind, _, _ in page}:
                self._client(name)
            with ThreadPoolExecutor(THREADS) as pool:
                results = list(pool.map(lambda row: self._perform(*row), page))
            self._database.call("finish_effects", results, clock())
            done += sum(each["retry_seconds"] is None for each in results)

    def _client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]

    def _perform(self, effect_id: int, kind: str, payload: str, tries: int) -> dict[str, Any]:
        """What became of an effect. An error is an outcome too: it is tried again, later and later."""
        try:
            outcome = ACTIONS[kind](self._client(SERVICE[kind]), json.loads(payload))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            known = DONE.get(kind, {}).get(code)
            if known is None:
                return _later(effect_id, tries, f"{code}: {error.response['Error']['Message']}")
            outcome = known
        except BotoCoreError as error:
            return _later(effect_id, tries, str(error))
        return {"effect_id": effect_id, "outcome": outcome, "retry_seconds": None}


def _later(effect_id: int, tries: int, outcome: str) -> dict[str, Any]:
    return {"effect_id": effect_id, "outcome": outcome, "retry_seconds": min(LONGEST_DELAY, 5 * 2 ** min(tries, 8))}


def _start_execution(client: Any, payload: dict[str, Any]) -> str:
    arn = os.environ["STATE_MACHINE_ARN_PREFIX"] + payload["machine"]
    started = client.start_execution(stateMachineArn=arn, name=payload["name"], input=json.dumps(payload["input"]))
    return str(started["executionArn"])


def _stop_execution(client: Any, payload: dict[str, Any]) -> str:
    client.stop_execution(executionArn=payload["execution_arn"], error="Cancelled", cause=payload["cause"])
    return "stopped"


def _task_success(client: Any, payload: dict[str, Any]) -> str:
    client.send_task_success(taskToken=payload["task_token"], output=json.dumps(payload["output"]))
    return "answered"


def _task_failure(client: Any, payload: dict[str, Any]) -> str:
    client.send_task_failure(taskToken=payload["task_token"], error=payload["error"], cause=payload["cause"])
    return "answered"


class _Refused(BotoCoreError):  # type: ignore[misc]
    fmt = "EventBridge refused the event: {code}"


def _put_event(client: Any, payload: dict[str, Any]) -> str:
    bus = os.environ["CENTRAL_EVENT_BUS_ARN" if payload["visibility"] == "mesh" else "DOMAIN_EVENT_BUS_ARN"]
    entry = {
        "Source": "headgate",
        "DetailType": payload["detail_type"],
        "EventBusName": bus,
        "Detail": json.dumps(payload["detail"]),
    }
    answer = client.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise _Refused(code=answer["Entries"][0].get("ErrorCode"))
    return str(answer["Entries"][0]["EventId"])


def _alert(client: Any, payload: dict[str, Any]) -> str:
    attributes = {key: {"DataType": "String", "StringValue": payload[key]} for key in ("kind", "product")}
    sent = client.publish(
        TopicArn=os.environ["ALERT_TOPIC_ARN"], Message=json.dumps(payload), MessageAttributes=attributes
    )
    return str(sent["MessageId"])


ACTIONS: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "start_execution": _start_execution,
    "stop_execution": _stop_execution,
    "task_success": _task_success,
    "task_failure": _task_failure,
    "put_event": _put_event,
    "alert": _alert,
}
SERVICE = {
    "start_execution": "stepfunctions",
    "stop_execution": "stepfunctions",
    "task_success": "stepfunctions",
    "task_failure": "stepfunctions",
    "put_event": "events",
    "alert": "sns",
}
