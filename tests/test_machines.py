"""Every kind of machine, executed: on success, on each failure, at the deadline; what is asserted is the path, not only the end."""

import json
from typing import Any

import pytest

from tests.golden import FOLDER
from tests.moto_engine import RUN, Answer, Execution, FailTask, Raise, Silence, Succeed, execute

WAIT, START = "Wait for dependencies", "Start the pipeline"
COMPLETED, PUBLISH = "Record success", "Publish refresh event"
DEADLINE = "Handle missed deadline"
FAILED, PUBLISH_FAILURE, END_FAILED = "Record failure", "Publish failure event", "Run failed"
THROTTLED = Raise("Lambda.TooManyRequestsException")

pytestmark = pytest.mark.slow


def machine(case: str, product: str = "d1/ds1") -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(
        (FOLDER / "output" / case / "statemachines" / f"{product}.asl.json").read_text("utf-8")
    )
    return definition


def work(step: str) -> list[str]:
    return [f"Launch {step}", f"Wait for {step}"]


def failed(execution: Execution, error: str) -> None:
    """The run ended in ERROR, and that was recorded once."""
    assert (execution.status, execution.error) == ("FAILED", error)
    assert len(execution.called("recorder.ERROR")) == 1
    assert execution.called("recorder.ERROR")[0]["error"] == error
    assert execution.called("recorder.COMPLETED") == []


def refresh_event(execution: Execution) -> dict[str, Any]:
    (call,) = execution.called("events.put")
    (entry,) = call["Entries"]
    return {**entry, "Detail": json.loads(entry["Detail"])}


def notified(execution: Execution) -> list[dict[str, Any]]:
    """What the alert topic received."""
    messages = [call["Message"] for call in execution.called("topic.publish")]
    return [json.loads(each) if isinstance(each, str) else each for each in messages]


def test_one_step_succeeds_in_seven_transitions() -> None:
    execution = execute(machine("one-step-retry"))

    assert execution.status == "SUCCEEDED"
    assert execution.states == [WAIT, START, "Run build", *work("build"), COMPLETED, PUBLISH]
    assert execution.called("glue.start") == [
        {"JobName": "job-of-build", "Arguments": {"--step": "build"}, "Timeout": 60}
    ]
    (waiting,) = execution.called("tracker.await")
    assert (waiting["run_id"], waiting["step"], waiting["job_run_id"]) == ("run-1", "build", "jr_1")


def test_nothing_takes_a_one_step_product_over_eight_transitions() -> None:
    execution = execute(machine("notify-product"))

    assert execution.states == [
        WAIT,
        START,
        "Run build",
        *work("build"),
        COMPLETED,
        PUBLISH,
        "Send completion alert",
    ]


def test_the_refresh_event_keeps_the_contract() -> None:
    event = refresh_event(execute(machine("one-step")))

    assert (event["Source"], event["DetailType"]) == ("headgate", "Data Product Refreshed")
    assert event["EventBusName"].endswith("CentralEventBusArn")
    assert event["Detail"] == {
        "domain": "d1",
        "product": "ds1",
        "business_date": RUN["business_date"],
        "cycle": "",
        "status": "COMPLETED",
        "run_id": "run-1",
        "attempt": 1,
        "refreshed_at": "2026-11-20T06:00:00Z",
        "metadata": {},
    }


def test_domain_visibility_publishes_on_the_domains_bus() -> None:
    assert refresh_event(execute(machine("publish-domain")))["EventBusName"].endswith("DomainEventBusArn")


def test_publishing_off_publishes_nothing() -> None:
    succeeded = execute(machine("publish-off"))
    broken = execute(machine("publish-off"), {"tracker.await": [FailTask("JobFailed")]})

    assert succeeded.states[-2:] == [COMPLETED, "Run completed"]
    assert broken.states[-2:] == [FAILED, END_FAILED]
    assert succeeded.called("events.put") + broken.called("events.put") == []


def test_a_failed_job_is_launched_again_as_often_as_metadata_says() -> None:
    execution = execute(machine("one-step-retry"), {"tracker.await": [FailTask("JobFailed"), FailTask("JobTimedOut")]})

    assert execution.status == "SUCCEEDED"
    assert execution.states == [WAIT, START, "Run build", *work("build") * 3, COMPLETED, PUBLISH]
    assert len(execution.called("glue.start")) == 3
    assert execution.delays[0] <= 60
    assert execution.delays[1] <= 120


