"""The examples for authors of jobs: the one in plain Python loads files, and the documentation says what there is."""

import ast
import importlib.util
import json
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import duckdb
import pytest
from moto import mock_aws

from headgate.generator.quality.rules import TYPES, parse
from headgate.local.step_types.glue.provision import LOADS_NOTHING
from tests.test_job_batches import HEADER

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "jobs/examples"
RULES = ["RowCount > 0", 'ColumnValues "qty" >= 0']


@pytest.fixture(name="s3")
def _s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("landing", "work", "lake"):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(name="example")
def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("load_python", EXAMPLES / "load_python.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(example: ModuleType, s3: Any, files: list[dict[str, Any]]) -> dict[int, str]:
    """A run of the job with these files; gives what became of each."""
    checks = {"reject": [{"rule": each, "test": parse(each)} for each in RULES]}
    header = {**HEADER, "columns": {"expected": ["account_id", "qty"]}, "checks": checks}
    body = "\n".join(json.dumps(each) for each in (header, *files))
    s3.put_object(Bucket="work", Key="7.jsonl", Body=body.encode())
    batch = ["--batch-manifest", "s3://work/7.jsonl", "--batch-results", "s3://work/7/"]
    example.main(["job.py", "--target", "s3://lake/positions", *batch])
    said = s3.get_object(Bucket="work", Key="7/result.jsonl")["Body"].read().decode().splitlines()
    return {line["file_id"]: line["outcome"] for line in map(json.loads, said)}


def landed(s3: Any, number: int, text: str, key: str = "eu.csv", replaces: tuple[int, ...] = ()) -> dict[str, Any]:
    put = s3.put_object(Bucket="landing", Key=key, Body=text.encode())
    place = {"bucket": "landing", "key": key, "version_id": put["VersionId"]}
    return {"file_id": number, **place, "size": len(text), "replaces": list(replaces)}


def loaded(s3: Any) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for each in s3.list_objects_v2(Bucket="lake").get("Contents", []):
        body = s3.get_object(Bucket="lake", Key=each["Key"])["Body"].read()
        with duckdb.connect() as connection, tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(body)
            file.flush()
            found[each["Key"]] = connection.execute(f"SELECT * FROM read_parquet('{file.name}')").fetchall()
    return found


def test_good_files_are_loaded_and_a_bad_one_is_left_out(example: ModuleType, s3: Any) -> None:
    files = [
        landed(s3, 1, "account_id,qty\nA1,10\n"),
        landed(s3, 2, "qty,account_id\n-5,A2\n", "us.csv"),
        landed(s3, 3, "account_id\nA3\n", "ap.csv"),
    ]
    assert run(example, s3, files) == {1: "PROCESSED", 2: "REJECTED", 3: "REJECTED"}
    assert loaded(s3) == {"positions/business_date=2026-11-20/1.parquet": [("A1", "10")]}


def test_the_same_batch_again_changes_nothing(example: ModuleType, s3: Any) -> None:
    files = [landed(s3, 1, "account_id,qty\nA1,10\n")]
    run(example, s3, files)
    before = loaded(s3)
    run(example, s3, files)
    assert loaded(s3) == before


def test_a_corrected_file_replaces_the_rows_of_the_one_before(example: ModuleType, s3: Any) -> None:
    run(example, s3, [landed(s3, 1, "account_id,qty\nA1,10\n")])
    run(example, s3, [landed(s3, 4, "account_id,qty\nA1,12\n", replaces=(1,))])
    assert loaded(s3) == {"positions/business_date=2026-11-20/4.parquet": [("A1", "12")]}


def test_a_job_that_has_no_script_here_says_of_each_file_that_it_is_loaded(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the local runtime runs instead, on a day without a scenario, where files without meaning land."""
    files = [landed(s3, 1, "x"), landed(s3, 2, "x", "us.csv")]
    body = "\n".join(json.dumps(each) for each in (HEADER, *files))
    s3.put_object(Bucket="work", Key="7.jsonl", Body=body.encode())
    batch = ["--batch-manifest", "s3://work/7.jsonl", "--batch-results", "s3://work/7/"]
    monkeypatch.setattr(sys, "argv", ["job.py", *batch])
    runpy.run_path(str(LOADS_NOTHING))
    said = s3.get_object(Bucket="work", Key="7/result.jsonl")["Body"].read().decode().splitlines()
    assert [json.loads(line) for line in said] == [
        {"file_id": 1, "outcome": "PROCESSED", "rows_rejected": 0},
        {"file_id": 2, "outcome": "PROCESSED", "rows_rejected": 0},
    ]


def test_the_examples_run_on_the_python_of_their_jobs() -> None:
    """Python shell has 3.9, Spark of Glue 5 has 3.11."""
    for name, version in (("load_python.py", (3, 9)), ("load_iceberg.py", (3, 11)), ("load_spark.py", (3, 11))):
        ast.parse((EXAMPLES / name).read_text("utf-8"), name, feature_version=version)


def test_the_documentation_names_every_rule_type() -> None:
    text = (ROOT / "docs/files.md").read_text("utf-8")
    assert [name for name in TYPES if f"`{name}`" not in text] == []
