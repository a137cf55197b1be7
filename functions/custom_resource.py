"""Custom resources of CloudFormation: their answer, and whether CloudFormation takes their stack back."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batch import LOG
from clients import client, described
from contract import require

GOING_BACK = "ROLLBACK_IN_PROGRESS"  # and UPDATE_ROLLBACK_IN_PROGRESS


def answer(
    event: dict[str, Any],
    contract: str,
    name: str,
    apply: Callable[[dict[str, Any]], dict[str, Any]],
    delete: Callable[[dict[str, Any]], None] = lambda event: None,
) -> dict[str, Any]:
    """Answers CloudFormation, whatever happens: a stack without an answer waits until its time-out. `apply` makes what the event asks for and
    gives the attributes of the resource `name`; `delete` deletes it, where there is something to delete. Without a ResponseURL, as in the sample event, the answer is only
    returned."""
    given = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    given["PhysicalResourceId"] = event.get("PhysicalResourceId", name)
    try:
        require(event, contract)
        data: dict[str, Any] = {}
        if event["RequestType"] == "Delete":
            delete(event)
        else:
            data = apply(event)
        given |= {"Status": "SUCCESS", "Data": data}
    except Exception as error:  # noqa: BLE001 - CloudFormation needs an answer
        LOG.exception("%s was not applied", name)
        given |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
    if "ResponseURL" in event:
        _send(event["ResponseURL"], given)
    return given


def stacks() -> Any:
    return client("cloudformation")


def is_taken_back(stack: str) -> bool:
    """Whether CloudFormation rolls the stack back. The event of a custom resource does not say: it is an Update to older properties, as
    that of a deployment which goes back on purpose. Without an answer it counts as one: a rollback that is refused ends UPDATE_ROLLBACK_FAILED, and
    nobody can deploy the stack then."""
    try:
        status = status_of(stack)
    except (BotoCoreError, ClientError) as error:
        LOG.error(json.dumps({"stack": stack, "status": "unknown", "reason": described(error)}))
        return True
    return status.endswith(GOING_BACK)


def status_of(stack: str) -> str:
    found: str = stacks().describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return found


def _send(url: str, given: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(given).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own URL
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310
