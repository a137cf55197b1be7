"""Files in an Apache Iceberg table: rows by key, a repetition that commits nothing, and writers that meet. The catalog is Glue's, the rows are in S3."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import boto3
import pyarrow
import pytest
from botocore.exceptions import ReadTimeoutError
from pyiceberg.catalog import Catalog

from headgate.generator.quality.rules import parse
from headgate_jobs.iceberg import Staging, catalog_of
from tests.state_world import ENVIRONMENT
from tests.test_job_batches import HEADER

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "jobs/examples/load_iceberg.py"
SELECT = "account, CAST(quantity AS BIGINT) AS quantity"


def of_day(day: str, load: str) -> Any:
    return SimpleNamespace(business_date=day, load=load)


FULL, CDC = (of_day("2026-11-20", load) for load in ("full", "cdc"))
ROUNDS = range(2)
WRITER = """
import sys
import types
import pyarrow
from headgate_jobs.iceberg import Staging, catalog_of
me, batch = int(sys.argv[2]), types.SimpleNamespace(business_date="2026-11-20", load="full")
table = Staging(catalog_of("s3://lake/staging"), sys.argv[1], ["account"])
print("ready", flush=True)
sys.stdin.readline()
for number in map(int, sys.argv[3:]):
    file = types.SimpleNamespace(file_id=me * 10 + number, key=f"{me}-{number}.csv")
    table.upsert(batch, [(file, pyarrow.table({"account": [f"own-{me}-{number}", f"common-{number}"], "quantity": [number, me]}))])
"""


@pytest.fixture(name="endpoint", scope="module")
def _endpoint() -> Iterator[dict[str, str]]:
    """Glue and S3 in a process, and the variables by which boto3 finds it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {"GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    process = subprocess.Popen([sys.executable, "-m", "ministack"], env={**os.environ, **settings})
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(url + "/_ministack/health").close()
            break
        except URLError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    # the keys of all tests: the S3 client of Arrow keeps those with which the process has used it first
    keys = {name: value for name, value in ENVIRONMENT.items() if name.startswith("AWS_")}
    yield {**keys, "AWS_ENDPOINT_URL": url}
    process.terminate()
    process.wait()


@pytest.fixture(name="catalog")
def _catalog(endpoint: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    for name, value in endpoint.items():
        monkeypatch.setenv(name, value)
    for bucket in ("lake", "landing", "work"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    return catalog_of("s3://lake/staging")


@pytest.fixture(name="name")
def _name() -> str:
    return f"staging.positions_{uuid4().hex[:8]}"


def file(number: int, key: str = "eu.csv") -> Any:
    return SimpleNamespace(file_id=number, key=key)


def rows(quantities: dict[str, int | None]) -> pyarrow.Table:
    columns = {"account": list(quantities), "quantity": pyarrow.array(quantities.values(), pyarrow.int64())}
    return pyarrow.table(columns, pyarrow.schema({"account": pyarrow.string(), "quantity": pyarrow.int64()}))


def held(catalog: Catalog, name: str) -> dict[str, tuple[int | None, int]]:
    """Quantity and file of each account. Fails where a key has two rows."""
    found = catalog.load_table(name).scan().to_arrow().to_pylist()
    by_account = {each["account"]: (each["quantity"], each["file_id"]) for each in found}
    assert len(by_account) == len(found)
    return by_account


def snapshots(catalog: Catalog, name: str) -> list[int]:
    return [each.snapshot_id for each in catalog.load_table(name).metadata.snapshots]


def test_a_batch_that_is_repeated_commits_nothing(catalog: Catalog, name: str) -> None:
    table = Staging(catalog, name, ["account"])
    batch = [(file(1), rows({"A1": 10, "A2": None})), (file(2, "us.csv"), rows({"A3": 30}))]
    assert table.upsert(FULL, batch) == 3
    before, rows_before = snapshots(catalog, name), held(catalog, name)
    assert rows_before == {"A1": (10, 1), "A2": (None, 1), "A3": (30, 2)}
    assert table.upsert(FULL, batch) == 0
    assert (snapshots(catalog, name), held(catalog, name)) == (before, rows_before)
    assert "commit.retry.num-retries" not in catalog.load_table(name).metadata.properties, "other writers keep theirs"


def test_a_newer_version_takes_out_the_rows_that_it_has_no_more(catalog: Catalog, name: str) -> None:
    """Also those of a version that a job had written and never reported, so that no `replaces` names it."""
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10, "A2": 20})), (file(2, "us.csv"), rows({"A3": 30}))])
    table.upsert(FULL, [(file(5), rows({"A2": 25}))])
    assert held(catalog, name) == {"A2": (25, 5), "A3": (30, 2)}
    table.upsert(FULL, [(file(6), rows({}))])
    assert held(catalog, name) == {"A3": (30, 2)}


