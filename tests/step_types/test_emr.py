"""Clusters of EMR and the steps on them: what the functions make of them, and what frees a cluster at each point at which a machine can die."""

import gzip
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import runtime
from headgate.cli import job_logs as logs
from headgate.cli.job_logs import emr as emr_logs
from headgate.cli.job_logs import emr_cluster as cluster_logs
from job_run import JobRun, mark_of
from state.errors import BadEvent, ClusterLost, JobFailed, JobStillRunning, JobStopped, JobTimedOut, LaunchNotFound
from step_types import emr, emr_cluster
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.state_world import World
from tests.step_types.emr_world import Emr, Files
from tests.step_types.service_steps import released

CLUSTER = {
    "name": "cluster",
    "type": "emr_cluster",
    "resource": "d1/ds1",
    "arguments": {},
    "settings": {},
    "timeout": 1800,
    "retry": None,
}
STEP = {"name": "clean", "type": "emr", "resource": "clean", "settings": {}, "timeout": 1800, "retry": None,
        "arguments": {"spark": "s3://code/clean.py", "conf": {"b": "2", "a": "1"}, "arguments": ["--date", "{business_date}"]}}  # fmt: skip
LATER = NOW + timedelta(minutes=20)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Emr:
    service = Emr()
    monkeypatch.setattr(emr, "emr", lambda: service)
    monkeypatch.setattr(emr_cluster, "emr", lambda: service)
    return service


@pytest.fixture
def run(world: World, aws: FakeAws, service: Emr, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline of d1/ds1 has begun: a cluster and one step."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return released(world, CLUSTER, STEP)


def begun(run: str) -> dict[str, Any]:
    steps: dict[str, Any] = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]
    return steps


def launched(run: str, service: Emr, name: str = "j-1", state: str = "STARTING") -> None:
    service.clusters[name] = {"name": f"headgate/d1/ds1/{mark_of(run, 1, 'cluster')}", "state": state}


def cluster(run: str, action: str = "await", name: str = "j-1") -> dict[str, Any]:
    named = {"run_id": run, "attempt": 1, "step": "cluster", "type": "emr_cluster", "job": "d1/ds1", "job_run_id": name}
    return {"action": action, **named, **({"task_token": f"token {name}"} if action == "await" else {"stops": True})}


def step(run: str, action: str = "await", error: str = "JobFailed") -> dict[str, Any]:
    named = {
        "run_id": run,
        "attempt": 1,
        "step": "clean",
        "type": "emr",
        "job": "clean",
        "job_run_id": "s-1",
        "cluster": "j-1",
    }
    return {
        "action": action,
        **named,
        **({"task_token": "step"} if action == "await" else {"stops": True, "error": error}),
    }


def cluster_event(state: str, name: str = "headgate/d1/ds1/r/1/cluster", **more: Any) -> dict[str, Any]:
    detail = {"clusterId": "j-1", "name": name, "state": state, "severity": "INFO", **more}
    return {"source": "aws.emr", "detail-type": "EMR Cluster State Change", "detail": detail}


def step_event(state: str, run: str) -> dict[str, Any]:
    name = f"headgate/clean/{mark_of(run, 1, 'clean')}"
    detail = {"clusterId": "j-1", "stepId": "s-1", "name": name, "state": state, "message": "Step s-1 failed"}
    return {"source": "aws.emr", "detail-type": "EMR Step Status Change", "detail": detail}


def failed(run: str) -> None:
    given = {"status": "ERROR", "run_id": run, "attempt": 1, "error": "JobFailed", "cause": "because"}
    invoke("outcome_recorder", given)


def ticked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(runtime, "now", lambda: LATER)
    report: dict[str, Any] = invoke("monitor", {})
    return report


def test_a_launch_is_given_the_command_and_the_marks(run: str) -> None:
    options = ["--conf", "a=1", "--conf", "b=2"]
    assert begun(run) == {
        "cluster": {"name": "d1/ds1", "mark": f"{run}/1/cluster"},
        "clean": {
            "job": "clean",
            "command": ["spark-submit", "--deploy-mode", "cluster", *options, "s3://code/clean.py", "--date", TODAY],
            "mark": f"{run}/1/clean",
        },
    }
    jar = {"spark": "s3://code/a.jar", "main_class": "com.example.A"}
    assert emr.marked(jar, "m")["command"][3:] == ["--class", "com.example.A", "s3://code/a.jar"]
    assert emr.marked({"command": ["ls"]}, "m") == {"command": ["ls"], "mark": "m"}


