"""Performs what transitions made due: starts executions, answers task tokens, publishes events, sends alerts to the topic.

Every effect may be performed twice, since a worker can die between performing it and recording that; each is of a kind that AWS or its
receiver recognizes the second time.
"""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from state.answers import Effect
from state.calls import State

PAGE = 500
LEASE = timedelta(minutes=2)
THREADS = 8
LONGEST_DELAY = 900  # seconds


class Performer:
    """Performs effects with the clients of this environment, or with those given."""

    def __init__(self, state: State, clients: Callable[[str], Any] | None = None) -> None:
        self._state = state
        config = Config(max_pool_connections=THREADS, retries={"mode": "standard", "total_max_attempts": 3})
        self._make = clients or (lambda name: boto3.client(name, config=config))
        self._clients: dict[str, Any] = {}

    def perform_due(self, clock: Callable[[], datetime]) -> int:
        """Performs page after page until nothing is due. Gives how many effects were performed."""
        done = 0
        while True:
            page = self._state.claim_effects(PAGE, clock(), LEASE)
            if not page:
                return done
            for name in {KINDS[effect.kind].service for effect in page}:
                self._client(name)
            with ThreadPoolExecutor(THREADS) as pool:
                results = list(pool.map(self._perform, page))
            self._state.finish_effects(results, clock())
            done += sum(each["retry_seconds"] is None for each in results)

    def _client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._make(name)
        return self._clients[name]

    def _perform(self, effect: Effect) -> dict[str, Any]:
        """The result of an effect. After an error it is tried again, each time after a longer delay."""
        kind = KINDS[effect.kind]
        try:
            outcome = kind.perform(self._client(kind.service), json.loads(effect.payload))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in kind.done:
                return _later(effect, f"{code}: {error.response['Error']['Message']}")
            outcome = kind.done[code]
        except BotoCoreError as error:
            return _later(effect, str(error))
        return {"effect_id": effect.effect_id, "outcome": outcome, "retry_seconds": None}


def _later(effect: Effect, outcome: str) -> dict[str, Any]:
    delay = min(LONGEST_DELAY, 5 * 2 ** min(effect.tries, 8))
    return {"effect_id": effect.effect_id, "outcome": outcome, "retry_seconds": delay}


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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of effect: the service, the call, and the error codes by which the service says that nothing is left to do."""

    service: str
    perform: Callable[[Any, dict[str, Any]], str]
    done: Mapping[str, str] = field(default_factory=dict)


_TOKEN_CLOSED = {
    "TaskDoesNotExist": "the task does not wait any more",
    "TaskTimedOut": "the wait timed out",
    "InvalidToken": "the token is unknown",
}
KINDS = {
    "start_execution": Kind(
        "stepfunctions", _start_execution, {"ExecutionAlreadyExists": "the execution exists already"}
    ),
    "stop_execution": Kind("stepfunctions", _stop_execution, {"ExecutionDoesNotExist": "the execution does not exist"}),
    "task_success": Kind("stepfunctions", _task_success, _TOKEN_CLOSED),
    "task_failure": Kind("stepfunctions", _task_failure, _TOKEN_CLOSED),
    "put_event": Kind("events", _put_event),
    "alert": Kind("sns", _alert),
}
