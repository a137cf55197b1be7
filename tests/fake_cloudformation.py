"""CloudFormation as far as the deletion of an application reaches it: stacks, what is nested in them, and what stays when they are deleted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, WaiterError

NESTED = "arn:aws:cloudformation:us-east-1:111122223333:stack/mesh-DataProducts/1"
SETTINGS = {"OtherStacks": "deployed", "DeletionProtection": "false", "Mode": "single"}
BUCKET, CLUSTER, STACK = "AWS::S3::Bucket", "AWS::RDS::DBCluster", "AWS::CloudFormation::Stack"
DEPLOYED = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
RETAINED = ("Retain", "RetainExceptOnCreate")


def stack(status: str = "UPDATE_COMPLETE", **resources: tuple[str, str, str]) -> dict[str, Any]:
    return {"status": status, "resources": resources, "parameters": dict(SETTINGS), "created": DEPLOYED}


def no_stack(name: str, operation: str) -> ClientError:
    error = {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}
    return ClientError({"Error": error}, operation)


@dataclass
class Cloud:
    """CloudFormation with these stacks; of each resource its type, name and DeletionPolicy. Deleted ones are `gone`, by their ids. A day passes with each."""

    stacks: dict[str, dict[str, Any]]
    deleted: list[str] = field(default_factory=list)
    failing: str = ""
    gone: dict[str, dict[str, Any]] = field(default_factory=dict)
    when_deleted: Callable[[str], None] = lambda name: None

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        found = self._found(StackName, "DescribeStacks")
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in found["parameters"].items()]
        return {
            "Stacks": [{"StackStatus": found["status"], "Parameters": parameters, "CreationTime": found["created"]}]
        }

    def get_template(self, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert TemplateStage == "Processed", "the one that SAM was given has no resources of its own"
        resources = self._found(StackName, "GetTemplate")["resources"]
        return {
            "TemplateBody": {
                "Resources": {key: {"DeletionPolicy": policy} for key, (_, _, policy) in resources.items()}
            }
        }

    def describe_stack_resources(self, PhysicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        for name, each in self.stacks.items():
            if PhysicalResourceId in [physical for _, physical, _ in each["resources"].values()]:
                return {"StackResources": [{"StackName": name}]}
        raise no_stack(PhysicalResourceId, "DescribeStackResources")

    def get_paginator(self, name: str) -> Any:
        def pages(StackName: str = "", StackStatusFilter: object = None) -> Iterator[dict[str, Any]]:  # noqa: N803
            if name == "list_stack_resources":
                found = self._found(StackName, "ListStackResources")
                for key, (kind, physical, policy) in found["resources"].items():
                    ended = "DELETE_SKIPPED" if policy in RETAINED else "DELETE_COMPLETE"
                    status = ended if "deleted" in found else found.get("statuses", {}).get(key, "UPDATE_COMPLETE")
                    each = {"LogicalResourceId": key, "ResourceType": kind, "PhysicalResourceId": physical}
                    yield {"StackResourceSummaries": [{**each, "ResourceStatus": status}]}
            elif name == "describe_stack_events":
                yield {"StackEvents": self._found(StackName, "DescribeStackEvents").get("events", [])}
            elif name == "list_stacks":
                assert StackStatusFilter == ["DELETE_COMPLETE"]
                for key, found in self.gone.items():
                    each = {"StackId": key, "StackName": key.split("/")[1], "CreationTime": found["created"]}
                    nested = {"ParentId": "the one that it was nested in"} if found.get("nested") else {}
                    yield {"StackSummaries": [{**each, **nested, "DeletionTime": found["deleted"]}]}

        return type("Pages", (), {"paginate": staticmethod(pages)})()

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.deleted.append(StackName)

    def get_waiter(self, name: str) -> Any:
        def wait(StackName: str) -> None:  # noqa: N803
            if StackName == self.failing:
                raise WaiterError(name, "DELETE_FAILED", {})
            self._delete(StackName, f"arn:aws:cloudformation:us-east-1:111122223333:stack/{StackName}/{len(self.gone)}")
            self.when_deleted(StackName)

        return type("Waiter", (), {"wait": staticmethod(wait)})()

    def _delete(self, name: str, arn: str) -> None:
        found = self.stacks.pop(name)
        now = DEPLOYED + timedelta(days=1 + len(self.gone))
        self.gone[arn] = {**found, "status": "DELETE_COMPLETE", "deleted": now, "nested": name == arn}
        for kind, physical, _ in found["resources"].values():
            if kind == STACK and physical in self.stacks:
                self._delete(physical, physical)

    def _found(self, name: str, operation: str) -> dict[str, Any]:
        found = self.stacks.get(name) or self.gone.get(name)
        if found is None:
            raise no_stack(name, operation)
        return found
