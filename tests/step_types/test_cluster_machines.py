"""The machine of a pipeline with a cluster, executed on moto: what is launched, on which cluster, and what becomes of the cluster at each end."""

import json

import pytest

from tests.golden import FOLDER
from tests.moto_engine import Answer, Execution, FailTask, Raise, Silence, Succeed, execute

pytestmark = pytest.mark.slow
GIVEN: dict[str, dict[str, object]] = {
    "before": {"job": "fetch", "arguments": {}},
    "after": {"job": "publish", "arguments": {}},
    "cluster": {"name": "d1/ds1", "mark": "run-1/1/cluster"},
    "mart": {"job": "clean", "mark": "run-1/1/mart", "command": ["spark-submit", "s3://code/clean.py"]},
    "north": {"job": "north", "mark": "run-1/1/north", "command": ["echo"]},
    "south": {"job": "regions", "mark": "run-1/1/south", "command": ["spark-submit", "s3://code/regions.jar"]},
}


def executed(answers: dict[str, list[Answer]] | None = None, timed_out: tuple[str, ...] = ()) -> Execution:
    path = FOLDER / "output/emr/statemachines/d1/ds1.asl.json"
    return execute(json.loads(path.read_text("utf-8")), answers, timed_out, settings=GIVEN)


def ready(name: str) -> Answer:
    return Succeed({"job_run_id": name})


def test_a_cluster_is_made_before_the_steps_and_released_after_them() -> None:
    execution = executed({"tracker.await": [Succeed(), ready("j-7")]})

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    names = [name for name, _ in execution.calls if name.endswith(".start") or name == "tracker.release"]
    in_between = ["cluster.start", *["emr.start"] * 3, "tracker.release"]
    assert names == ["glue.start", *in_between, "glue.start"], "what needs no cluster runs before and after it"
    (cluster,) = execution.called("cluster.start")
    assert cluster["Name"] == "headgate/d1/ds1/run-1/1/cluster"
    assert (cluster["StepConcurrencyLevel"], cluster["AutoTerminationPolicy"]) == (2, {"IdleTimeout": 900})
    assert cluster["Instances"]["TerminationProtected"] is False
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:metastore"
    (hive,) = cluster["Configurations"]
    assert hive["Properties"]["EMR.secret@javax.jdo.option.ConnectionPassword"] == secret
    steps = execution.called("emr.start")
    assert {each["JobFlowId"] for each in steps} == {"j-7"}
    assert [each["Steps"][0]["ActionOnFailure"] for each in steps] == ["CONTINUE"] * 3
    assert steps[0]["Steps"][0]["Name"] == "headgate/clean/run-1/1/mart"
    assert {each.get("cluster") for each in execution.called("tracker.await")} == {None, "j-7"}
    assert len(execution.called("tracker.release")) == 1


def test_a_failed_step_releases_the_cluster_before_the_failure_is_recorded() -> None:
    failed: list[Answer] = [Succeed(), ready("j-7"), FailTask("JobFailed"), FailTask("JobFailed")]
    said: list[Answer] = [Raise("JobFailed"), Raise("JobFailed")]
    execution = executed({"tracker.await": failed, "tracker.resolve": said})

    assert (execution.status, execution.error) == ("FAILED", "JobFailed")
    assert [each["error"] for each in execution.called("tracker.resolve")] == ["JobFailed"] * 2, "EMR is asked why"
    assert len(execution.called("cluster.start")) == 1
    names = [name for name, _ in execution.calls]
    assert names.index("tracker.release") < names.index("recorder.ERROR")


def test_a_lost_cluster_is_made_anew_and_the_steps_run_again_on_it() -> None:
    given: dict[str, list[Answer]] = {
        "tracker.await": [Succeed(), ready("j-1"), FailTask("JobFailed"), ready("j-2")],
        "tracker.resolve": [Raise("ClusterLost")],
    }
    execution = executed(given)

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    assert len(execution.called("cluster.start")) == 2
    assert [each["JobFlowId"] for each in execution.called("emr.start")] == ["j-1", "j-2", "j-2", "j-2"]


def test_a_step_that_finds_no_cluster_is_no_launch_to_repeat() -> None:
    given: dict[str, list[Answer]] = {
        "tracker.await": [Succeed(), ready("j-1"), ready("j-2")],
        "emr.start": [Raise("InvalidRequestException")],
        "tracker.find": [Raise("ClusterLost")],
    }
    execution = executed(given)

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    assert len(execution.called("cluster.start")) == 2


def test_a_cluster_that_is_not_ready_in_time_is_terminated() -> None:
    given: dict[str, list[Answer]] = {
        "tracker.await": [Succeed(), Silence(), ready("j-2")],
        "tracker.resolve": [Raise("JobStillRunning"), Raise("ClusterLost")],
    }
    execution = executed(given, timed_out=("Wait for cluster",))

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    assert all(each["stops"] for each in execution.called("tracker.resolve"))


def test_a_shared_cluster_that_is_ready_is_used_and_not_launched() -> None:
    path = FOLDER / "output/emr-shared/statemachines/d1/ds1.asl.json"
    given = {"cluster": {"name": "d1/nightly", "mark": "run-1/1/cluster"}, "mart": GIVEN["mart"]}
    answers: dict[str, list[Answer]] = {"tracker.join": [Succeed({"launch": "no", "job_run_id": "j-7"})]}
    execution = execute(json.loads(path.read_text("utf-8")), answers, settings=given)

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    assert execution.called("cluster.start") == []
    assert {each["JobFlowId"] for each in execution.called("emr.start")} == {"j-7"}
    assert [each["cluster"] for each in execution.called("tracker.join")] == ["d1/nightly"]
