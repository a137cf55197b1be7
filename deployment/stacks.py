"""The stacks of an application: the root stack, and the further ones that `headgate generate` wrote beside it for a large mesh."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

DATA_PRODUCTS = "DataProducts"  # the nested stack of the root stack whose parameters the further stacks take
NOTHING_LEFT = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")  # of a first deployment: no resource exists
CAUSELESS = re.compile("cancelled|The following resource|Embedded stack", re.IGNORECASE)


@dataclass(frozen=True)
class FurtherStack:
    """A stack beside the root stack; it is deployed in these accounts and regions, where "" is any."""

    number: int
    template: Path
    homes: tuple[tuple[str, str], ...]
    parameters: frozenset[str]

    def is_in(self, account: str, region: str) -> bool:
        """Whether it holds anything there; the account "" holds everything."""
        return not account or any(own in ("", account) and where in ("", region) for own, where in self.homes)

    def name(self, root: str) -> str:
        return f"{root}-{self.number}"


def further_stacks(statemachines: Path) -> list[FurtherStack]:
    """Those of the generated output, in order."""
    found = []
    for path in statemachines.glob("template-*.json"):
        template: dict[str, Any] = json.loads(path.read_bytes())
        homes = tuple((each["account"], each["region"]) for each in template["Metadata"]["headgate"]["homes"])
        found.append(FurtherStack(int(path.stem.rsplit("-", 1)[1]), path, homes, frozenset(template["Parameters"])))
    return sorted(found, key=lambda each: each.number)


def status_of(cloudformation: Any, stack: str) -> str | None:
    """The status of the stack; None if there is none."""
    from botocore.exceptions import ClientError

    try:
        found: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found == "DELETE_COMPLETE" else found


def obstacle(stack: str, status: str | None) -> str | None:
    """Why a stack of this status cannot be deployed, and what to do; None if it can."""
    if status is None or status in NOTHING_LEFT:
        return None
    if status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"stack {stack} is {status}: remove the cause that its events name, then "
            f"`aws cloudformation continue-update-rollback --stack-name {stack}`"
        )
    if status.endswith("_IN_PROGRESS") and "CLEANUP" not in status:
        return f"stack {stack} is {status}: another deployment is under way; try again when it has ended"
    if status.endswith("_FAILED"):
        return f"stack {stack} is {status}: remove the cause that its events name, delete the stack, and deploy again"
    return None


def parameters_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """The values of the stack's parameters."""
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", ())
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found}


def shared_parameters(cloudformation: Any, root: str) -> dict[str, str]:
    """What the stacks share, as the root stack gave it to the data products that are nested in it."""
    nested = cloudformation.describe_stack_resource(StackName=root, LogicalResourceId=DATA_PRODUCTS)
    return parameters_of(cloudformation, nested["StackResourceDetail"]["PhysicalResourceId"])


def outputs_of(cloudformation: Any, stack: str) -> dict[str, str]:
    """The outputs of the stack."""
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", ())
    return {each["OutputKey"]: each["OutputValue"] for each in found}


def failures(cloudformation: Any, stack: str, since: datetime) -> Iterator[str]:
    """What CloudFormation says has failed since then, in the order in which it failed: in the stack and in those nested in it."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"] if event["Timestamp"] >= since]
    for event in reversed(events):
        reason = event.get("ResourceStatusReason", "")
        if not event["ResourceStatus"].endswith("_FAILED") or event["PhysicalResourceId"] == event["StackId"]:
            continue
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and event.get("PhysicalResourceId"):
            inner = list(failures(cloudformation, event["PhysicalResourceId"], since))
            yield from (f"{event['LogicalResourceId']}/{each}" for each in inner)
            if inner:
                continue
        elif CAUSELESS.search(reason):
            continue
        yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"


def reasons(cloudformation: Any, stack: str, since: datetime, error: object) -> str:
    """Why an operation on the stack that began then has failed, as lines of a message: the failures, or the error itself if CloudFormation names none."""
    return "".join(f"\n  {each}" for each in failures(cloudformation, stack, since)) or f"\n  {error}"