def test_retries_run_out() -> None:
    execution = execute(machine("one-step-retry"), {"tracker.await": [FailTask("JobFailed")] * 3})

    failed(execution, "JobFailed")
    assert execution.states == [WAIT, START, "Run build", *work("build") * 3, FAILED, PUBLISH_FAILURE, END_FAILED]
    assert refresh_event(execution)["DetailType"] == "Data Product Failed"
    assert refresh_event(execution)["Detail"]["status"] == "ERROR"


@pytest.mark.parametrize("error", ["JobStopped", "JobStillRunning", "Glue.EntityNotFoundException"])
def test_what_no_retry_can_mend_is_not_tried_again(error: str) -> None:
    broken: dict[str, list[Answer]] = (
        {"glue.start": [Raise(error.removeprefix("Glue."))]}
        if error.startswith("Glue.")
        else {"tracker.await": [FailTask(error)]}
    )
    execution = execute(machine("one-step-retry"), broken)

    failed(execution, error)
    assert len(execution.called("glue.start")) == 1


def test_without_retry_the_first_failure_is_final() -> None:
    execution = execute(machine("one-step"), {"tracker.await": [FailTask("JobFailed")]})

    failed(execution, "JobFailed")
    assert execution.states == [WAIT, START, *work("build"), FAILED, PUBLISH_FAILURE, END_FAILED]


def test_a_job_waits_for_capacity_as_in_a_queue() -> None:
    busy: list[Answer] = [
        *[Raise("ConcurrentRunsExceededException")] * 12,
        *[Raise("ResourceNumberLimitExceededException")] * 3,
    ]
    execution = execute(machine("one-step"), {"glue.start": busy})

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("glue.start")) == 16
    assert all(delay <= 600 for delay in execution.delays)


def test_a_service_that_stumbles_is_called_again() -> None:
    execution = execute(
        machine("one-step"),
        {
            "gate.await": [THROTTLED, Raise("StateUnavailable")],
            "configuration": [Raise("StateUnavailable")],
            "glue.start": [Raise("ThrottlingException")],
            "tracker.await": [Raise("Lambda.ServiceException")],
            "recorder.COMPLETED": [THROTTLED],
            "events.put": [Succeed({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]})],
        },
    )

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("glue.start")) == 2
    assert len(execution.called("events.put")) == 2


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"gate.await": [Raise("UnknownRun")]}, [WAIT]),
        ({"gate.await": [FailTask("RunCancelled")]}, [WAIT]),
        ({"configuration": [Raise("UnknownRun")]}, [WAIT, START]),
        ({"glue.start": [Raise("InvalidInputException")]}, [WAIT, START, "Launch build"]),
        ({"tracker.await": [Raise("UnknownRun")]}, [WAIT, START, *work("build")]),
        ({"recorder.COMPLETED": [Raise("IllegalTransition")]}, [WAIT, START, *work("build"), COMPLETED]),
    ],
    ids=[
        "gate raises",
        "gate's token fails",
        "no configuration",
        "launch refused",
        "tracker raises",
        "outcome refused",
    ],
)
def test_every_failure_is_recorded_and_published(broken: dict[str, list[Answer]], path: list[str]) -> None:
    execution = execute(machine("one-step"), broken)

    assert execution.states == [*path, FAILED, PUBLISH_FAILURE, END_FAILED]
    assert execution.status == "FAILED"
    assert refresh_event(execution)["Detail"]["status"] == "ERROR"


def test_when_even_recording_fails_the_execution_still_ends_with_the_first_error() -> None:
    execution = execute(
        machine("notify-product"),
        {"glue.start": [Raise("InvalidInputException")], "recorder.ERROR": [Raise("StateUnavailable")] * 40},
    )

    assert (execution.status, execution.error) == ("FAILED", "Glue.InvalidInputException")
    assert execution.states[-3:] == [
        FAILED,
        "Send failure alert",
        END_FAILED,
    ]
    assert execution.called("events.put") == []


def test_a_run_stays_completed_when_its_event_cannot_be_published() -> None:
    execution = execute(machine("one-step"), {"events.put": [Raise("ValidationException")] * 5})

    assert execution.states[-3:] == [COMPLETED, PUBLISH, "Refresh event not published"]
    assert execution.status == "FAILED"
    assert execution.called("recorder.ERROR") == []


def test_the_deadline_fails_the_run_and_names_what_is_missing() -> None:
    execution = execute(
        machine("one-step"),
        {"gate.await": [Silence()], "gate.deadline": [Raise("DeadlineExceeded", "raw/rd1 has not arrived")]},
        timed_out=(WAIT,),
    )

    failed(execution, "DeadlineExceeded")
    assert execution.states == [WAIT, DEADLINE, FAILED, PUBLISH_FAILURE, END_FAILED]
    assert "raw/rd1 has not arrived" in execution.called("recorder.ERROR")[0]["cause"]


