"""Deploys an application: the root stack, then the further stacks of a large mesh, and its catalog at last.

Functions come before the machines that call them, machines before the catalog that opens their runs. What the stacks share goes from the
root stack to the others as parameters: an export that is in use could neither be changed nor removed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.deployment import stacks
from headgate.deployment.sam import Sam, SamError
from headgate.deployment.stacks import FurtherStack

Report = Callable[[str], None]
OTHER_STACKS = "OtherStacks"  # the parameter of the root stack
NONE, FOLLOW, DEPLOYED = "none", "follow", "deployed"


class DeploymentError(RuntimeError):
    """The deployment failed or cannot begin; the message is for the user. What was deployed stays, and the next deployment goes on."""


@dataclass(frozen=True)
class Step:
    """One operation of CloudFormation: `what` says what it does, `status` is that of the stack before all steps."""

    stack: str
    what: str
    status: str | None


@dataclass
class Deployment:
    """`application` is the folder with template.yaml and statemachines/; `parameters` are those of the root stack."""

    application: Path
    build: Path
    root: str
    account: str
    region: str
    sam: Sam
    cloudformation: Any
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        """What the account is: by the parameters, else as the root stack was deployed before."""
        if "Mode" in self.parameters:
            return self.parameters["Mode"]
        before = stacks.status_of(self.cloudformation, self.root)
        return (stacks.parameters_of(self.cloudformation, self.root) if before else {}).get("Mode", "single")

    def further(self) -> list[FurtherStack]:
        """The stacks beside the root stack, in this account and region."""
        mode = self.mode
        found = stacks.further_stacks(self.application / "statemachines") if mode != "central" else []
        return [each for each in found if each.is_in("" if mode == "single" else self.account, self.region)]

    def steps(self) -> list[Step]:
        """What `run` does, in order. Raises `DeploymentError` if a stack is in no state to be deployed."""
        further = self.further()
        names = [self.root, *(each.name(self.root) for each in further)]
        status = {name: stacks.status_of(self.cloudformation, name) for name in names}
        if problems := [each for name in names if (each := stacks.obstacle(name, status[name]))]:
            raise DeploymentError("\n".join(problems))
        found = [Step(name, _what(status[name]), status[name]) for name in names]
        return [*found, Step(self.root, "load the catalog", status[self.root])] if further else found

    def run(self, report: Report) -> dict[str, str]:
        """Builds and deploys; returns the outputs of the root stack. Raises `DeploymentError`."""
        self.steps()  # nothing is built for stacks that cannot be deployed
        further = self.further()
        report("sam build")
        self._build(self.application / "template.yaml", 1)
        for each in further:
            self._build(each.template, each.number)
        number = len(further) + 1
        report("sam deploy" if not further else f"sam deploy, {self.root} (1 of {number})")
        self._deploy(self.root, 1, {**self.parameters, OTHER_STACKS: FOLLOW if further else NONE})
        if further:
            shared = stacks.shared_parameters(self.cloudformation, self.root)
            for position, each in enumerate(further, start=2):
                report(f"sam deploy, {each.name(self.root)} ({position} of {number})")
                given = {name: value for name, value in shared.items() if name in each.parameters}
                self._deploy(each.name(self.root), each.number, given)
            report("sam deploy, the catalog")
            self._deploy(self.root, 1, {**self.parameters, OTHER_STACKS: DEPLOYED})
        return stacks.outputs_of(self.cloudformation, self.root)

    def left_over(self) -> Iterator[str]:
        """Further stacks that earlier deployments made, and of which nothing is left in the metadata."""
        wanted = {each.number for each in self.further()}
        for number in range(2, max(wanted, default=1) + 4):
            name = f"{self.root}-{number}"
            exists = number not in wanted and stacks.status_of(self.cloudformation, name) is not None
            if exists and OTHER_STACKS in stacks.parameters_of(self.cloudformation, name):
                yield name

    def _build(self, template: Path, number: int) -> None:
        try:
            self.sam.build(template, self.build / str(number))
        except SamError as error:
            raise DeploymentError(str(error)) from None

    def _deploy(self, stack: str, number: int, parameters: dict[str, str]) -> None:
        began = datetime.now(UTC)
        if stacks.status_of(self.cloudformation, stack) == "ROLLBACK_COMPLETE":
            self.cloudformation.delete_stack(StackName=stack)
            self.cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        try:
            self.sam.deploy(self.build / str(number), stack, parameters)
        except SamError as error:
            exists = stacks.status_of(self.cloudformation, stack) is not None
            found = list(stacks.failures(self.cloudformation, stack, began)) if exists else []
            reasons = "".join(f"\n  {each}" for each in found) or f"\n{error}"
            raise DeploymentError(f"stack {stack} was not deployed:{reasons}") from None


def _what(status: str | None) -> str:
    if status is None or status == "REVIEW_IN_PROGRESS":
        return "create"
    return "delete what its failed creation left, and create" if status == "ROLLBACK_COMPLETE" else "update"