def test_a_file_loaded_again_by_a_job_that_has_changed_leaves_no_row_of_before(catalog: Catalog, name: str) -> None:
    """As `headgate rerun --all-files` does; `replaces` does not name the file itself."""
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10, "A2": 20})), (file(2, "us.csv"), rows({"A3": 30}))])
    table.upsert(FULL, [(file(1), rows({"A2": 20})), (file(2, "us.csv"), rows({"A3": 30}))])
    assert held(catalog, name) == {"A2": (20, 1), "A3": (30, 2)}


def test_changes_are_put_over_older_ones_only(catalog: Catalog, name: str) -> None:
    """A file may have several changes of a key, and one that is late has older ones; a file of changes takes out nothing."""

    def changes(*given: tuple[str, int, int]) -> pyarrow.Table:
        columns = zip(*given, strict=True)
        return pyarrow.table(dict(zip(("account", "quantity", "number"), map(list, columns), strict=True)))

    table = Staging(catalog, name, ["account"], order="number")
    table.upsert(CDC, [(file(1), changes(("A1", 10, 1), ("A2", 20, 2), ("A1", 12, 5)))])
    assert held(catalog, name) == {"A1": (12, 1), "A2": (20, 1)}
    late = [(file(2), changes(("A1", 11, 3), ("A2", 23, 4)))]
    assert table.upsert(CDC, late) == 1
    before = snapshots(catalog, name)
    assert held(catalog, name) == {"A1": (12, 1), "A2": (23, 2)}
    assert table.upsert(CDC, late) == 0
    assert snapshots(catalog, name) == before


def test_of_changes_without_an_order_the_later_file_counts(catalog: Catalog, name: str) -> None:
    table = Staging(catalog, name, ["account"])
    table.upsert(CDC, [(file(1), rows({"A1": 10, "A2": 20}))])
    table.upsert(CDC, [(file(2), rows({"A2": 25})), (file(3), rows({"A2": 26, "A4": 40}))])
    assert held(catalog, name) == {"A1": (10, 1), "A2": (26, 3), "A4": (40, 3)}


def test_a_row_that_another_file_has_taken_is_one_row(catalog: Catalog, name: str) -> None:
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10, "A2": 20}))])
    table.upsert(FULL, [(file(2, "us.csv"), rows({"A1": 11}))])
    assert held(catalog, name) == {"A1": (11, 2), "A2": (20, 1)}


def test_another_date_is_not_touched(catalog: Catalog, name: str) -> None:
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10}))])
    table.upsert(of_day("2026-11-23", "full"), [(file(2), rows({"A1": 12}))])
    found = catalog.load_table(name).scan().to_arrow().to_pylist()
    assert sorted((str(each["business_date"]), each["quantity"]) for each in found) == [
        ("2026-11-20", 10), ("2026-11-23", 12),
    ]  # fmt: skip


def test_rows_that_the_table_cannot_take_are_refused_whole(catalog: Catalog, name: str) -> None:
    table = Staging(catalog, name, ["account"])
    twice = pyarrow.table({"account": ["A1", "A1"], "quantity": pyarrow.array([1, 2])})
    with pytest.raises(ValueError, match=r"^eu\.csv has more than one row of the key 2026-11-20, A1$"):
        table.upsert(FULL, [(file(1), twice)])
    table.upsert(FULL, [(file(1), rows({"A1": 10}))])
    other = pyarrow.table({"account": ["A1"], "price": pyarrow.array([1.5])})
    with pytest.raises(ValueError, match=rf"^{name} has the columns business_date, account, quantity, file, file_id; "):
        table.upsert(FULL, [(file(2), other)])
    assert held(catalog, name) == {"A1": (10, 1)}