def test_a_cluster_that_is_ready_answers_its_machine_and_has_not_ended(world: World, aws: FakeAws, run: str) -> None:
    begun(run)
    invoke("job_tracker", cluster(run))
    invoke("job_status", queue(cluster_event("WAITING")))
    invoke("job_status", queue(cluster_event("WAITING")))

    assert aws.answered.count(("token j-1", {"job_run_id": "j-1", "launch": "no"})) == 1
    assert world.sql("SELECT state, task_token FROM job_run") == [("STARTED", None)]
    invoke(
        "job_status",
        queue(cluster_event("TERMINATED", stateChangeReason='{"code": "USER_REQUEST", "message": "by us"}')),
    )
    assert world.sql("SELECT state, message FROM job_run") == [("SUCCEEDED", "USER_REQUEST: by us")]


def test_a_cluster_that_is_ready_before_it_is_recorded_answers_its_machine_at_once(
    world: World, aws: FakeAws, run: str
) -> None:
    begun(run)
    others = cluster_event("WAITING", "headgate/d1/ds1/11111111-1111-1111-1111-111111111111/1/cluster", clusterId="j-2")
    invoke("job_status", queue(cluster_event("WAITING", f"headgate/d1/ds1/{run}/1/cluster"), others))
    assert world.sql("SELECT job_run_id, state, attempt, step FROM job_run") == [("j-1", "STARTED", 1, "cluster")]
    invoke("job_tracker", cluster(run))
    assert aws.answered.count(("token j-1", {"job_run_id": "j-1", "launch": "no"})) == 1
    invoke("job_status", queue(cluster_event("WAITING", f"headgate/d1/ds1/{run}/1/cluster")))
    assert world.sql("SELECT state, task_token FROM job_run") == [("STARTED", None)]


