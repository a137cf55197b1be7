"""A first deployment that fails is rolled back as a whole, and the next one finds nothing in its way."""

from typing import Any

import pytest

import custom_resource
import database_protection
from tests.handler_steps import invoke, sample
from tests.test_template import RESOURCES, TEMPLATE, of_type


class Aws:
    """RDS and CloudFormation as far as the protection asks them."""

    def __init__(self, status: str) -> None:
        self.status, self.protected = status, [False]

    def modify_db_cluster(self, DBClusterIdentifier: str, DeletionProtection: bool, ApplyImmediately: bool) -> None:  # noqa: N803
        assert (DBClusterIdentifier, ApplyImmediately) == ("state", True)
        self.protected.append(DeletionProtection)

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        assert StackName == sample("database_protection")["StackId"]
        return {"Stacks": [{"StackStatus": self.status}]}


@pytest.mark.parametrize(
    ("request_type", "wanted", "status", "protected"),
    [
        ("Create", "true", "CREATE_IN_PROGRESS", True),
        ("Create", "false", "CREATE_IN_PROGRESS", False),
        ("Update", "false", "UPDATE_IN_PROGRESS", False),
        ("Update", "true", "UPDATE_ROLLBACK_IN_PROGRESS", True),
        ("Delete", "true", "ROLLBACK_IN_PROGRESS", False),
    ],
)
def test_the_database_is_protected_once_the_stack_is_there(
    monkeypatch: pytest.MonkeyPatch, request_type: str, wanted: str, status: str, protected: bool
) -> None:
    aws = Aws(status)
    monkeypatch.setenv("CLUSTER_ARN", "arn:aws:rds:us-east-1:111122223333:cluster:state")
    monkeypatch.setattr(database_protection, "client", lambda service: aws)
    monkeypatch.setattr(custom_resource, "stacks", lambda: aws)
    event = {**sample("database_protection"), "RequestType": request_type}
    event["ResourceProperties"]["Protected"] = wanted
    assert invoke("database_protection", event)["Status"] == "SUCCESS"
    assert aws.protected == [False, protected]


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_is_deleted_is_protected_to_the_end(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    aws = Aws(status)
    monkeypatch.setattr(database_protection, "client", lambda service: aws)
    monkeypatch.setattr(custom_resource, "stacks", lambda: aws)
    answer = invoke("database_protection", {**sample("database_protection"), "RequestType": "Delete"})
    assert (answer["Status"], aws.protected) == ("SUCCESS", [False])


def test_what_rds_refuses_fails_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(service: str) -> Any:
        raise PermissionError("rds:ModifyDBCluster")

    monkeypatch.setenv("CLUSTER_ARN", "arn:aws:rds:us-east-1:111122223333:cluster:state")
    monkeypatch.setattr(database_protection, "client", refused)
    answer = invoke("database_protection", sample("database_protection"))
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "PermissionError: rds:ModifyDBCluster")


def test_nothing_of_the_template_stands_in_the_way_of_a_rollback() -> None:
    (cluster,) = of_type("AWS::RDS::DBCluster").values()
    assert "DeletionProtection" not in cluster, "it would be set before the stack is complete"
    assert {each.get("DeletionPolicy", "Delete") for each in RESOURCES.values()} == {
        "Delete",
        "RetainExceptOnCreate",
        "Snapshot",
    }
    assert [name for name, each in RESOURCES.items() if each.get("DeletionPolicy") == "Snapshot"] == ["Cluster"]
    assert all(RESOURCES[name]["DeletionPolicy"] == "Delete" for name in of_type("AWS::Logs::LogGroup"))


def test_the_protection_comes_last() -> None:
    protection = RESOURCES["DatabaseProtection"]
    assert protection["Properties"]["Protected"] == {"Ref": "DeletionProtection"}
    assert TEMPLATE["Parameters"]["DeletionProtection"]["Default"] == "true"
    assert {"SchedulerTick", "MonitorTick", "RetentionTick"} <= set(protection["DependsOn"])
    assert not [name for name, each in RESOURCES.items() if "DatabaseProtection" in each.get("DependsOn", ())]
