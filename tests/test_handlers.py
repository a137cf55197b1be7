"""The Lambda handlers: what comes in, what is recorded, what is done in AWS."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import runtime
from contract import require
from state.errors import (
    BadEvent,
    DeadlineExceeded,
    IllegalTransition,
    JobFailed,
    JobStillRunning,
    JobStopped,
    JobTimedOut,
    UnknownRun,
    UpstreamFailed,
)
from tests.fake_aws import FakeAws
from tests.golden import FOLDER as GOLDEN
from tests.handler_steps import NOW, ROOT, TODAY, day, gate, glue_event, invoke, job, queue, refreshed, sample
from tests.state_world import PREFIX, World, at, external


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def test_a_whole_run(world: World, aws: FakeAws) -> None:
    run = day(world)
    (execution,) = aws.executions
    assert execution == PREFIX.replace(":stateMachine:", ":execution:") + "m_ds1:ds1-2026-11-20-1"

    assert invoke("dependency_gate", gate(run))["missing"][0]["product"] == "raw/rd1"
    assert invoke("refresh_events", sample("refresh_events")) == {"batchItemFailures": []}
    assert aws.answered == [
        ("wait", {"decision": "start", "reason": "the last input arrived", "arrived": ["raw/rd1", "raw/rd2"]})
    ]
    assert (
        invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]["build"]["arguments"]["--date"]
        == TODAY
    )
    invoke("job_tracker", job(run))
    assert [alert["kind"] for alert in aws.alerts] == ["STARTED"]
    assert invoke("job_status", queue(glue_event("SUCCEEDED"))) == {"batchItemFailures": []}
    assert aws.answered[-1] == ("job", {"job_run_id": "jr_1"})
    recorded = invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    assert invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1}) == recorded

    assert world.run("d1/ds1", TODAY)["status"] == "COMPLETED"


def test_one_bad_message_never_blocks_its_batch(world: World, aws: FakeAws) -> None:
    run = day(world)
    invoke("dependency_gate", gate(run))
    bad: list[Any] = [
        "not json",
        "[]",
        refreshed("raw/rd1", metadata={"text": "x" * 1_000_000}),
        refreshed("raw/rd1", business_date="2026-02-30"),
        refreshed("raw/rd1", business_date=20261120),
        refreshed("raw/rd1", status="DONE"),
        refreshed("raw/rd1", metadata={str(n): n for n in range(60)}),
        refreshed("raw/rd1", colour="blue"),
        refreshed("raw/rd1", refreshed_at="2026-11-20 06:00"),
        {**refreshed("raw/rd1"), "source": "another"},
        {**refreshed("raw/rd1"), "account": "12"},
        refreshed("raw/rd1", business_date="9999-12-31"),
    ]

    answer = invoke(
        "refresh_events",
        queue(
            *bad,
            refreshed("raw/rd1"),
            refreshed("raw/rd2"),
            refreshed("no/body"),
        ),
    )

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [str(n) for n in range(len(bad))]
    assert len(aws.answered) == 1


def test_a_message_the_database_refuses_goes_back_alone(world: World) -> None:
    day(world)
    answer = invoke("refresh_events", queue(refreshed("raw/rd1"), refreshed("raw/rd2", metadata={"nul": "\x00"})))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert world.sql("SELECT product_id FROM refresh_event") == [("raw/rd1",)]


def test_nothing_is_acknowledged_while_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from state.errors import StateUnavailable

    def away(*arguments: Any) -> Any:
        raise StateUnavailable("resuming")

    monkeypatch.setattr(world.database, "call", away)
    assert len(invoke("refresh_events", queue(refreshed("raw/rd1"), refreshed("raw/rd2")))["batchItemFailures"]) == 2


def test_an_event_for_a_removed_product_is_kept_and_starts_nothing(world: World, aws: FakeAws) -> None:
    day(world)
    world.load({"raw/rd1": external()}, NOW)
    invoke("refresh_events", queue(refreshed("raw/rd1"), refreshed("raw/rd2")))

    assert len(aws.executions) == 1
    assert invoke("scheduler", {})["opened"] == 0


def test_the_deadline_names_what_is_missing_and_its_owner(world: World) -> None:
    run = day(world)
    invoke("refresh_events", queue(refreshed("raw/rd2")))

    with pytest.raises(
        DeadlineExceeded, match=r"^The deadline passed. Missing: raw/rd1 for 2026-11-20 \(owner ingestion\)$"
    ):
        invoke("dependency_gate", gate(run, "deadline", on_deadline="fail"))
    assert invoke("dependency_gate", gate(run, "deadline", on_deadline="skip"))["decision"] == "skip"
    assert invoke("dependency_gate", gate(run, "deadline", on_deadline="start"))["decision"] == "start"


def test_a_deadline_missed_because_something_upstream_failed_goes_by_another_name(world: World) -> None:
    run = day(world)
    invoke("refresh_events", queue(refreshed("raw/rd2"), refreshed("raw/rd1", status="ERROR")))

    with pytest.raises(
        UpstreamFailed, match=r"^raw/rd1 failed, and the deadline passed. Missing: raw/rd1 for 2026-11-20"
    ):
        invoke("dependency_gate", gate(run, "deadline", on_deadline="fail"))


@pytest.mark.parametrize(
    ("state", "raised"),
    [
        ("SUCCEEDED", None),
        ("FAILED", JobFailed),
        ("ERROR", JobFailed),
        ("TIMEOUT", JobTimedOut),
        ("STOPPED", JobStopped),
        ("RUNNING", JobStillRunning),
    ],
)
def test_glue_is_asked_when_no_event_came(
    world: World, aws: FakeAws, state: str, raised: type[Exception] | None
) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = state

    if raised is None:
        assert invoke("job_tracker", job(run, "settle")) == {"state": "SUCCEEDED"}
    else:
        with pytest.raises(raised, match="jr_1"):
            invoke("job_tracker", job(run, "settle"))


def test_a_stopped_job_is_a_failure_and_a_running_one_is_none(world: World, aws: FakeAws) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))

    answer = invoke(
        "job_status",
        queue(
            glue_event("RUNNING"),
            glue_event("STOPPED"),
            glue_event("SUCCEEDED"),
            glue_event("SUCCEEDED", "another's"),
            {"source": "aws.glue"},
        ),
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "4"}]}
    assert aws.answered == [("job", "JobStopped")], "the first end counts"


def test_machines_get_errors_by_the_names_they_know(world: World) -> None:
    run = day(world)
    with pytest.raises(UnknownRun):
        invoke("pipeline_configuration", {"run_id": run.replace(run[:8], "00000000"), "attempt": 1})
    with pytest.raises(IllegalTransition):
        invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    with pytest.raises(BadEvent, match="/run_id is missing; /attempt is missing"):
        invoke("pipeline_configuration", {})


@pytest.mark.parametrize(
    ("operation", "code"), [("SendTaskSuccess", "TaskTimedOut"), ("SendTaskSuccess", "TaskDoesNotExist")]
)
def test_a_task_that_does_not_wait_any_more_is_an_answer(world: World, aws: FakeAws, operation: str, code: str) -> None:
    run = day(world)
    aws.broken[operation] = code
    invoke("dependency_gate", gate(run))
    invoke("refresh_events", sample("refresh_events"))

    assert world.sql("SELECT outcome FROM effect WHERE kind = 'task_success' AND done_at IS NOT NULL")[0][0] in (
        "the wait timed out",
        "the task does not wait any more",
    )


def test_what_aws_refuses_for_the_moment_is_tried_again_later(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.broken["StartExecution"] = "ThrottlingException"
    day(world)
    assert aws.executions == {}
    aws.broken.clear()
    assert invoke("monitor", {})["effects"] == 0, "not at once"

    performer = runtime.performer()
    assert performer.perform_due(lambda: at("2026-11-20 07:00")) == 1
    assert len(aws.executions) == 1


def test_an_event_eventbridge_refused_counts_as_not_published(world: World, aws: FakeAws) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    aws.broken["PutEvents"] = "InternalFailure"
    assert runtime.performer().perform_due(lambda: at("2026-11-20 06:46")) == 0
    aws.broken.clear()
    assert runtime.performer().perform_due(lambda: at("2026-11-20 08:00")) == 1

    started, event = aws.events
    assert json.loads(started["Detail"])["status"] == "STARTED"
    assert event["EventBusName"].endswith("central")
    require(
        {"source": event["Source"], "detail-type": event["DetailType"], "detail": json.loads(event["Detail"])},
        "refresh-event",
    )
    assert json.loads(event["Detail"])["status"] == "COMPLETED"


def test_the_machines_own_event_spares_the_monitor_the_second(world: World, aws: FakeAws) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    invoke("refresh_events", queue(refreshed("d1/ds1", run_id=run, attempt=1)))

    assert runtime.performer().perform_due(lambda: at("2026-11-20 08:00")) == 0
    assert [json.loads(each["Detail"])["status"] for each in aws.events] == ["STARTED"]


def test_operations_and_who_did_them(world: World, aws: FakeAws) -> None:
    run = day(world)
    base = {"product": "d1/ds1", "business_date": TODAY, "actor": "ann"}
    held = invoke("operate", {**base, "action": "hold"})
    assert (held["scope"], held["waiting_runs"]) == ("run", [{"business_date": TODAY, "cycle": ""}])
    invoke("refresh_events", sample("refresh_events"))
    invoke("dependency_gate", gate(run))
    assert aws.answered == []
    with pytest.raises(
        IllegalTransition, match=r"^d1/ds1 is not held; single runs of it are: `headgate release` with their --date$"
    ):
        invoke("operate", {"product": "d1/ds1", "actor": "ann", "action": "release"})
    released = invoke("operate", {**base, "action": "release"})
    assert (released["released"], released["released_runs"]) == (1, held["waiting_runs"])
    with pytest.raises(IllegalTransition, match=f"^the run of d1/ds1 for {TODAY} is not held$"):
        invoke("operate", {**base, "action": "release"})
    assert len(aws.answered) == 1
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "x", "cause": "y"})
    assert invoke("operate", sample("operate"))[0]["attempt"] == 2
    assert len(aws.executions) == 2
    backfill = {**base, "action": "backfill", "business_date": "2026-11-10", "until": "2026-11-12"}
    assert invoke("operate", {**backfill, "preview": True})["opened"] == 3
    answer = invoke("operate", backfill)
    assert (answer["opened"], answer["existing"]) == (3, 0)
    with pytest.raises(BadEvent, match="/until 2026-11-09 is before /business_date 2026-11-10"):
        invoke("operate", {**backfill, "until": "2026-11-09"})
    assert {who for (who,) in world.sql("SELECT changed_by FROM data_product_status_history")} >= {
        "ann",
        "machine",
        "scheduler",
    }
    domain = {"action": "backfill", "domain": "d1", "business_date": "2026-11-13", "actor": "ann"}
    assert invoke("operate", domain)["opened"] >= 1
    with pytest.raises(BadEvent, match="/product is missing"):
        invoke("operate", {**domain, "action": "skip"})
    with pytest.raises(IllegalTransition, match=f"^d1/ds1 for {TODAY} has been released already"):
        invoke("operate", {"action": "skip", "product": "d1/ds1", "actor": "ann"})  # the latest date that has a run
    with pytest.raises(BadEvent, match="/actor is"):
        invoke("operate", {**base, "action": "hold", "actor": " "})


CONTRACTS = {
    "alerts": ["alert", "alert"],
    "inquire": ["inquire"],
    "refresh_events": ["refresh-event", "refresh-event", "openlineage-run-event"],
    "job_status": ["glue-job-state-change", "execution-status-change"],  # one record each
    "dependency_gate": ["dependency-gate"],
    "operate": ["operate"],
    "scheduler": ["schedule"],
    "monitor": ["schedule"],
    "metadata_loader": ["metadata-loader"],
    "schema_migration": ["schema-migration"],
    "code_publisher": ["product-code"],
    "database_protection": ["database-protection"],
    "pipeline_configuration": ["pipeline-configuration"],
    "job_tracker": ["job-tracker"],
    "outcome_recorder": ["outcome-recorder"],
}


@pytest.mark.parametrize("function", CONTRACTS)
def test_samples_keep_their_contract_by_both_validators(function: str) -> None:
    event = sample(function)
    events = [json.loads(record["body"]) for record in event["Records"]] if "Records" in event else [event]
    for each, contract in zip(events, CONTRACTS[function], strict=True):
        schema = json.loads((ROOT / "events/schemas" / f"{contract}.schema.json").read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
        require(each, contract)
        Draft202012Validator(schema).validate(each)


def test_what_machines_send_keeps_the_contracts() -> None:
    """The payloads in every golden machine, with their paths filled in, are what the handlers accept."""
    from headgate.generator.plan.asl import tasks

    functions = {
        "DependencyGate": "dependency-gate",
        "FileBatches": "file-batches",
        "PipelineConfiguration": "pipeline-configuration",
        "JobTracker": "job-tracker",
        "OutcomeRecorder": "outcome-recorder",
    }
    asked = {"find": "job-launch", "join": "cluster-join", "release": "cluster-release"}
    values = {
        "cluster": "j-1",
        "run_id": "0b4e6f1c-9f57-4b7e-8f0e-3d2f5a7c9e11",
        "attempt": 1,
        "task_token": "t",
        "execution_arn": "arn:aws:x",
        "job": "j",
        "job_run_id": "jr",
        "batch_id": 7,
        "entered_at": "2026-11-20T18:45:00.000Z",
        "refused": ["RESOURCE:MEMORY"],
        "handle": {"run": 7},
        "error": "E",
        "cause": "c",
        "answer": {"metadata": {"rows": 3}},
    }
    checked = set()
    for path in (GOLDEN / "output").glob("*/statemachines/*/*.asl.json"):
        for _, task in tasks(json.loads(path.read_text("utf-8"))):
            name = functions.get(str(task["Parameters"].get("FunctionName", ""))[2:].removesuffix("FunctionArn}"))
            if name:
                payload = {
                    key.removesuffix(".$"): values[key.removesuffix(".$")] if key.endswith(".$") else value
                    for key, value in task["Parameters"]["Payload"].items()
                }
                require(payload, asked.get(str(payload.get("action")), name))
                checked.add(name)
    assert checked == set(functions.values())