def test_the_last_arrival_at_the_very_deadline_still_counts() -> None:
    execution = execute(machine("one-step"), {"gate.await": [Silence()]}, timed_out=(WAIT,))

    assert execution.status == "SUCCEEDED"
    assert execution.states[:3] == [WAIT, DEADLINE, START]


def test_the_deadline_starts_the_run_with_what_has_arrived() -> None:
    execution = execute(machine("deadline-start"), {"gate.await": [Silence()]}, timed_out=(WAIT,))

    assert execution.status == "SUCCEEDED"
    assert execution.states[:3] == [WAIT, DEADLINE, START]
    assert execution.called("gate.deadline")[0]["on_deadline"] == "start"


def test_the_deadline_fails_a_run_that_is_held_and_would_have_started() -> None:
    execution = execute(
        machine("deadline-start"),
        {"gate.await": [Silence()], "gate.deadline": [Raise("DeadlineExceeded", "the run was held by ann")]},
        timed_out=(WAIT,),
    )

    failed(execution, "DeadlineExceeded")
    assert execution.states[:3] == [WAIT, DEADLINE, FAILED]


@pytest.mark.parametrize(("decision", "ends"), [("skip", "skipped"), ("start", "completed")])
def test_the_deadline_skips_the_run_unless_everything_arrived_after_all(decision: str, ends: str) -> None:
    execution = execute(
        machine("deadline-skip"),
        {"gate.await": [Silence()], "gate.deadline": [Succeed({"decision": decision})]},
        timed_out=(WAIT,),
    )

    assert execution.status == "SUCCEEDED"
    assert execution.states[:3] == [WAIT, DEADLINE, "Check whether to start"]
    if ends == "skipped":
        assert execution.states[3:] == [
            "Record skip",
            "Send skip alert",
            "Run skipped",
        ]
        assert execution.called("glue.start") == execution.called("events.put") == []
        assert len(execution.called("recorder.SKIPPED")) == 1
    else:
        assert execution.states[-2:] == [COMPLETED, PUBLISH]


@pytest.mark.parametrize(("answer", "status"), [(Succeed(), "SUCCEEDED"), (Raise("JobTimedOut"), "FAILED")])
def test_a_job_nobody_heard_of_is_asked_for_before_it_counts_as_failed(answer: Answer, status: str) -> None:
    execution = execute(
        machine("one-step"),
        {"tracker.await": [Silence()], "tracker.resolve": [answer]},
        timed_out=("Wait for build",),
    )

    assert execution.status == status
    assert execution.states[2:5] == [*work("build"), "Check how build ended"]
    assert execution.called("tracker.resolve")[0]["job_run_id"] == "jr_1"


def test_steps_run_in_order_with_their_settings() -> None:
    execution = execute(machine("many-steps"))

    assert execution.states == [
        WAIT, START, *work("load"), "Run build", *work("build"), *work("check"), COMPLETED, PUBLISH,
    ]  # fmt: skip
    assert execution.called("glue.start")[1] == {
        "JobName": "job-of-build",
        "Arguments": {"--step": "build"},
        "WorkerType": "G.1X",
        "NumberOfWorkers": 4,
        "ExecutionClass": "FLEX",
        "SecurityConfiguration": "encrypted",
        "Timeout": 60,
    }


def test_a_failed_step_stops_those_after_it() -> None:
    execution = execute(machine("many-steps"), {"tracker.await": [FailTask("JobFailed")]})

    failed(execution, "JobFailed")
    assert [call["JobName"] for call in execution.called("glue.start")] == ["job-of-load"]


def test_parallel_steps_all_run_before_the_next() -> None:
    execution = execute(machine("parallel"))

    assert execution.status == "SUCCEEDED"
    launched = [call["JobName"].removeprefix("job-of-") for call in execution.called("glue.start")]
    assert launched[0] == "load"
    assert launched[-1] == "publish"
    assert set(launched) == {"load", "build-a", "build-b", "check-b", "index-b", "publish"}
    assert launched.index("build-b") < min(launched.index("check-b"), launched.index("index-b"))


def test_a_failed_branch_fails_the_run_once() -> None:
    execution = execute(
        machine("parallel"), {"tracker.await": [Succeed(), FailTask("JobStopped"), FailTask("JobStopped")]}
    )

    failed(execution, "JobStopped")
    assert "job-of-publish" not in [call["JobName"] for call in execution.called("glue.start")]
    assert execution.states[-3:] == [FAILED, PUBLISH_FAILURE, END_FAILED]