def test_writers_that_meet_lose_no_row_and_write_none_twice(
    catalog: Catalog, name: str, endpoint: dict[str, str]
) -> None:
    """Three processes begin at once, with a table that is not there, keys of their own, and keys that all of them have."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name, str(number), *map(str, ROUNDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=ROOT, env={**os.environ, **endpoint, "PYTHONPATH": "jobs"},
        )
        for number in (1, 2, 3)
    ]  # fmt: skip
    for each in writers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in writers:
        each.communicate()
    assert [each.returncode for each in writers] == [0, 0, 0]
    found = held(catalog, name)
    own = {f"own-{writer}-{number}" for writer in (1, 2, 3) for number in ROUNDS}
    assert found.keys() == own | {f"common-{number}" for number in ROUNDS}
    for number in ROUNDS:
        quantity, version = found[f"common-{number}"]
        assert version == (quantity or 0) * 10 + number, "each row is of one writer"


def test_a_writer_that_is_overtaken_begins_again_from_what_is_there_then(catalog: Catalog, name: str) -> None:
    """PyIceberg by itself would append its row beside that of the other writer."""
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10}))])
    others = [Staging(catalog_of("s3://lake/staging"), name, ["account"])]

    def overtaken(**_: Any) -> None:
        if others:
            others.pop().upsert(FULL, [(file(3, "ap.csv"), rows({"A2": 30}))])

    glue = cast(Any, catalog).glue
    glue.meta.events.register("provide-client-params.glue.UpdateTable", overtaken)
    table.upsert(FULL, [(file(2, "us.csv"), rows({"A2": 20}))])
    assert held(catalog, name) == {"A1": (10, 1), "A2": (20, 2)}


def test_a_commit_whose_answer_is_lost_has_been_made_and_is_not_sent_again(catalog: Catalog, name: str) -> None:
    """Sent again it would be refused, and PyIceberg would delete the files of the one that succeeded."""
    table = Staging(catalog, name, ["account"])
    table.upsert(FULL, [(file(1), rows({"A1": 10}))])
    glue = cast(Any, catalog).glue
    sent: list[str] = []

    def lost(request: Any, **_: Any) -> None:
        sent.append(request.url)
        headers = {key: value.decode() if isinstance(value, bytes) else value for key, value in request.headers.items()}
        urlopen(Request(request.url, request.body, headers)).close()
        raise ReadTimeoutError(endpoint_url=request.url)

    glue.meta.events.register("before-send.glue.UpdateTable", lost)
    with pytest.raises(ReadTimeoutError):
        table.upsert(FULL, [(file(2, "us.csv"), rows({"A2": 20}))])
    glue.meta.events.unregister("before-send.glue.UpdateTable", lost)
    assert len(sent) == 1
    assert held(catalog, name) == {"A1": (10, 1), "A2": (20, 2)}
    assert table.upsert(FULL, [(file(2, "us.csv"), rows({"A2": 20}))]) == 0


def run(example: Any, name: str, files: list[dict[str, Any]]) -> dict[int, str]:
    """A run of the example's job with these files; gives what became of each."""
    checks = {"reject": [{"rule": each, "test": parse(each)} for each in ('ColumnValues "quantity" >= 0',)]}
    header = {**HEADER, "columns": {"expected": ["account", "quantity"]}, "checks": checks}
    body = "\n".join(json.dumps(each) for each in (header, *files))
    boto3.client("s3").put_object(Bucket="work", Key="7.jsonl", Body=body.encode())
    place = ["--data", "s3://lake/staging", "--table", name, "--key", "account", "--select", SELECT]
    batch = ["--batch-manifest", "s3://work/7.jsonl", "--batch-results", "s3://work/7/"]
    example.main(["job.py", *place, *batch])
    return outcomes()


def outcomes() -> dict[int, str]:
    said = boto3.client("s3").get_object(Bucket="work", Key="7/result.jsonl")["Body"].read().decode().splitlines()
    return {line["file_id"]: line["outcome"] for line in map(json.loads, said)}


def landed(number: int, key: str, text: str) -> dict[str, Any]:
    boto3.client("s3").put_object(Bucket="landing", Key=key, Body=text.encode())
    return {"file_id": number, "bucket": "landing", "key": key, "size": len(text)}


@pytest.fixture(name="example", scope="module")
def _example() -> Any:
    spec = importlib.util.spec_from_file_location("load_iceberg", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_batch_that_the_example_cannot_commit_has_failed_with_all_its_files(
    catalog: Catalog, name: str, example: Any
) -> None:
    files = [landed(1, "eu.csv", "account,quantity\nA1,10\nA1,11\n"), landed(2, "us.csv", "account,quantity\nA2,20\n")]
    with pytest.raises(ValueError, match="more than one row of the key"):
        run(example, name, files)
    assert outcomes() == {1: "FAILED", 2: "FAILED"}


def test_the_example_loads_good_files_and_leaves_out_bad_ones(catalog: Catalog, name: str, example: Any) -> None:
    files = [
        landed(1, "eu.csv", "account,quantity\nA1,10\n"),
        landed(2, "us.csv", "quantity,account\n-5,A2\n"),
        landed(3, "ap.csv", "account\nA3\n"),
    ]
    assert run(example, name, files) == {1: "PROCESSED", 2: "REJECTED", 3: "REJECTED"}
    before = snapshots(catalog, name)
    assert run(example, name, files) == {1: "PROCESSED", 2: "REJECTED", 3: "REJECTED"}
    assert (snapshots(catalog, name), held(catalog, name)) == (before, {"A1": (10, 1)})
