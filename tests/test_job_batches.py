"""What the author of a job sees of a batch: files one by one, each ending by itself, and a result line for each."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from headgate_jobs.batch import Batch, BatchError, File

HEADER = {
    "version": 1,
    "product": "raw/positions",
    "business_date": "2026-11-20",
    "run_id": "r1",
    "attempt": 1,
    "batch_id": 7,
    "load": "full",
    "columns": {"expected": ["a"]},
    "checks": {},
}
NAMES = ["in/my file+1.csv", "in/für 100%25.csv", "in/positions.csv"]
ODD = ["in/line\u2028and\u0085.csv", "in/'quotes\"$$.csv", "in/fu\u0308r.csv", "in/" + "\U0001f30a" * 254 + ".csv"]


@pytest.fixture(name="s3")
def _s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in ("landing", "work"):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        yield client


def landed(s3: Any, key: str, content: str = "a\n1\n") -> dict[str, Any]:
    put = s3.put_object(Bucket="landing", Key=key, Body=content.encode())
    return {"bucket": "landing", "key": key, "version_id": put["VersionId"], "etag": put["ETag"].strip('"'), "size": len(content)}  # fmt: skip


def batch_of(s3: Any, *entries: dict[str, Any], **changed: Any) -> Batch:
    lines = [{**HEADER, **changed}, *({"file_id": number, **entry} for number, entry in enumerate(entries, 1))]
    s3.put_object(
        Bucket="work", Key="r1/7.jsonl", Body="\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
    )
    arguments = ["job.py", "--JOB_RUN_ID", "jr_1", "--batch-manifest", "s3://work/r1/7.jsonl"]
    return Batch.of_arguments([*arguments, "--batch-results", "s3://work/r1/7/"], s3)


def results(s3: Any) -> dict[int, dict[str, Any]]:
    body = s3.get_object(Bucket="work", Key="r1/7/jr_1.jsonl")["Body"].read().decode()
    return {line["file_id"]: line for line in map(json.loads, body.split("\n")[:-1])}


def test_each_file_is_read_under_its_own_name_and_has_its_line(s3: Any, tmp_path: Path) -> None:
    with batch_of(s3, *(landed(s3, name, f"a\n{name}\n") for name in [*NAMES, *ODD])) as batch:
        for file in batch:
            with file:
                assert Path(file.download(str(tmp_path))).read_text("utf-8") == f"a\n{file.key}\n"
                file.processed(rows_read=1, rows_written=1)
    assert (batch.product, batch.business_date, batch.load, batch.columns) == (
        "raw/positions",
        "2026-11-20",
        "full",
        {"expected": ["a"]},
    )
    assert [line["outcome"] for line in results(s3).values()] == ["PROCESSED"] * 7
    assert results(s3)[1] == {
        "file_id": 1,
        "outcome": "PROCESSED",
        "rows_read": 1,
        "rows_written": 1,
        "rows_rejected": 0,
    }


CHANGES = [("orders", "1"), ("orders", "2"), ("users", "1"), ("orders", "3"), ("users", "2")]


@pytest.mark.parametrize("ends", ["rejected", "failed"])
def test_behind_a_file_that_was_left_out_the_changes_of_its_lane_are_not_given(s3: Any, ends: str) -> None:
    files = [{**landed(s3, f"{table}-{number}.csv"), "facets": {"table": table}} for table, number in CHANGES]
    given = []
    with batch_of(s3, *files, load="cdc", order=["number"], together=["table"]) as batch:
        for file in batch:
            given.append(file.file_id)
            with file:
                getattr(file, ends)("no account") if file.file_id == 2 else file.processed()
    assert (batch.load, batch.order, batch.together, given) == ("cdc", ["number"], ["table"], [1, 2, 3, 5])
    outcomes = [line["outcome"] for line in results(s3).values()]
    assert outcomes == ["PROCESSED", ends.upper(), "PROCESSED", "SKIPPED", "PROCESSED"]


def test_changes_without_groups_are_one_lane_and_an_exception_stops_it(s3: Any) -> None:
    with batch_of(s3, *(landed(s3, name) for name in NAMES), load="cdc", order=["arrival"], together=None) as batch:
        for file in batch:
            with file:
                raise ValueError("row 3 has no account")
    assert [line["outcome"] for line in results(s3).values()] == ["FAILED", "SKIPPED", "SKIPPED"]


def test_changes_that_are_loaded_together_after_all_were_read_are_all_given(s3: Any) -> None:
    files = [landed(s3, name) for name in NAMES]
    with batch_of(s3, *files, load="cdc", order=["arrival"]) as batch:
        read = []
        for file in batch:
            with file:
                file.rejected("no rows") if file.file_id == 3 else read.append(file)
        for file in read:
            file.processed()
    assert [line["outcome"] for line in results(s3).values()] == ["PROCESSED", "PROCESSED", "REJECTED"]


def test_a_late_file_says_so(s3: Any) -> None:
    batch = batch_of(s3, {**landed(s3, NAMES[0]), "late": True}, landed(s3, NAMES[1]), load="cdc")
    assert [file.late for file in batch.files] == [True, False]


def test_what_is_read_is_the_version_of_the_batch(s3: Any) -> None:
    entry = landed(s3, NAMES[0], "first")
    landed(s3, NAMES[0], "second")
    assert batch_of(s3, entry).files[0].open().read() == b"first"


def test_a_file_that_fails_ends_alone_and_says_why(s3: Any) -> None:
    with batch_of(s3, *(landed(s3, name) for name in NAMES)) as batch:
        for file in batch:
            with file:
                if file.file_id == 2:
                    raise ValueError("row 3 has no account")
                file.processed()
    said = results(s3)
    assert [said[number]["outcome"] for number in (1, 2, 3)] == ["PROCESSED", "FAILED", "PROCESSED"]
    assert (said[2]["message"], said[2]["retry"]) == ("ValueError: row 3 has no account", True)


def test_a_file_of_which_the_job_says_nothing_has_failed(s3: Any) -> None:
    with batch_of(s3, landed(s3, NAMES[0])) as batch:
        for file in batch:
            with file:
                pass
    assert results(s3)[1]["message"] == "the job ended the file without saying what became of it"


def test_a_rejected_file_says_which_checks_it_failed(s3: Any) -> None:
    check = {"rule": "RowCount > 1", "severity": "reject", "passed": False, "value": 1.0, "message": ""}
    with batch_of(s3, landed(s3, NAMES[0])) as batch:
        for file in batch:
            with file:
                file.rejected("quality", rows_read=1, checks=[check])
    assert results(s3)[1] == {
        "file_id": 1,
        "outcome": "REJECTED",
        "message": "quality",
        "rows_read": 1,
        "checks": [check],
    }


def test_a_rejected_file_is_copied_into_the_quarantine(s3: Any) -> None:
    s3.create_bucket(Bucket="lake")
    first = landed(s3, NAMES[0], "first")
    landed(s3, NAMES[0], "second")
    with batch_of(s3, first, quarantine="s3://lake/quarantine/") as batch:
        for file in batch:
            with file:
                file.rejected("no rows")
    copy = "quarantine/raw/positions/2026-11-20/1-my file+1.csv"
    assert results(s3)[1]["message"] == f"no rows; copied to s3://lake/{copy}"
    assert s3.get_object(Bucket="lake", Key=copy)["Body"].read() == b"first"


def test_the_name_of_a_copy_is_never_too_long(s3: Any) -> None:
    s3.create_bucket(Bucket="lake")
    with batch_of(s3, landed(s3, ODD[-1], "first"), quarantine="s3://lake/quarantine/") as batch:
        for file in batch:
            with file:
                file.rejected("no rows")
    (copy,) = (each["Key"] for each in s3.list_objects_v2(Bucket="lake")["Contents"])
    assert copy == f"quarantine/raw/positions/2026-11-20/1-{chr(0x1F30A) * 24}.csv"


def test_what_a_job_says_never_keeps_what_it_says_of_others(s3: Any) -> None:
    """Numbers of numpy and of the database, and texts that are no Unicode."""

    class Counted:
        def item(self) -> int:
            return 7

    check = {"rule": "Sum", "passed": False, "value": Decimal("1.5")}
    with batch_of(s3, *(landed(s3, name) for name in NAMES)) as batch:
        first, second, third = batch.files
        first.processed(rows_read=cast(int, Counted()), checks=[check])
        second.failed("not read: \udcff")
        third.processed()
    said = results(s3)
    assert [said[number]["outcome"] for number in (1, 2, 3)] == ["PROCESSED", "FAILED", "PROCESSED"]
    assert (said[1]["rows_read"], said[1]["checks"][0]["value"], said[2]["message"]) == (7, "1.5", "not read: ?")


def test_a_file_that_cannot_be_copied_is_rejected_nevertheless(s3: Any) -> None:
    with batch_of(s3, landed(s3, NAMES[0]), quarantine="s3://missing-bucket/") as batch:
        for file in batch:
            with file:
                file.rejected("no rows")
    said = results(s3)[1]
    assert said["outcome"] == "REJECTED"
    assert said["message"].startswith("no rows; not copied to s3://missing-bucket/raw/positions/2026-11-20/: ")


def test_a_file_that_is_gone_is_not_tried_again(s3: Any) -> None:
    entry = landed(s3, NAMES[0])
    s3.delete_object(Bucket="landing", Key=NAMES[0], VersionId=entry["version_id"])
    with batch_of(s3, entry) as batch:
        for file in batch:
            with file:
                file.open()
    assert results(s3)[1]["retry"] is False
    assert results(s3)[1]["message"].startswith("the object is no longer there")


def test_an_object_without_versions_is_read_only_while_it_is_the_same(s3: Any) -> None:
    entry = {**landed(s3, NAMES[0]), "version_id": None}
    landed(s3, NAMES[0], "other")
    with batch_of(s3, entry) as batch:
        for file in batch:
            with file:
                file.open()
    assert (
        results(s3)[1]["message"] == "the object changed while the file waited; its newer version is a file of its own"
    )


def test_an_engine_that_reads_by_address_asks_whether_the_version_is_still_the_newest(s3: Any) -> None:
    entries = [landed(s3, name) for name in NAMES[:2]]
    landed(s3, NAMES[1], "newer")
    with batch_of(s3, *entries) as batch:
        for file in batch:
            with file:
                assert file.uri == f"s3://landing/{file.key}"
                file.require_unchanged()
                file.processed()
    assert [line["outcome"] for line in results(s3).values()] == ["PROCESSED", "FAILED"]


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        ("AccessDenied", False),
        ("KMS.DisabledException", False),
        ("KMS.KMSInvalidStateException", False),
        ("SlowDown", True),
    ],
)
def test_a_refusal_is_not_repeated_and_has_the_words_of_s3(code: str, retry: bool) -> None:
    said = "User is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111111111111:key/1"

    class Refusing:
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": said}}, "GetObject")

    file = File({"file_id": 1, "bucket": "landing", "key": "a", "size": 1}, Refusing())
    with file:
        file.open()
    assert file.result is not None
    assert (file.result["retry"], said in file.result["message"]) == (retry, True)


DENIED = "An error occurred while calling o43.csv.\n: java.nio.file.AccessDeniedException: s3a://landing/a: getFileStatus on s3a://landing/a: "


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (OSError("When reading information for key 'a' in bucket 'landing': AWS Error ACCESS_DENIED during HeadObject operation"), False),
        (RuntimeError(DENIED + "com.amazonaws.services.s3.model.AmazonS3Exception: Forbidden"), False),
        (OSError("AWS Error SLOW_DOWN during GetObject operation"), True),
        (ValueError("row 3 has no account"), True),
    ],
    ids=["Arrow", "Spark", "busy", "content"],
)  # fmt: skip
def test_what_an_engine_is_refused_is_not_repeated_either(error: Exception, retry: bool) -> None:
    file = File({"file_id": 1, "bucket": "landing", "key": "a", "size": 1}, None)
    with file:
        raise error
    assert file.result is not None
    assert file.result["retry"] is retry


def test_a_refusal_that_the_job_wraps_is_one() -> None:
    """HEAD gives no code but the number."""
    file = File({"file_id": 1, "bucket": "landing", "key": "a", "size": 1}, None)
    with file:
        try:
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        except ClientError as error:
            raise RuntimeError("cannot read the file") from error
    assert file.result is not None
    assert file.result["retry"] is False


def test_a_job_that_dies_leaves_what_it_had_said(s3: Any) -> None:
    batch = batch_of(s3, *(landed(s3, f"in/{number}.csv") for number in range(103)))

    def die_at(number: int) -> None:
        for file in batch:
            if file.file_id == number:
                raise KeyboardInterrupt
            with file:
                file.processed()

    with pytest.raises(KeyboardInterrupt):
        die_at(102)
    assert len(results(s3)) == 100
    with pytest.raises(KeyboardInterrupt), batch:
        die_at(102)
    assert len(results(s3)) == 101


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["job.py"],
            "the job was started without --batch-manifest and --batch-results; the step type `ingest` gives them",
        ),
        (
            ["job.py", "--batch-manifest", "work/7.jsonl", "--batch-results", "s3://work/7/"],
            "'work/7.jsonl' is no address in S3; expected s3://bucket/key",
        ),
    ],
)
def test_a_job_without_its_batch_says_so(s3: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(BatchError) as refused:
        Batch.of_arguments(arguments, s3)
    assert str(refused.value) == message


def test_a_manifest_of_another_version_is_refused(s3: Any) -> None:
    with pytest.raises(BatchError, match="is a manifest of version 2; this module reads version 1"):
        batch_of(s3, landed(s3, NAMES[0]), version=2)
