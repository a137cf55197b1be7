"""The kinds of effects: what is called, and the answers by which a service says that nothing is left to do."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

import lineage


def _start_execution(client: Any, payload: dict[str, Any]) -> str:
    if not payload["machine"]:
        raise LookupError("the product has no pipeline any more, so no state machine can run it")
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


def _bus(payload: dict[str, Any]) -> str:
    return os.environ["CENTRAL_EVENT_BUS_ARN" if payload["visibility"] == "mesh" else "DOMAIN_EVENT_BUS_ARN"]


def _region_of_bus(payload: dict[str, Any]) -> str:
    """EventBridge takes no event for a bus of another region than the one that is called."""
    return _bus(payload).split(":")[3]


def _put_event(client: Any, payload: dict[str, Any]) -> str:
    return _put(client, payload["detail_type"], _bus(payload), payload["detail"])


def _put_lineage(client: Any, payload: dict[str, Any]) -> str:
    return _put(client, lineage.DETAIL_TYPE, os.environ["DOMAIN_EVENT_BUS_ARN"], lineage.run_event(payload))


def _put(client: Any, detail_type: str, bus: str, detail: dict[str, Any]) -> str:
    entry = {"Source": "headgate", "DetailType": detail_type, "EventBusName": bus, "Detail": json.dumps(detail)}
    answer = client.put_events(Entries=[entry])
    (put,) = answer["Entries"]
    if answer["FailedEntryCount"]:  # EventBridge refuses an entry in an answer that is good
        refusal = {"Code": str(put.get("ErrorCode")), "Message": str(put.get("ErrorMessage", ""))}
        raise ClientError({"Error": refusal}, "PutEvents")
    return str(put["EventId"])


def _alert(client: Any, payload: dict[str, Any]) -> str:
    attributes = {key: {"DataType": "String", "StringValue": payload[key]} for key in ("kind", "product")}
    sent = client.publish(
        TopicArn=os.environ["ALERT_TOPIC_ARN"], Message=json.dumps(payload), MessageAttributes=attributes
    )
    return str(sent["MessageId"])


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of effect: the service, the call, and the error codes by which the service says that nothing is left to do. What
    `crosses_accounts` may be refused because of an outage or a change in another account, which ends without us. `region` is the one that is
    called; where there is none, that of the function."""

    service: str
    perform: Callable[[Any, dict[str, Any]], str]
    done: Mapping[str, str] = field(default_factory=dict)
    crosses_accounts: bool = False
    region: Callable[[dict[str, Any]], str] | None = None


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
    "put_event": Kind("events", _put_event, crosses_accounts=True, region=_region_of_bus),
    "alert": Kind("sns", _alert),
    "lineage": Kind("events", _put_lineage),
}
