"""Deletes the stacks of an application. What the templates keep (the final snapshot of the database, buckets, the key) stays."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headgate.deployment import stacks
from headgate.deployment.deploy import OTHER_STACKS, DeploymentError, Report

KEPT = ("Retain", "RetainExceptOnCreate", "Snapshot")
NESTED = "AWS::CloudFormation::Stack"
PROTECTION = "DeletionProtection"
GAP = 3  # how many numbers of further stacks may be missing before the last


@dataclass(frozen=True)
class Kept:
    """A resource whose data stays; `how` is its DeletionPolicy."""

    kind: str
    name: str
    how: str


@dataclass(frozen=True)
class Deletion:
    """Of the root stack and the further stacks that deployments made beside it, in one account and region."""

    root: str
    cloudformation: Any

    def stacks(self) -> list[str]:
        """The names of the stacks, in the order in which they are deleted: the functions last, since what is deleted may still call them. Raises
        `DeploymentError` if there is none, or if they cannot be deleted."""
        status = stacks.status_of(self.cloudformation, self.root)
        if status is None:
            raise DeploymentError(f"there is no stack {self.root} in this account and region")
        found = [*reversed(list(self._further())), self.root]
        for name in found:
            status = stacks.status_of(self.cloudformation, name)
            if status is not None and status.endswith("_IN_PROGRESS") and status not in stacks.NOTHING_LEFT:
                raise DeploymentError(
                    f"stack {name} is {status}: an operation is under way; try again when it has ended"
                )
        if self._is_protected():
            raise DeploymentError(
                f"the state database of stack {self.root} is protected from deletion: `headgate deploy --parameter {PROTECTION}=false` ends that, then delete again"
            )
        return found

    def kept(self) -> list[Kept]:
        """What stays, in all stacks and those nested in them."""
        found = {each for name in self.stacks() for each in self._kept(name)}
        return sorted(found, key=lambda each: (each.kind, each.name))

    def run(self, report: Report) -> None:
        """Deletes the stacks one after the other. Raises `DeploymentError`; what was deleted before stays deleted."""
        from botocore.exceptions import WaiterError

        names = self.stacks()
        for number, name in enumerate(names, start=1):
            report(f"delete stack {name} ({number} of {len(names)})")
            began = datetime.now(UTC)
            self.cloudformation.delete_stack(StackName=name)
            try:
                self.cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
            except WaiterError as error:
                found = list(stacks.failures(self.cloudformation, name, began))
                reasons = "".join(f"\n  {each}" for each in found) or f"\n  {error}"
                raise DeploymentError(f"stack {name} was not deleted:{reasons}") from None

    def _further(self) -> Iterator[str]:
        number = missing = 1
        while missing <= GAP:
            number += 1
            name = f"{self.root}-{number}"
            exists = stacks.status_of(self.cloudformation, name) is not None
            if exists and OTHER_STACKS in stacks.parameters_of(self.cloudformation, name):
                missing = 1
                yield name
            else:
                missing += 1

    def _is_protected(self) -> bool:
        given = stacks.parameters_of(self.cloudformation, self.root)
        return given.get("Mode") != "central" and given.get(PROTECTION, "true") == "true"

    def _kept(self, stack: str) -> Iterator[Kept]:
        body = self.cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
        for page in self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            for each in page["StackResourceSummaries"]:
                name = each.get("PhysicalResourceId", "")
                policy = template["Resources"].get(each["LogicalResourceId"], {}).get("DeletionPolicy", "")
                if each["ResourceType"] == NESTED and name:
                    yield from self._kept(name)
                elif policy in KEPT and name:
                    yield Kept(each["ResourceType"], name, policy)
