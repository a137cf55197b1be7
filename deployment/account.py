"""The stack by which an AWS account is made ready for deployments of an application (account.yaml): previewed as a change set, then executed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.deployment import stacks
from headgate.deployment.deploy import Report

TEMPLATE = Path(__file__).with_name("account.yaml")
PREFIX = "setup-"  # no role of an application may change a stack or a role whose name begins so
PROVIDER = "token.actions.githubusercontent.com"
UNCHANGED = re.compile("didn't contain changes|No updates are to be performed")
DENIED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
POLL, LONGEST = 2.0, 900.0  # seconds between two looks at CloudFormation, and in all
WORDS = {"Add": "add", "Modify": "change", "Remove": "remove", "Import": "import", "Dynamic": "change"}


class SetupError(RuntimeError):
    """The account cannot be set up; the message is for the user."""


@dataclass(frozen=True)
class Change:
    """Of one resource: `action` is add, change, replace or remove."""

    action: str
    kind: str
    name: str


@dataclass(frozen=True)
class Setup:
    """Of the application with this root stack, in one account and region."""

    application: str
    cloudformation: Any

    @property
    def stack(self) -> str:
        return PREFIX + self.application

    def prepare(self, parameters: Mapping[str, str]) -> "ChangeSet | None":
        """A change set of the stack with these parameters; None if nothing changes. Raises `SetupError` and botocore's errors."""
        from botocore.exceptions import WaiterError

        status = stacks.status_of(self.cloudformation, self.stack)
        if status == "ROLLBACK_COMPLETE":
            raise SetupError(
                f"stack {self.stack} is {status}: its first creation failed and left nothing; `aws cloudformation delete-stack --stack-name {self.stack}`, then "
                "set the account up again"
            )
        if problem := stacks.obstacle(self.stack, status):
            raise SetupError(problem)
        exists = status not in (None, *stacks.NOTHING_LEFT)
        found = ChangeSet(self, f"headgate-{datetime.now(UTC):%Y%m%dT%H%M%S%f}", exists)
        self.cloudformation.create_change_set(
            StackName=self.stack, ChangeSetName=found.name, ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateBody=TEMPLATE.read_text("utf-8"), Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": "application", "Value": self.application}],
        )  # fmt: skip
        try:
            self.cloudformation.get_waiter("change_set_create_complete").wait(
                StackName=self.stack, ChangeSetName=found.name, WaiterConfig=_patience()
            )
        except WaiterError:
            reason = self._described(found.name).get("StatusReason", "")
            found.discard()
            if UNCHANGED.search(reason):
                return None
            raise SetupError(f"the change of stack {self.stack} was not prepared: {reason}{advice(reason)}") from None
        return found

    def parameters(self) -> dict[str, str]:
        """Those with which the stack was deployed; none if it was not."""
        status = stacks.status_of(self.cloudformation, self.stack)
        return {} if status in (None, *stacks.NOTHING_LEFT) else stacks.parameters_of(self.cloudformation, self.stack)

    def outputs(self) -> dict[str, str]:
        """Of the stack; none if it is not there, or not for the caller to see."""
        from botocore.exceptions import ClientError

        try:
            return (
                stacks.outputs_of(self.cloudformation, self.stack)
                if stacks.status_of(self.cloudformation, self.stack)
                else {}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                return {}
            raise

    def _described(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloudformation.describe_change_set(StackName=self.stack, ChangeSetName=name)
        return found


@dataclass(frozen=True)
class ChangeSet:
    """What would change, until it is executed or discarded. `updates`: the stack was there before."""

    setup: Setup
    name: str
    updates: bool

    def changes(self) -> list[Change]:
        pages = self.setup.cloudformation.get_paginator("describe_change_set").paginate(
            StackName=self.setup.stack, ChangeSetName=self.name
        )
        found = [each["ResourceChange"] for page in pages for each in page["Changes"]]
        return [
            Change(
                "replace" if each.get("Replacement") == "True" else WORDS[each["Action"]],
                each["ResourceType"],
                each["LogicalResourceId"],
            )
            for each in sorted(found, key=lambda each: str(each["LogicalResourceId"]))
        ]

    def discard(self) -> None:
        """Nothing of it is left, nor of a stack that it alone would have made."""
        self.setup.cloudformation.delete_change_set(StackName=self.setup.stack, ChangeSetName=self.name)
        if not self.updates:
            self.setup.cloudformation.delete_stack(StackName=self.setup.stack)

    def execute(self, report: Report) -> dict[str, str]:
        """The outputs of the stack. Raises `SetupError`."""
        from botocore.exceptions import WaiterError

        client, stack, began = self.setup.cloudformation, self.setup.stack, datetime.now(UTC)
        report(f"stack {stack}")
        client.execute_change_set(StackName=stack, ChangeSetName=self.name)
        try:
            client.get_waiter("stack_update_complete" if self.updates else "stack_create_complete").wait(
                StackName=stack, WaiterConfig=_patience()
            )
        except WaiterError as error:
            found = stacks.reasons(client, stack, began, error)
            raise SetupError(f"stack {stack} was not deployed:{found}{advice(found)}") from None
        return stacks.outputs_of(client, stack)


def _patience() -> dict[str, float]:
    return {"Delay": POLL, "MaxAttempts": int(LONGEST / POLL)}


def options_of(outputs: Mapping[str, str]) -> list[str]:
    """The options of `sam deploy` in an account that is set up: its bucket, and the role with which CloudFormation deploys."""
    if not outputs:
        return []
    return ["--no-resolve-s3", "--s3-bucket", outputs["ArtifactBucket"], "--role-arn", outputs["ExecutionRoleArn"]]


def advice(text: str) -> str:
    """What to do about the permissions that are missing according to a text of AWS; empty if it names none."""
    missing = sorted(set(DENIED.findall(text)))
    if not missing:
        return ""
    return f"\nThe caller lacks {', '.join(missing)}. An account is set up once, by somebody who may administer it; deployments need no such permissions"


def has_provider(iam: Any) -> bool:
    """Whether the account trusts GitHub's OpenID Connect provider."""
    found = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return any(each["Arn"].endswith(f"oidc-provider/{PROVIDER}") for each in found)


def make_provider(iam: Any) -> None:
    """Of GitHub. It is one for the whole account, whatever the number of applications."""
    from botocore.exceptions import ClientError

    try:
        iam.create_open_id_connect_provider(Url=f"https://{PROVIDER}", ClientIDList=["sts.amazonaws.com"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":  # somebody was faster
            raise


def landing_buckets(statemachines: Path, account: str, partition: str) -> list[str]:
    """The ARNs of the buckets that the generated application creates with names of the metadata."""
    found = set()
    for path in statemachines.rglob("template*.json"):
        for each in json.loads(path.read_bytes())["Resources"].values():
            name = each.get("Properties", {}).get("BucketName") if each["Type"] == "AWS::S3::Bucket" else None
            if name:
                text = name["Fn::Sub"] if isinstance(name, dict) else name
                found.add(f"arn:{partition}:s3:::{text.replace('${AWS::AccountId}', account)}")
    return sorted(found)
