"""The local Data API keeps the service's promises, seen through boto3."""

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.local.data_api import IDLE_SECONDS, DataApi
from headgate.local.data_api_server import RESOURCE_ARN, SECRET_ARN, served
from headgate.local.postgres import Postgres
from tests.state_world import client

WHERE = {"resourceArn": RESOURCE_ARN, "secretArn": SECRET_ARN, "database": "headgate"}


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> Iterator[str]:
    with served(DataApi(postgres.dsn())) as url:
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> Any:
    made = client(url)
    made.execute_statement(sql="DROP TABLE IF EXISTS t", **WHERE)
    made.execute_statement(sql="CREATE TABLE t (a integer PRIMARY KEY, b text)", **WHERE)
    return made


def ask(api: Any, sql: str, *parameters: dict[str, Any], **more: Any) -> Any:
    return api.execute_statement(sql=sql, parameters=list(parameters), **WHERE, **more)


def string(name: str, value: str, hint: str | None = None) -> dict[str, Any]:
    return {"name": name, "value": {"stringValue": value}} | ({"typeHint": hint} if hint else {})


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_every_type_out(api: Any) -> None:
    sql = """SELECT 1::int, 2::bigint, 1.5::float8, true, 'text', NULL::int, 12.30::numeric, '2026-11-20'::date, '06:00'::time,
        '2026-11-20 06:00:00.5+01'::timestamptz, '{"a": [1]}'::jsonb, '\\x00ff'::bytea, 'a1b2c3d4-0000-0000-0000-000000000000'::uuid"""
    assert ask(api, sql)["records"] == [
        [
            {"longValue": 1},
            {"longValue": 2},
            {"doubleValue": 1.5},
            {"booleanValue": True},
            {"stringValue": "text"},
            {"isNull": True},
            {"stringValue": "12.30"},
            {"stringValue": "2026-11-20"},
            {"stringValue": "06:00:00"},
            {"stringValue": "2026-11-20 05:00:00.500000"},
            {"stringValue": '{"a": [1]}'},
            {"blobValue": b"\x00\xff"},
            {"stringValue": "a1b2c3d4-0000-0000-0000-000000000000"},
        ]
    ]


@pytest.mark.parametrize(
    ("hint", "text", "kind"),
    [("DATE", "2026-11-20", "date"), ("TIME", "06:00:00", "time without time zone"), ("TIMESTAMP", "2026-11-20 06:00:00", "timestamp without time zone"),
     ("JSON", "{}", "jsonb"), ("DECIMAL", "1.5", "numeric"), ("UUID", "a1b2c3d4-0000-0000-0000-000000000000", "uuid"), (None, "x", "text")],
)  # fmt: skip
def test_a_hint_gives_a_string_its_type(api: Any, hint: str | None, text: str, kind: str) -> None:
    assert ask(api, "SELECT pg_typeof(:v)::text", string("v", text, hint))["records"] == [[{"stringValue": kind}]]


def test_other_parameters_have_the_type_of_their_field(api: Any) -> None:
    values = [{"longValue": 7}, {"doubleValue": 1.5}, {"booleanValue": False}, {"blobValue": b"x"}, {"isNull": True}]
    parameters = [{"name": f"p{index}", "value": value} for index, value in enumerate(values)]
    assert ask(api, "SELECT :p0, :p1, :p2, :p3, :p4", *parameters)["records"] == [values]


def test_a_string_is_text_and_no_other_type(api: Any) -> None:
    with pytest.raises(ClientError, match="SQLState: 42883") as error:
        ask(api, "SELECT DATE '2026-11-20' = :v", string("v", "2026-11-20"))
    assert code(error) == "DatabaseErrorException"


def test_names_are_found_where_they_mean_something(api: Any) -> None:
    sql = """SELECT ':v', "a"::text, :v::text || '%', $$ :v ; $$ -- :v;
        FROM (SELECT 1 AS a) x /* :v; */ ;"""
    assert ask(api, sql, string("v", "it's"))["records"] == [
        [{"stringValue": ":v"}, {"stringValue": "1"}, {"stringValue": "it's%"}, {"stringValue": " :v ; "}]
    ]


