"""Athena queries on the local endpoint, seen through its API."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.local.runtime import Runtime
from headgate.local.step_types.athena.provision import provision
from tests.local_endpoint import pass_time

pytestmark = pytest.mark.slow


def workgroup(endpoint: Runtime, data: Path, scripts: Path | None) -> str:
    name = f"etl-{time.monotonic_ns()}"
    provision(endpoint, [{"resource": name}], scripts, data)
    return name


def ended(endpoint: Runtime, query: str) -> dict[str, Any]:
    endpoint.control.wait_until_idle()
    found: dict[str, Any] = endpoint.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
    return found


def test_a_query_runs_over_the_files_of_the_data_folder(endpoint: Runtime, tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text("account,quantity\nA1,3\nA2,4\nA'3,9\n")
    athena, name = endpoint.client("athena"), workgroup(endpoint, tmp_path, tmp_path)
    text = "-- a comment\nCREATE TABLE large AS SELECT account FROM trades WHERE quantity >= 4"
    first = athena.start_query_execution(QueryString=text, WorkGroup=name)["QueryExecutionId"]
    assert ended(endpoint, first)["Status"]["State"] == "SUCCEEDED"
    given = {
        "QueryString": "SELECT * FROM large WHERE account = ?",
        "ExecutionParameters": ["'A''3'"],
        "WorkGroup": name,
    }
    second = athena.start_query_execution(**given, ClientRequestToken="t" * 32)["QueryExecutionId"]
    found = ended(endpoint, second)
    assert Path(found["ResultConfiguration"]["OutputLocation"]).read_text() == "account\nA'3\n"
    assert athena.start_query_execution(**given, ClientRequestToken="t" * 32)["QueryExecutionId"] == second
    assert athena.list_query_executions(WorkGroup=name)["QueryExecutionIds"] == [second, first]


def test_the_end_of_a_query_is_an_event_with_its_reason(endpoint: Runtime, tmp_path: Path) -> None:
    queues, events, athena = endpoint.client("sqs"), endpoint.client("events"), endpoint.client("athena")
    url = queues.create_queue(QueueName="query-ends")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name, quiet = workgroup(endpoint, tmp_path, tmp_path), workgroup(endpoint, tmp_path, None)
    pattern = {
        "source": ["aws.athena"],
        "detail-type": ["Athena Query State Change"],
        "detail": {"workgroupName": [name]},
    }
    events.put_rule(Name="query-ends", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="query-ends", Targets=[{"Id": "q", "Arn": arn}])
    failed = athena.start_query_execution(QueryString="SELECT * FROM nothing", WorkGroup=name)["QueryExecutionId"]
    other = athena.start_query_execution(QueryString="SELECT * FROM nothing", WorkGroup=quiet)["QueryExecutionId"]
    assert "nothing" in ended(endpoint, failed)["Status"]["StateChangeReason"]
    assert ended(endpoint, other)["Status"]["State"] == "SUCCEEDED", "without scripts there is nothing to do"
    (message,) = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    detail = json.loads(message["Body"])["detail"]
    assert (detail["currentState"], detail["queryExecutionId"]) == ("FAILED", failed)
    assert "nothing" in detail["athenaError"]["errorMessage"]


def test_a_query_is_cancelled_and_ends_at_the_quota(endpoint: Runtime, tmp_path: Path) -> None:
    athena, name = endpoint.client("athena"), workgroup(endpoint, tmp_path, None)
    endpoint.control.set_behaviours({name: [{"hangs": True}]})
    cancelled = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=name)["QueryExecutionId"]
    athena.stop_query_execution(QueryExecutionId=cancelled)
    assert ended(endpoint, cancelled)["Status"]["State"] == "CANCELLED"
    late = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=name)["QueryExecutionId"]
    pass_time(endpoint)
    assert (
        ended(endpoint, late)["Status"] | {"State": "FAILED", "StateChangeReason": "Query timeout"}
        == ended(endpoint, late)["Status"]
    )
    with pytest.raises(ClientError, match="WorkGroup none is not found"):
        athena.start_query_execution(QueryString="SELECT 1", WorkGroup="none")
