"""`headgate delete`: which stacks go in which order, what stays, and what stands in the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from headgate.deployment.deletion import Deletion
from headgate.deployment.deploy import DeploymentError
from tests.conftest import Headgate
from tests.fake_cloudformation import BUCKET, CLUSTER, NESTED, STACK, Cloud, stack


@pytest.fixture
def cloud() -> Cloud:
    nested = stack(Landing=(BUCKET, "acme-landing", "Retain"), Machine=("AWS::StepFunctions::StateMachine", "m", ""))
    root = stack(
        Cluster=(CLUSTER, "mesh-cluster", "Snapshot"), Code=(BUCKET, "mesh-code", "RetainExceptOnCreate"),
        Logs=("AWS::Logs::LogGroup", "logs", "Delete"), Version=("AWS::Lambda::Version", "gate:3", "Retain"), DataProducts=(STACK, NESTED, ""),
    )  # fmt: skip
    return Cloud({"mesh": root, NESTED: nested, "mesh-2": stack(), "mesh-4": stack()})


def test_machines_go_before_the_functions_and_data_stays(cloud: Cloud) -> None:
    deletion = Deletion("mesh", cloud)
    assert [(each.name, each.how) for each in deletion.kept()] == [
        ("mesh-cluster", "Snapshot"), ("acme-landing", "Retain"), ("mesh-code", "RetainExceptOnCreate"),
    ]  # fmt: skip
    deletion.run(lambda line: None)
    assert cloud.deleted == ["mesh-4", "mesh-2", "mesh"]


def test_a_stack_of_somebody_else_with_such_a_name_stays(cloud: Cloud) -> None:
    cloud.stacks["mesh-2"]["parameters"] = {}
    assert Deletion("mesh", cloud).stacks() == ["mesh-4", "mesh"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"parameters": {"DeletionProtection": "true"}},
            "`headgate deploy --parameter DeletionProtection=false` ends that",
        ),
        ({"status": "UPDATE_IN_PROGRESS"}, "stack mesh is UPDATE_IN_PROGRESS: an operation is under way"),
    ],
)
def test_nothing_is_deleted_while_something_stands_in_the_way(
    cloud: Cloud, change: dict[str, Any], message: str
) -> None:
    cloud.stacks["mesh"] |= change
    with pytest.raises(DeploymentError, match=message):
        Deletion("mesh", cloud).run(lambda line: None)
    assert cloud.deleted == []


def test_a_central_stack_has_no_database_to_protect(cloud: Cloud) -> None:
    cloud.stacks["mesh"]["parameters"] = {"Mode": "central", "DeletionProtection": "true"}
    assert Deletion("mesh", cloud).stacks()[-1] == "mesh"


def test_what_could_not_be_deleted_is_named_and_nothing_after_it_is_touched(cloud: Cloud) -> None:
    cloud.failing = "mesh-2"
    with pytest.raises(DeploymentError, match="stack mesh-2 was not deleted:\n"):
        Deletion("mesh", cloud).run(lambda line: None)
    assert cloud.deleted == ["mesh-4", "mesh-2"]


class Session:
    """Credentials of an account with these stacks."""

    region_name = "eu-west-1"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def client(self, service: str) -> Any:
        identity = type("Identity", (), {"get_caller_identity": lambda self: {"Account": "111122223333"}})()
        return identity if service == "sts" else self._cloud


def test_it_is_shown_before_it_is_done(
    cloud: Cloud, project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("")
    monkeypatch.setattr(boto3, "Session", lambda **options: Session(cloud))
    shown = [
        "account 111122223333, eu-west-1",
        "  1. mesh-4: delete",
        "  2. mesh-2: delete",
        "  3. mesh: delete",
        "These stay, with their data and what they cost (`--data` deletes them as well):",
        "  mesh-cluster (a final snapshot of it)",
        "  acme-landing (AWS::S3::Bucket)",
        "  mesh-code (AWS::S3::Bucket)",
    ]
    assert headgate("delete", "--stack", "mesh", "--dry-run") == (0, "\n".join(shown) + "\n")
    assert headgate("delete", "--stack", "mesh")[0] == 3
    assert cloud.deleted == [], "nobody has confirmed it"
    code, printed = headgate("delete", "--stack", "none", "--yes")
    assert (code, "there is no stack none in this account and region" in printed) == (2, True)
    code, printed = headgate("delete", "--stack", "mesh", "--yes", "--json")
    answer = json.loads(printed)
    assert (code, answer["deleted"], answer["stacks"]) == (0, True, ["mesh-4", "mesh-2", "mesh"])
    assert not cloud.stacks
