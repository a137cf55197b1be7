"""Deletes the stacks of an application. What the templates keep (the final snapshot of the database, buckets, the key) stays; it is listed here, and
deleted by `erasing`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headgate.deployment import stacks
from headgate.deployment.deploy import OTHER_STACKS, DeploymentError, Report
from headgate.deployment.kept import Gone, Kept, deleted, kept_of

PROTECTION = "DeletionProtection"
GAP = 3  # how many numbers of further stacks may be missing before the last


@dataclass(frozen=True)
class Deletion:
    """Of the root stack and the further stacks that deployments made beside it, in one account and region. With `data` what stays of them is to be deleted
    afterwards, so stacks of the application that are deleted already belong to it: an earlier call may have been interrupted."""

    root: str
    cloudformation: Any
    data: bool = False

    def stacks(self) -> list[str]:
        """The names of the stacks, in the order in which they are deleted: the functions last, since what is deleted may still call them. Raises
        `DeploymentError` if there is none, or if they cannot be deleted."""
        status = stacks.status_of(self.cloudformation, self.root)
        if status is None and not self.gone():
            raise DeploymentError(
                f"there is no stack {self.root} in this account and region"
                + (", and none was deleted in the last 90 days" if self.data else "")
            )
        found = [*reversed(list(self._further())), *([self.root] if status else [])]
        for name in found:
            status = stacks.status_of(self.cloudformation, name)
            if status is not None and status.endswith("_IN_PROGRESS") and status not in stacks.NOTHING_LEFT:
                raise DeploymentError(
                    f"stack {name} is {status}: an operation is under way; try again when it has ended"
                )
        if status and self._is_protected():
            raise DeploymentError(
                f"the state database of stack {self.root} is protected from deletion: `headgate deploy --parameter {PROTECTION}=false` ends that, then delete again"
            )
        return found

    def kept(self) -> list[Kept]:
        """What stays, in all stacks and those nested in them."""
        found = {each for name in self.stacks() for each in kept_of(self.cloudformation, name)}
        found |= {each for one in self.gone() for each in kept_of(self.cloudformation, one.id, gone=True)}
        return sorted(found, key=lambda each: (each.kind, each.name))

    def gone(self) -> list[Gone]:
        """The stacks that are deleted already; none without `data`."""
        return deleted(self.cloudformation, self.root) if self.data else []

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
                reasons = stacks.reasons(self.cloudformation, name, began, error)
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
