"""What stays when stacks are deleted, as CloudFormation lists it. It answers for deleted stacks as well, by their ids, for 90 days."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.deployment import stacks
from headgate.deployment.deploy import OTHER_STACKS

SNAPSHOT = "Snapshot"
KEPT = ("Retain", "RetainExceptOnCreate", SNAPSHOT)
NESTED = "AWS::CloudFormation::Stack"
VERSION = "AWS::Lambda::Version"  # SAM retains versions of functions; Lambda deletes them with their functions


@dataclass(frozen=True)
class Kept:
    """A resource whose data stays; `how` is its DeletionPolicy, `logical` its logical id in `stack`, a name or an id. `gone`: the stack is deleted."""

    kind: str
    name: str
    how: str
    stack: str = ""
    logical: str = ""
    gone: bool = False

    def stack_name(self) -> str:
        return self.stack.split("/")[1] if self.stack.startswith("arn:") else self.stack


@dataclass(frozen=True)
class Gone:
    """A deleted stack."""

    id: str
    name: str
    created: datetime
    deleted: datetime


def kept_of(cloudformation: Any, stack: str, gone: bool = False) -> Iterator[Kept]:
    """What stays of the stack and of those nested in it; never what a creation that failed found there already. Of a deleted stack, whose id is needed, what
    another stack has taken over since is left out."""
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    was_skipped = any(each.get("ResourceStatus") == "DELETE_SKIPPED" for each in resources)
    never_made = _never_made(cloudformation, stack) if was_skipped else set()
    for each in resources:
        kind, name, logical = each["ResourceType"], each.get("PhysicalResourceId", ""), each["LogicalResourceId"]
        policy = template["Resources"].get(logical, {}).get("DeletionPolicy", "")
        if kind == NESTED and name:
            yield from kept_of(cloudformation, name, gone)
        elif policy in KEPT and name and kind != VERSION and _is_left(cloudformation, each, policy, gone, never_made):
            yield Kept(kind, name, policy, stack, logical, gone)


def deleted(cloudformation: Any, root: str) -> list[Gone]:
    """The deleted stacks of the application: those beside its root stack, and the root stack at the end if it is deleted, too. An application of the same name
    that was there before, and whose data somebody kept, is none of it."""
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    named = re.compile(re.escape(root) + r"(-[0-9]+)?")
    found = [
        Gone(each["StackId"], each["StackName"], each["CreationTime"], each["DeletionTime"])
        for page in pages
        for each in page["StackSummaries"]
        if named.fullmatch(each["StackName"]) and "ParentId" not in each
    ]
    roots = sorted((each for each in found if each.name == root), key=lambda each: each.deleted)[-1:]
    if stacks.status_of(cloudformation, root) is not None:
        began: datetime = cloudformation.describe_stacks(StackName=root)["Stacks"][0]["CreationTime"]
        roots = []
    elif roots:
        began = roots[0].created
    else:
        return []
    beside = [
        each
        for each in found
        if each.name != root
        and each.created >= began
        and (not roots or each.created <= roots[0].deleted)
        and OTHER_STACKS in stacks.parameters_of(cloudformation, each.id)
    ]
    return [*sorted(beside, key=lambda each: each.deleted), *roots]


def _is_left(cloudformation: Any, resource: dict[str, Any], policy: str, gone: bool, never_made: set[str]) -> bool:
    """Whether the deletion of the stack leaves the resource, or has left it: DELETE_SKIPPED. The stack of a failed creation lists names that it never had."""
    status, name = resource.get("ResourceStatus", ""), resource["PhysicalResourceId"]
    if status in ("CREATE_FAILED", "CREATE_IN_PROGRESS"):
        return False
    if status == "DELETE_COMPLETE":
        return policy == SNAPSHOT
    if status == "DELETE_SKIPPED" and name in never_made:
        return False
    return not gone or (status == "DELETE_SKIPPED" and not _is_held(cloudformation, name))


def _never_made(cloudformation: Any, stack: str) -> set[str]:
    """The names that a creation in the stack wanted, and found in use."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [
        (each.get("PhysicalResourceId"), each["ResourceStatus"]) for page in pages for each in page["StackEvents"]
    ]
    made = {name for name, status in events if status in ("CREATE_COMPLETE", "IMPORT_COMPLETE")}
    return {name for name, status in events if status == "CREATE_FAILED" and name} - made


def _is_held(cloudformation: Any, name: str) -> bool:
    """Whether a stack that is there has the resource."""
    from botocore.exceptions import ClientError

    try:
        return bool(cloudformation.describe_stack_resources(PhysicalResourceId=name)["StackResources"])
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