@pytest.mark.parametrize("state", ["TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_a_cluster_that_ends_before_it_is_ready_is_lost(aws: FakeAws, run: str, state: str) -> None:
    begun(run)
    invoke("job_tracker", cluster(run))
    invoke("job_status", queue(cluster_event(state)))
    assert aws.answered[-1] == ("token j-1", "ClusterLost")


def test_a_cluster_whose_event_was_lost_is_asked_about(
    aws: FakeAws, run: str, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(run)
    launched(run, service, state="RUNNING")
    invoke("job_tracker", cluster(run))
    ticked(monkeypatch)
    assert aws.answered[-1] == ("token j-1", {"job_run_id": "j-1", "launch": "no"})
    assert service.terminated == []


def test_a_cluster_that_is_not_ready_in_time_is_terminated_and_lost(run: str, service: Emr) -> None:
    begun(run)
    launched(run, service)
    invoke("job_tracker", cluster(run))
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", cluster(run, "resolve"))
    assert service.terminated == ["j-1"]
    service.clusters["j-1"] |= {"state": "TERMINATED", "reason": {"Code": "USER_REQUEST", "Message": "by us"}}
    with pytest.raises(ClusterLost, match=r"d1/ds1 \(j-1\) is not available: USER_REQUEST: by us"):
        invoke("job_tracker", cluster(run, "resolve"))


def test_a_cluster_that_became_ready_at_the_last_moment_is_used(run: str, service: Emr) -> None:
    begun(run)
    launched(run, service, state="WAITING")
    invoke("job_tracker", cluster(run))
    assert invoke("job_tracker", cluster(run, "resolve"))["job_run_id"] == "j-1"


def test_the_end_of_a_step_answers_its_machine(world: World, aws: FakeAws, run: str) -> None:
    begun(run)
    invoke("job_tracker", cluster(run))
    invoke("job_tracker", step(run))
    invoke("job_status", queue(step_event("COMPLETED", run)))
    assert aws.answered[-1] == ("step", {"job_run_id": "j-1/s-1"})
    assert world.sql("SELECT state FROM job_run WHERE job_run_id = 'j-1/s-1'") == [("SUCCEEDED",)]


@pytest.mark.parametrize(
    ("of_step", "of_cluster", "failure", "raised", "says"),
    [
        ("FAILED", "WAITING", "JobFailed", JobFailed, "Unknown column"),
        ("FAILED", "TERMINATING", "JobFailed", ClusterLost, "its cluster j-1 is TERMINATING: Spot capacity; Unknown column"),
        ("CANCELLED", "TERMINATED_WITH_ERRORS", "JobStopped", ClusterLost, "TERMINATED_WITH_ERRORS"),
        ("INTERRUPTED", "TERMINATED", "States.Timeout", ClusterLost, "TERMINATED"),
        ("CANCELLED", "WAITING", "JobStopped", JobStopped, "STOPPED"),
        ("CANCELLED", "WAITING", "States.Timeout", JobTimedOut, "within the time-out"),
    ],
)  # fmt: skip
def test_a_step_that_did_not_succeed_is_told_from_a_cluster_that_is_lost(
    run: str, service: Emr, of_step: str, of_cluster: str, failure: str, raised: type[Exception], says: str
) -> None:
    begun(run)
    launched(run, service, state=of_cluster)
    service.clusters["j-1"]["reason"] = {"Message": "Spot capacity"}
    service.steps["j-1/s-1"] = {"name": "x", "state": of_step, "failure": {"Reason": "Unknown column"}}
    invoke("job_tracker", step(run))
    with pytest.raises(raised, match=says):
        invoke("job_tracker", step(run, "resolve", failure))


def test_a_step_beyond_its_time_is_cancelled(run: str, service: Emr) -> None:
    begun(run)
    launched(run, service, state="RUNNING")
    service.steps["j-1/s-1"] = {"name": "x", "state": "RUNNING"}
    invoke("job_tracker", step(run))
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", step(run, "resolve", "States.Timeout"))
    assert service.cancelled == [("j-1", "s-1")]


def test_a_launch_that_was_not_answered_is_found_by_its_name(run: str, service: Emr) -> None:
    begun(run)
    find = {"action": "find", "run_id": run, "attempt": 1}
    of_cluster = {**find, "step": "cluster", "type": "emr_cluster", "job": "d1/ds1"}
    of_step = {**find, "step": "clean", "type": "emr", "job": "clean"}
    service.clusters["j-0"] = {"name": "headgate/d1/ds1/another/1/cluster", "state": "WAITING"}
    with pytest.raises(LaunchNotFound):
        invoke("job_tracker", of_cluster)
    launched(run, service, state="WAITING")
    assert invoke("job_tracker", of_cluster) == {"job_run_id": "j-1"}
    invoke("job_tracker", cluster(run))
    with pytest.raises(LaunchNotFound):
        invoke("job_tracker", of_step)
    service.steps["j-1/s-1"] = {"name": f"headgate/clean/{mark_of(run, 1, 'clean')}", "state": "PENDING"}
    assert invoke("job_tracker", of_step) == {"job_run_id": "j-1/s-1"}


def test_a_step_for_a_cluster_that_has_ended_says_that_it_is_lost(run: str, service: Emr) -> None:
    """EMR refuses the launch; nothing is launched again on the same cluster."""
    begun(run)
    launched(run, service, state="TERMINATED")
    invoke("job_tracker", cluster(run))
    find = {"action": "find", "run_id": run, "attempt": 1, "step": "clean", "type": "emr", "job": "clean"}
    with pytest.raises(ClusterLost, match="j-1 is TERMINATED"):
        invoke("job_tracker", find)


# Points at which a machine can die, and what frees its cluster then


def test_release_is_recorded_before_it_is_done_and_repeated_by_the_monitor(
    world: World, run: str, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(run)
    launched(run, service, state="WAITING")
    invoke("job_tracker", cluster(run))
    service.down = True
    assert invoke("job_tracker", {"action": "release", "run_id": run, "attempt": 1}) == {"released": ["j-1"]}
    invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    assert (service.terminated, world.run("d1/ds1", TODAY)["status"]) == ([], "COMPLETED")
    service.down = False
    ticked(monkeypatch)
    assert service.terminated == ["j-1"]


def test_a_machine_that_died_after_the_launch_leaves_a_cluster_that_the_recorder_finds(run: str, service: Emr) -> None:
    begun(run)
    launched(run, service)
    failed(run)
    assert service.terminated == ["j-1"]


def test_a_machine_that_died_while_steps_ran_leaves_none(world: World, run: str, service: Emr) -> None:
    begun(run)
    launched(run, service, state="RUNNING")
    invoke("job_tracker", cluster(run))
    invoke("job_tracker", step(run))
    service.steps["j-1/s-1"] = {"name": "x", "state": "RUNNING"}
    failed(run)
    assert (service.terminated, service.cancelled) == (["j-1"], [("j-1", "s-1")])


def test_a_cancel_terminates_the_cluster(run: str, service: Emr) -> None:
    begun(run)
    launched(run, service, state="WAITING")
    invoke("job_tracker", cluster(run))
    invoke("operate", {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert service.terminated == ["j-1"]


def test_a_cluster_of_a_run_that_does_not_use_it_any_more_is_terminated_by_the_monitor(
    world: World, run: str, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has asked to stop it: the machine's last states did not come."""
    begun(run)
    launched(run, service, state="WAITING")
    invoke("job_tracker", cluster(run))
    ticked(monkeypatch)
    assert service.terminated == [], "its run is in progress"
    world.state.record_outcome(UUID(run), 1, "COMPLETED", None, None, LATER, "machine")
    ticked(monkeypatch)
    assert service.terminated == ["j-1"]


def test_a_cluster_that_no_row_knows_is_found_by_its_name_and_those_of_others_are_left(
    world: World, run: str, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine died between the launch and its record, and the run was cancelled since."""
    begun(run)
    invoke("operate", {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    launched(run, service, "j-1")
    launched(run, service, "j-2", "TERMINATED")
    others = ["headgate/d1/ds1/00000000-0000-0000-0000-000000000000/1/cluster", "headgate/x", "nightly", "headgate/a/b/no-id/1/cluster"]  # fmt: skip
    service.clusters |= {f"j-{number + 3}": {"name": name, "state": "WAITING"} for number, name in enumerate(others)}
    ticked(monkeypatch)
    assert service.terminated == ["j-1"]
    assert world.sql("SELECT job_run_id, attempt, step, job FROM job_run") == [("j-1", 1, "cluster", "d1/ds1")]


def test_emr_that_does_not_answer_keeps_the_monitor_from_nothing_else(
    run: str, service: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.down = True
    assert ticked(monkeypatch)["failed"] == 0


def test_an_attempt_does_not_wait_for_the_end_of_the_cluster_of_the_one_before(
    world: World, run: str, service: Emr
) -> None:
    begun(run)
    launched(run, service, state="WAITING")
    invoke("job_tracker", cluster(run))
    failed(run)
    invoke("operate", {"action": "rerun", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.state.kept_back(UUID(run)) is None
    assert world.sql("SELECT released_at IS NOT NULL FROM data_product_status WHERE run_id = %s", run) == [(True,)]


def test_events_of_others_are_ignored_and_those_without_their_fields_refused() -> None:
    assert emr_cluster.ended(cluster_event("WAITING", name="nightly")["detail"]) is None
    assert emr_cluster.ended(cluster_event("STARTING")["detail"]) is None
    with pytest.raises(BadEvent, match="/detail/clusterId is missing"):
        emr_cluster.ended({"state": "WAITING", "name": "headgate/d1/ds1/r/1/cluster"})
    with pytest.raises(BadEvent, match="/detail/stepId is missing"):
        emr.ended({"state": "FAILED", "name": "headgate/x/r/1/s", "clusterId": "j-1"})


def test_console_links_go_to_the_cluster() -> None:
    page = "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1"
    for job_run in (JobRun("emr", "clean", "j-1/s-1"), JobRun("emr_cluster", "d1/ds1", "j-1")):
        kind = emr if job_run.type == "emr" else emr_cluster
        assert kind.console(job_run, "eu-west-1", "aws") == page


def test_logs_are_what_emr_says_and_what_it_keeps_in_s3(service: Emr) -> None:
    service.clusters["j-1"] = {"name": "x", "state": "WAITING"}
    service.steps["j-1/s-1"] = {"name": "x", "state": "FAILED", "failure": {"Reason": "Unknown column"}}
    job_run = logs.JobRun("d1/ds1", "clean", "emr", "clean", "j-1/s-1", 1)
    kept = {"emr/j-1/steps/s-1/stderr.gz": gzip.compress(b"first\nlast\n")}
    clients: dict[str, Any] = {"emr": service, "s3": Files(kept)}

    assert list(emr_logs.places(job_run, clients.__getitem__)) == [
        logs.Note("EMR", "Unknown column"),
        logs.Note("its output", "the cluster has no `logs`: what its steps print is lost with it"),
    ]
    service.logs = "s3n://logs/emr/"
    assert list(emr_logs.places(job_run, clients.__getitem__))[1:] == [
        logs.Note("s3://logs/emr/j-1/steps/s-1/stderr.gz", "first\nlast")
    ]
    of_cluster = logs.JobRun("d1/ds1", "cluster", "emr_cluster", "d1/ds1", "j-1", 1)
    assert list(cluster_logs.places(of_cluster, clients.__getitem__)) == [logs.Note("EMR", "WAITING")]
