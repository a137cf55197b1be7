"""Map states on the local endpoint: waiting items, limits, failures, distributed children, batches and results, as Step Functions runs them."""

import json
from typing import Any

import pytest

from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT, REGION
from tests.local_endpoint import ROLE, executed, invoke, machine, task

pytestmark = pytest.mark.slow

ITSELF = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:mine-m"


def each(distributed: bool = False, states: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if distributed else {"Mode": "INLINE"}
    processor = machine(**(states or {"Take": {"Type": "Pass", "End": True}})) | {"ProcessorConfig": mode}
    return machine(Each={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor, "End": True, **more})


def waiting(seconds: int) -> dict[str, Any]:
    return {"Pause": {"Type": "Wait", "Seconds": seconds, "End": True}}


def took(ended: dict[str, Any]) -> int:
    """Minutes by the clock."""
    return int((ended["stopDate"] - ended["startDate"]).total_seconds() + 30) // 60


@pytest.fixture(name="itself", autouse=True)
def _itself(endpoint: Runtime) -> None:
    """The role may start the children of its own machine, and write results into one bucket."""
    statement = [
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": ITSELF},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::results/*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    endpoint.client("iam").put_role_policy(RoleName="test", PolicyName="maps", PolicyDocument=document)


@pytest.mark.parametrize(
    ("limit", "minutes"), [({"MaxConcurrency": 1}, 30), ({"MaxConcurrencyPath": "$.most"}, 20), ({}, 10)]
)
@pytest.mark.parametrize("distributed", [False, True])
def test_items_that_wait_take_as_long_as_their_limit_says(
    endpoint: Runtime, distributed: bool, limit: dict[str, Any], minutes: int
) -> None:
    ended = executed(endpoint, each(distributed, waiting(600), **limit), {"items": [1, 2, 3], "most": 2})
    assert (ended["status"], json.loads(ended["output"]), took(ended)) == ("SUCCEEDED", [1, 2, 3], minutes)
    endpoint.control.wait_until_idle()


def test_items_wait_for_tokens_of_their_own(endpoint: Runtime) -> None:
    ask = invoke("token", waiting=True, **{"token.$": "$$.Task.Token", "answer.$": "$"})
    ended = executed(endpoint, each(states={"Ask": ask}, MaxConcurrency=3), {"items": list(range(7))})
    assert json.loads(ended["output"]) == list(range(7))


def test_the_first_failure_ends_an_inline_map_and_what_it_has_not_begun(endpoint: Runtime) -> None:
    states = {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Break"}], "Default": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 3600, "Next": "Go on"},
        "Go on": {"Type": "Pass", "End": True},
        "Break": {"Type": "Fail", "Error": "Broken", "Cause": "item 1"},
    }  # fmt: skip
    ended = executed(endpoint, each(states=states, MaxConcurrency=2), {"items": [0, 1, 2, 3]})
    assert (ended["error"], ended["cause"], took(ended)) == ("Broken", "item 1", 0)
    endpoint.control.wait_until_idle()
    assert "Go on" not in ended["entered"]


def test_a_map_is_retried_and_caught_as_a_whole(endpoint: Runtime) -> None:
    fails = {"Break": {"Type": "Fail", "Error": "Broken", "Cause": "always"}}
    retry = [{"ErrorEquals": ["Broken"], "IntervalSeconds": 60, "MaxAttempts": 2, "BackoffRate": 1}]
    definition = each(states=fails, Retry=retry, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    ended = executed(endpoint, definition, {"items": [1]})
    assert (ended["status"], took(ended)) == ("SUCCEEDED", 2)
    assert json.loads(ended["output"])["Error"] == "Broken"


@pytest.mark.parametrize(("tolerated", "status"), [(1, "FAILED"), (2, "SUCCEEDED")])
def test_a_distributed_map_goes_on_after_tolerated_failures(endpoint: Runtime, tolerated: int, status: str) -> None:
    states = {
        "Which": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericLessThan": 2, "Next": "Break"}], "Default": "Take"},
        "Break": {"Type": "Fail", "Error": "Broken"},
        "Take": {"Type": "Pass", "End": True},
    }  # fmt: skip
    ended = executed(
        endpoint, each(True, states, ToleratedFailureCountPath="$.most"), {"items": [0, 1, 2], "most": tolerated}
    )
    assert ended["status"] == status
    if status == "FAILED":
        assert ended["error"] == "States.ExceedToleratedFailureThreshold"
    (run,) = endpoint.client("stepfunctions").list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    counts = endpoint.client("stepfunctions").describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
    assert (counts["succeeded"], counts["failed"]) == (1, 2)


def test_children_call_what_the_role_of_their_machine_allows(endpoint: Runtime) -> None:
    allowed = executed(endpoint, each(True, {"Ask": invoke("gate")}), {"items": [1, 2]})
    assert allowed["status"] == "SUCCEEDED"
    refused = executed(endpoint, each(True, {"Ask": invoke("others")}), {"items": [1]})
    assert refused["error"] == "States.ExceedToleratedFailureThreshold"
    (run,) = endpoint.client("stepfunctions").list_map_runs(executionArn=refused["executionArn"])["mapRuns"]
    (child,) = endpoint.client("stepfunctions").list_executions(mapRunArn=run["mapRunArn"])["executions"]
    found = endpoint.client("stepfunctions").describe_execution(executionArn=child["executionArn"])
    assert found["cause"].startswith(f"{ROLE} is not authorized to perform: lambda:InvokeFunction")


def test_a_distributed_map_starts_executions_of_its_own_machine(endpoint: Runtime) -> None:
    endpoint.client("iam").delete_role_policy(RoleName="test", PolicyName="maps")
    refused = executed(endpoint, each(True), {"items": [1]})
    assert refused["cause"] == f"{ROLE} is not authorized to perform: states:StartExecution on resource: {ITSELF}"


def test_children_get_batches_and_results_are_written(endpoint: Runtime) -> None:
    endpoint.client("s3").create_bucket(Bucket="results")
    batches = {"ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"date.$": "$.date"}}}
    selected = {"ItemSelector": {"name.$": "$$.Map.Item.Value"}}
    writer = {
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "results", "Prefix": "maps"},
        }
    }
    given = {"items": ["a", "b", "c"], "date": "2026-11-20"}
    ended = executed(endpoint, each(True, **batches, **selected), given)
    first, second = json.loads(ended["output"])
    assert first == {"BatchInput": {"date": "2026-11-20"}, "Items": [{"name": "a"}, {"name": "b"}]}
    assert second["Items"] == [{"name": "c"}]

    details = json.loads(executed(endpoint, each(True, **batches, **writer), given)["output"])["ResultWriterDetails"]
    manifest = json.load(endpoint.client("s3").get_object(Bucket="results", Key=details["Key"])["Body"])
    (file,) = manifest["ResultFiles"]["SUCCEEDED"]
    written = json.load(endpoint.client("s3").get_object(Bucket="results", Key=file["Key"])["Body"])
    assert [json.loads(each["Output"])["Items"] for each in written] == [["a", "b"], ["c"]]


def test_no_items_are_no_work(endpoint: Runtime) -> None:
    for distributed in (False, True):
        assert executed(endpoint, each(distributed, {"Ask": task("lambda:invoke")}), {"items": []})["output"] == "[]"