def test_a_retry_in_a_branch_repeats_that_step_alone() -> None:
    execution = execute(
        machine("parallel"), {"glue.start": [Succeed({"JobRunId": "jr_0"})], "tracker.await": [Succeed()]}
    )
    assert execution.status == "SUCCEEDED"
    again = execute(_only_branch("build-a"), {"tracker.await": [FailTask("JobFailed")]})

    assert again.status == "SUCCEEDED"
    assert [call["JobName"] for call in again.called("glue.start")] == ["job-of-build-a", "job-of-build-a"]


def _only_branch(step: str) -> dict[str, Any]:
    """The parallel machine, reduced to the branch of one step, so that the order of answers is certain."""
    definition = machine("parallel")
    states = definition["States"]
    parallel = next(name for name, state in states.items() if state["Type"] == "Parallel")
    states[parallel]["Branches"] = [
        branch for branch in states[parallel]["Branches"] if branch["StartAt"].endswith(step)
    ]
    states[START]["Next"] = parallel
    states[parallel]["Next"] = COMPLETED
    keep = {name for name in states if not name.endswith((" load", " publish"))}
    definition["States"] = {name: state for name, state in states.items() if name in keep}
    return definition


def test_a_fallback_is_a_machine_like_any_other() -> None:
    execution = execute(machine("fallback"))

    assert execution.status == "SUCCEEDED"
    assert execution.states == [WAIT, START, *work("build"), COMPLETED, PUBLISH]


def test_a_product_without_dependencies_still_asks_the_gate() -> None:
    assert execute(machine("no-dependencies")).states[0] == WAIT


def test_telling_about_success() -> None:
    execution = execute(machine("notify-product"))

    (message,) = notified(execution)
    assert (message["kind"], message["level"], message["product"], message["run_id"]) == (
        "COMPLETED",
        "product",
        "d1/ds1",
        "run-1",
    )
    (call,) = execution.called("topic.publish")
    assert call["MessageAttributes"]["kind"] == {"DataType": "String", "StringValue": "COMPLETED"}


def test_telling_about_failure() -> None:
    execution = execute(machine("notify-product"), {"tracker.await": [FailTask("JobStopped")]})

    assert execution.states[-4:] == [FAILED, PUBLISH_FAILURE, "Send failure alert", END_FAILED]
    (message,) = notified(execution)
    assert (message["kind"], message["error"]) == ("ERROR", "JobStopped")


def test_telling_never_fails_a_run() -> None:
    broken: dict[str, list[Answer]] = {"topic.publish": [Raise("AuthorizationErrorException")] * 9}
    completed = execute(machine("notify-product"), broken)
    stopped = execute(
        machine("notify-product"),
        {**broken, "tracker.await": [FailTask("JobStopped")]},
    )

    assert completed.status == "SUCCEEDED"
    assert completed.states[-2:] == ["Send completion alert", "Run completed"]
    failed(stopped, "JobStopped")


def test_telling_about_each_step() -> None:
    completed = execute(machine("notify-step"))
    broken = execute(machine("notify-step"), {"tracker.await": [FailTask("JobFailed")]})

    assert completed.states[2:6] == ["Run build", *work("build"), "Send completion alert of build"]
    assert broken.states[5:7] == ["Send failure alert of build", FAILED]
    failed(broken, "JobFailed")


def test_telling_about_steps_in_branches() -> None:
    completed = execute(machine("parallel-notify-steps"))
    again = _only_notifying_branch()
    broken = execute(again, {"tracker.await": [FailTask("JobStopped")]})

    assert completed.status == "SUCCEEDED"
    steps = [message["step"] for message in notified(completed) if message["level"] == "step"]
    assert sorted(steps) == ["build-a", "build-b", "check-b", "index-b", "load", "publish"]
    failed(broken, "JobStopped")
    assert "build-a failed" in broken.states


def _only_notifying_branch() -> dict[str, Any]:
    definition = machine("parallel-notify-steps")
    states = definition["States"]
    parallel = next(name for name, state in states.items() if name.endswith("in parallel"))
    states[parallel]["Branches"] = [
        branch for branch in states[parallel]["Branches"] if branch["StartAt"].endswith("build-a")
    ]
    states[START]["Next"] = parallel
    states[parallel]["Next"] = COMPLETED
    definition["States"] = {
        name: state
        for name, state in states.items()
        if (" load" not in name and " publish" not in name) or name.startswith("Publish")
    }
    return definition
