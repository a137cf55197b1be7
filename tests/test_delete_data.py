"""`headgate delete --data`: what is shown before, what the user has to type, what is deleted in which order, and what stays when something is in the way."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import boto3.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from headgate.deployment import account as account_setup
from headgate.deployment import erased_buckets
from headgate.deployment.kept import deleted
from tests.conftest import Headgate
from tests.fake_cloudformation import BUCKET, CLUSTER, DEPLOYED, NESTED, STACK, Cloud, stack

REGION, ACCOUNT = "us-east-1", "123456789012"
FINAL = "mesh-snapshot-cluster-1x2y3z"
DATA = ("delete", "--stack", "mesh", "--data")


class Account:
    """An account with these stacks, and moto for what they leave. `denied` operations are refused. `called` are those that change data, in order."""

    region_name = REGION

    def __init__(self) -> None:
        self.session = boto3.session.Session(region_name=REGION)
        self.s3, self.kms, self.rds = (self.session.client(each) for each in ("s3", "kms", "rds"))
        self.denied: set[str] = set()
        self.busy = ""  # a bucket that is written to while it is deleted
        self.called: list[str] = []
        for name in ("acme-landing", "mesh-code"):
            self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket="acme-landing", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"first", b"second"):
            self.s3.put_object(Bucket="acme-landing", Key="a.csv", Body=body)
        self.s3.put_object(Bucket="acme-landing", Key="b.csv", Body=b"")
        self.s3.delete_object(Bucket="acme-landing", Key="b.csv")
        self.s3.create_multipart_upload(Bucket="acme-landing", Key="c.csv")
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.rds.create_db_cluster(
            DBClusterIdentifier="mesh-cluster", Engine="aurora-postgresql", MasterUsername="headgate", MasterUserPassword="for-tests",
        )  # fmt: skip
        nested = stack(
            Landing=(BUCKET, "acme-landing", "Retain"), Machine=("AWS::StepFunctions::StateMachine", "m", "")
        )
        root = stack(
            Cluster=(CLUSTER, "mesh-cluster", "Snapshot"), Code=(BUCKET, "mesh-code", "RetainExceptOnCreate"),
            Key=("AWS::KMS::Key", self.key, "RetainExceptOnCreate"), Version=("AWS::Lambda::Version", "gate:3", "Retain"),
            DataProducts=(STACK, NESTED, ""),
        )  # fmt: skip
        self.cloud = Cloud({"mesh": root, NESTED: nested, "mesh-2": stack()}, when_deleted=self._snapshot)

    def client(self, service: str) -> Any:
        if service == "cloudformation":
            return self.cloud
        client = self.session.client(service)
        client.meta.events.register("before-call.*.*", self._refuse)
        return client

    def left(self) -> tuple[list[str], list[str], str]:
        """The buckets, the snapshots and the state of the key."""
        buckets = [each["Name"] for each in self.s3.list_buckets()["Buckets"]]
        snapshots = self.rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
        state = self.kms.describe_key(KeyId=self.key)["KeyMetadata"]["KeyState"]
        return buckets, [each["DBClusterSnapshotIdentifier"] for each in snapshots], state

    def snapshot(self, name: str) -> None:
        self.rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier=name, DBClusterIdentifier="mesh-cluster")

    def _snapshot(self, name: str) -> None:
        if name == "mesh":
            self.snapshot(FINAL)
            self.rds.delete_db_cluster(DBClusterIdentifier="mesh-cluster", SkipFinalSnapshot=True)

    def _refuse(self, model: Any, **more: Any) -> None:
        if re.match("Delete|Schedule|Abort", model.name):
            self.called.append(model.name)
        if self.busy and model.name == "DeleteBucket" and self.busy in more["params"]["url"]:
            self.s3.put_object(Bucket=self.busy, Key="late", Body=b"")
        if model.name in self.denied:
            error = {"Code": "AccessDenied", "Message": f"not authorized to perform: {model.name}"}
            raise ClientError({"Error": error}, model.name)


@pytest.fixture(autouse=True)
def account(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    project("")
    with mock_aws():
        made = Account()
        monkeypatch.setattr(boto3, "Session", lambda **options: made)
        yield made


def in_days(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def lines(printed: str) -> list[str]:
    """What is printed, without the stages of the work."""
    return [each for each in printed.splitlines() if not re.match(r" *[0-9.]+ s  ", each)]


def preview(account: Account) -> list[str]:
    return [
        "account 123456789012, us-east-1",
        "  1. mesh-2: delete",
        "  2. mesh: delete",
        "Then this data is deleted, and nothing brings it back:",
        "  acme-landing (AWS::S3::Bucket): 1 object, 2 earlier versions, 1 delete marker, 1 unfinished upload",
        "  mesh-code (AWS::S3::Bucket): empty",
        "  mesh-cluster (AWS::RDS::DBCluster): the final snapshot that is made of it is deleted as well: no backup remains",
        f"  {account.key} (AWS::KMS::Key): is deleted on {in_days(7)}, 7 days from now",
    ]


def test_all_is_shown_and_nothing_is_left(account: Account, headgate: Headgate) -> None:
    assert headgate(*DATA, "--dry-run") == (0, "\n".join(preview(account)) + "\n")
    assert (account.called, account.cloud.deleted) == ([], []), "it was only shown"
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert lines(printed) == [
        *preview(account),
        "acme-landing (AWS::S3::Bucket): deleted, with 4 versions of objects",
        "mesh-code (AWS::S3::Bucket): deleted, with 0 versions of objects",
        f"mesh-cluster (AWS::RDS::DBCluster): snapshot {FINAL} deleted",
        f"{account.key} (AWS::KMS::Key): is deleted on {in_days(7)}; until then `aws kms cancel-key-deletion --key-id {account.key}` prevents it",
    ]
    assert code == 0
    assert account.cloud.deleted == ["mesh-2", "mesh"]
    assert account.left() == ([], [], "PendingDeletion")
    assert account.called == [
        "DeleteObjects", "AbortMultipartUpload", "DeleteBucket", "DeleteBucket", "DeleteDBClusterSnapshot", "ScheduleKeyDeletion",
    ]  # fmt: skip
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, lines(printed)[-1]) == (0, "There is no data that stays.")


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (("prod", "--yes"), 2, "--data names prod, but the root stack is mesh"),
        (("--yes",), 2, "--yes with --data needs the name of the root stack: --data mesh --yes"),
        ((), 3, "Nothing has been changed; to do it, add --data mesh --yes"),
        (("mesh",), 3, "Nothing has been changed; to do it, add --data mesh --yes"),
    ],
)
def test_nobody_deletes_data_without_having_named_it(
    account: Account, headgate: Headgate, given: tuple[str, ...], code: int, message: str
) -> None:
    found, printed = headgate(*DATA, *given)
    assert (found, message in printed) == (code, True), printed
    assert (account.called, account.cloud.deleted) == ([], [])


@pytest.mark.parametrize(("typed", "code"), [("yes", 3), ("mesh-2", 3), (" mesh ", 0)])
def test_the_name_of_the_stack_is_typed(
    account: Account, headgate: Headgate, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return typed

    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", answer)
    found, printed = headgate(*DATA)
    assert (found, asked) == (code, ["Type mesh to continue: "])
    assert lines(printed)[: len(preview(account))] == preview(account)
    assert printed.count("Then this data is deleted") == 1
    assert bool(account.cloud.deleted) == (code == 0)


def test_no_data_is_deleted_when_a_stack_is_not(account: Account, headgate: Headgate) -> None:
    account.cloud.failing = "mesh"
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, "stack mesh was not deleted:" in printed, "No data was deleted" in printed) == (1, True, True)
    assert account.called == []
    account.cloud.stacks["mesh"]["parameters"]["DeletionProtection"] = "true"
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, "is protected from deletion" in printed) == (2, True)
    assert account.called == []


def test_what_is_refused_is_named_at_the_end_and_the_next_call_goes_on(account: Account, headgate: Headgate) -> None:
    account.denied = {"DeleteObjects", "DeleteDBClusterSnapshot"}
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert code == 1
    assert [each for each in lines(printed) if "not " in each or "stays" in each] == [
        "headgate delete: These were not deleted:",
        "  acme-landing (AWS::S3::Bucket): An error occurred (AccessDenied) when calling the DeleteObjects operation: not authorized to perform: DeleteObjects",
        "  mesh-cluster (AWS::RDS::DBCluster): An error occurred (AccessDenied) when calling the DeleteDBClusterSnapshot operation: not authorized to perform: DeleteDBClusterSnapshot",
        f"  {account.key} (AWS::KMS::Key): it stays as long as something stays that may be encrypted with it",
    ]
    assert account.left() == (["acme-landing"], [FINAL], "Enabled")

    account.denied = set()
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, lines(printed)[1:8]) == (
        0,
        [
            "stack mesh-2 was deleted on 2026-11-02 09:00",
            "stack mesh was deleted on 2026-11-03 09:00",
            "Then this data is deleted, and nothing brings it back:",
            "  acme-landing (AWS::S3::Bucket): 1 object, 2 earlier versions, 1 delete marker, 1 unfinished upload",
            f"  mesh-cluster (AWS::RDS::DBCluster): its final snapshot {FINAL}: no backup remains",
            f"  {account.key} (AWS::KMS::Key): is deleted on {in_days(7)}, 7 days from now",
            "acme-landing (AWS::S3::Bucket): deleted, with 4 versions of objects",
        ],
    )
    assert account.left() == ([], [], "PendingDeletion")


def test_data_that_was_kept_at_first_can_be_deleted_later(account: Account, headgate: Headgate) -> None:
    assert headgate("delete", "--stack", "mesh", "--yes")[0] == 0
    assert account.left() == (["acme-landing", "mesh-code"], [FINAL], "Enabled")
    code, printed = headgate("delete", "--stack", "mesh", "--yes")
    assert (code, "there is no stack mesh in this account and region" in printed) == (2, True)
    assert headgate(*DATA, "mesh", "--yes")[0] == 0
    assert account.left() == ([], [], "PendingDeletion")


def test_what_object_lock_protects_stays_and_the_others_are_deleted(
    account: Account, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    monkeypatch.setattr(erased_buckets, "PAGE", 2)
    for name in ("a", "b", "z"):
        account.s3.put_object(Bucket="locked", Key=name, Body=b"")
    account.s3.put_object(Bucket="locked", Key="evidence", Body=b"", ObjectLockLegalHoldStatus="ON")
    account.cloud.stacks[NESTED]["resources"]["Locked"] = (BUCKET, "locked", "Retain")
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (
        "  locked (AWS::S3::Bucket): 4 objects, Object Lock is on: what it protects stays, and the bucket with it"
        in printed
    )
    (refused,) = [each for each in printed.splitlines() if "could not be deleted" in each]
    assert refused.startswith("  locked (AWS::S3::Bucket): 1 version of objects could not be deleted: AccessDenied: ")
    assert refused.endswith("Object Lock protects them until their retention ends or their legal hold is removed")
    assert (code, account.left()) == (1, (["locked"], [], "Enabled"))
    assert [each["Key"] for each in account.s3.list_object_versions(Bucket="locked")["Versions"]] == ["evidence"]


def test_what_the_command_does_not_know_stays_and_so_does_the_key(account: Account, headgate: Headgate) -> None:
    account.cloud.stacks["mesh"]["resources"]["Table"] = ("AWS::DynamoDB::Table", "orders", "Retain")
    account.cloud.stacks["mesh"]["resources"]["Mine"] = (CLUSTER, "other-cluster", "Retain")
    account.snapshot("before-the-audit")
    code, printed = headgate(*DATA, "mesh", "--yes", "--json")
    answer = json.loads(printed)
    assert (code, answer["stacks"], answer["deleted"]) == (0, ["mesh-2", "mesh"], True)
    assert [(each["name"], each["result"]) for each in answer["data"]] == [
        ("acme-landing", "deleted, with 4 versions of objects"),
        ("mesh-code", "deleted, with 0 versions of objects"),
        ("mesh-cluster", f"snapshot {FINAL} deleted"),
    ]
    by_hand = f"`aws kms schedule-key-deletion --key-id {account.key} --pending-window-in-days 7`"
    assert {each["name"]: each["why"] for each in answer["kept"]} == {
        "orders": "delete it by hand",
        "other-cluster": "delete it by hand",
        "mesh-cluster": "before-the-audit: not made by the stack; delete by hand",
        account.key: f"what stays may be encrypted with it; when that is gone, {by_hand}",
    }
    assert account.left() == ([], ["before-the-audit"], "Enabled")


def test_a_key_stays_while_a_snapshot_is_encrypted_with_it(account: Account, headgate: Headgate) -> None:
    """An update has replaced the cluster, and CloudFormation has made a snapshot of the old one, which no stack lists."""
    account.rds.create_db_cluster(
        DBClusterIdentifier="replaced", Engine="aurora-postgresql", MasterUsername="headgate", MasterUserPassword="for-tests",
        StorageEncrypted=True, KmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{account.key}",
    )  # fmt: skip
    account.rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="older", DBClusterIdentifier="replaced")
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, "snapshots stay that are encrypted with it: older; delete them by hand" in printed) == (1, True)
    assert account.left() == ([], ["older"], "Enabled")
    account.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="older")
    assert headgate(*DATA, "mesh", "--yes")[0] == 0
    assert account.left() == ([], [], "PendingDeletion")


def test_what_cannot_be_looked_at_is_a_finding(account: Account, headgate: Headgate) -> None:
    account.denied = {"ListObjectVersions"}
    code, printed = headgate(*DATA, "--dry-run")
    assert (code, printed.count("what it holds is not known")) == (1, 2)
    assert "headgate delete: These could not be looked at:\n  acme-landing (AWS::S3::Bucket): An error" in printed
    code, printed = headgate(*DATA, "--dry-run", "--json")
    answer = json.loads(printed)
    assert (code, answer["deleted"], ["error" in each for each in answer["data"]]) == (
        1, False, [True, True, False, False],
    )  # fmt: skip


def test_more_than_can_be_counted_is_emptied_in_batches(
    account: Account, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erased_buckets, "COUNTED", 1)
    monkeypatch.setattr(erased_buckets, "PAGE", 10)
    monkeypatch.setattr(erased_buckets, "REPORTED", 10)
    for number in range(21):
        account.s3.put_object(Bucket="mesh-code", Key=f"{number:02}", Body=b"")
    assert "mesh-code (AWS::S3::Bucket): more than 10 objects and earlier versions" in headgate(*DATA, "--dry-run")[1]
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, "bucket mesh-code: 20 versions deleted" in printed) == (0, True)
    assert account.called.count("DeleteObjects") == 4, "of the other bucket one"
    assert account.left()[0] == []


def test_data_of_other_stacks_is_not_touched(account: Account, headgate: Headgate) -> None:
    """Neither that of an application of the same name before, nor what another stack has taken over, nor stacks of somebody else with such a name."""
    account.s3.create_bucket(Bucket="of-before")
    before = {"status": "DELETE_COMPLETE", "parameters": {"OtherStacks": "none"}, "created": DEPLOYED - timedelta(9)}
    begins = "arn:aws:cloudformation:us-east-1:111122223333:stack/mesh"
    of_before = {"Landing": (BUCKET, "of-before", "Retain")}
    account.cloud.gone = {
        f"{begins}/0": {**before, "resources": of_before, "deleted": DEPLOYED - timedelta(8)},
        f"{begins}-3/0": {**before, "resources": of_before, "deleted": DEPLOYED - timedelta(8)},
        f"{begins}-4/0": {**before, "created": DEPLOYED + timedelta(hours=1), "parameters": {}, "resources": of_before, "deleted": DEPLOYED + timedelta(hours=2)},
    }  # fmt: skip
    assert deleted(account.cloud, "mesh") == []
    assert headgate("delete", "--stack", "mesh", "--yes")[0] == 0
    account.cloud.stacks["theirs"] = stack(Imported=(BUCKET, "acme-landing", "Retain"))
    assert headgate(*DATA, "mesh", "--yes")[0] == 0
    assert account.left()[0] == ["acme-landing", "of-before"]


def test_what_a_failed_creation_found_there_is_not_deleted(account: Account, headgate: Headgate) -> None:
    """The bucket of an application before, which kept it, stood in the way of this one."""
    failed = {"ResourceStatus": "CREATE_FAILED", "PhysicalResourceId": "acme-landing"}
    for status in ("CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED"):
        account.cloud.stacks[NESTED] |= {"statuses": {"Landing": status}, "events": [failed]}
        assert "acme-landing" not in headgate(*DATA, "--dry-run")[1], status
    assert headgate("delete", "--stack", "mesh", "--yes")[0] == 0
    assert headgate(*DATA, "mesh", "--yes")[0] == 0
    assert account.left()[0] == ["acme-landing"]


def test_a_stack_that_never_was_is_no_reason_to_delete_anything(account: Account, headgate: Headgate) -> None:
    code, printed = headgate("delete", "--stack", "none", "--data", "none", "--yes")
    assert (code, "there is no stack none in this account and region, and none was deleted" in printed) == (2, True)
    assert account.called == []


def test_a_log_group_of_the_users_own_is_deleted_and_a_bucket_that_is_written_to_stays(
    account: Account, headgate: Headgate
) -> None:
    logs = account.session.client("logs")
    for name in ("audit", "audit-of-others"):
        logs.create_log_group(logGroupName=name)
    account.cloud.stacks["mesh"]["resources"]["Audit"] = ("AWS::Logs::LogGroup", "audit", "Retain")
    account.busy = "mesh-code"
    code, printed = headgate(*DATA, "mesh", "--yes")
    assert (code, "audit (AWS::Logs::LogGroup): deleted" in printed) == (1, True)
    assert "  mesh-code (AWS::S3::Bucket): something writes to it while it is emptied; end that" in printed
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == ["audit-of-others"]
    assert account.left() == (["mesh-code"], [], "Enabled")
    account.busy = ""
    account.s3.delete_object(Bucket="mesh-code", Key="late")
    account.s3.delete_bucket(Bucket="mesh-code")
    assert headgate(*DATA, "mesh", "--yes")[0] == 0, "what somebody has deleted by hand is none of it"
    assert account.left() == ([], [], "PendingDeletion")


def test_every_call_says_whose_the_bucket_has_to_be(account: Account, headgate: Headgate) -> None:
    """Somebody may have deleted a bucket, and another account may have made one of the same name."""
    asked: list[dict[str, Any]] = []

    def client(service: str) -> Any:
        found = Account.client(account, service)
        if service == "s3":
            found.meta.events.register("before-parameter-build.s3.*", lambda params, **more: asked.append(dict(params)))
        return found

    account.client = client  # type: ignore[method-assign]
    assert headgate(*DATA, "mesh", "--yes")[0] == 0
    assert {each["ExpectedBucketOwner"] for each in asked} == {ACCOUNT}


def test_the_role_of_a_pipeline_may_delete_stacks_and_no_data() -> None:
    template = account_setup.TEMPLATE.read_text("utf-8")
    pipeline = template[template.index("  PipelineRole:") : template.index("Outputs:")]
    assert "cloudformation:DeleteStack" in pipeline
    deleting = ("s3:Delete", "s3:Abort", "kms:", "rds:", "logs:", "cloudformation:ListStacks")
    assert [each for each in deleting if each in pipeline] == []