@pytest.mark.parametrize(
    ("sql", "parameters", "expected", "message"),
    [
        ("SELECT 1; SELECT 2", [], "BadRequestException", "Multistatements aren't supported"),
        ("SELECT :v", [], "BadRequestException", "Cannot find parameter: v"),
        ("", [], "BadRequestException", "empty"),
        (
            "SELECT :v",
            [{"name": "v", "value": {"arrayValue": {"longValues": [1]}}}],
            "BadRequestException",
            "Array parameters are not supported",
        ),
        ("SELECT :v", [string("v", "20.11.2026", "DATE")], "BadRequestException", "not in the format of DATE"),
        ("SELECT * FROM nowhere", [], "DatabaseErrorException", 'relation "nowhere" does not exist; SQLState: 42P01'),
        ("SELECT ARRAY[1]", [], "UnsupportedResultException", "unsupported data type"),
        ("SELECT repeat('x', 70000)", [], "BadRequestException", "A row of the result is larger"),
        (
            "SELECT repeat('x', 60000) FROM generate_series(1, 30)",
            [],
            "BadRequestException",
            "more than the allowed response size limit",
        ),
    ],
)
def test_what_the_service_refuses(api: Any, sql: str, parameters: list[Any], expected: str, message: str) -> None:
    with pytest.raises(ClientError, match="(?s)" + message.replace("'", ".")) as error:
        ask(api, sql or " ", *parameters)
    assert code(error) == expected


def test_a_request_over_four_mebibytes_is_refused(api: Any) -> None:
    assert ask(api, "SELECT length(:v)", string("v", "x" * 4_000_000))["records"] == [[{"longValue": 4_000_000}]]
    with pytest.raises(ClientError, match="Request size exceeded"):
        ask(api, "SELECT length(:v)", string("v", "x" * 4_200_000))


def test_a_transaction_is_seen_when_it_is_committed(api: Any) -> None:
    for end, found in (("rollback_transaction", []), ("commit_transaction", [[{"longValue": 1}]])):
        name = api.begin_transaction(**WHERE)["transactionId"]
        ask(api, "INSERT INTO t VALUES (1, 'x')", transactionId=name)
        assert ask(api, "SELECT a FROM t")["records"] == []
        getattr(api, end)(transactionId=name, resourceArn=RESOURCE_ARN, secretArn=SECRET_ARN)
        assert ask(api, "SELECT a FROM t")["records"] == found
    ask(api, "DELETE FROM t")


def test_an_idle_transaction_is_rolled_back(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = api.begin_transaction(**WHERE)["transactionId"]
    ask(api, "INSERT INTO t VALUES (2, 'x')", transactionId=name)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + IDLE_SECONDS + 1)
    monkeypatch.setattr("headgate.local.data_api.time", later)
    with pytest.raises(ClientError) as error:
        ask(api, "SELECT 1", transactionId=name)
    assert code(error) == "TransactionNotFoundException"
    assert ask(api, "SELECT a FROM t")["records"] == []


def test_a_batch_is_all_or_nothing(api: Any) -> None:
    rows = [[{"name": "a", "value": {"longValue": number}}] for number in (5, 6, 5)]
    with pytest.raises(ClientError, match="duplicate key"):
        api.batch_execute_statement(sql="INSERT INTO t (a) VALUES (:a)", parameterSets=rows, **WHERE)
    assert ask(api, "SELECT a FROM t")["records"] == []
    api.batch_execute_statement(sql="INSERT INTO t (a) VALUES (:a)", parameterSets=rows[:2], **WHERE)
    assert ask(api, "DELETE FROM t")["numberOfRecordsUpdated"] == 2


def test_records_as_json_and_metadata(api: Any) -> None:
    answer = ask(api, "SELECT 1 AS a, NULL AS b", formatRecordsAs="JSON")
    assert json.loads(answer["formattedRecords"]) == [{"a": 1, "b": None}]
    (column,) = ask(api, "SELECT 1 AS a", includeResultMetadata=True)["columnMetadata"]
    assert (column["name"], column["typeName"]) == ("a", "int4")
    with pytest.raises(ClientError, match="only for SELECT"):
        ask(api, "DELETE FROM t", formatRecordsAs="JSON")


def test_a_database_that_has_ended_is_unavailable() -> None:
    with served(DataApi("host=127.0.0.1 port=1 user=x dbname=x")) as url, pytest.raises(ClientError) as error:
        client_without_retries(url).execute_statement(sql="SELECT 1", **WHERE)
    assert code(error) in ("DatabaseUnavailableException", "504")


def client_without_retries(url: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(
        "rds-data",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="t",
        aws_secret_access_key="t",
        config=config,
    )
