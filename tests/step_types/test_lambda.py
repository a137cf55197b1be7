"""Machines with Lambda functions, executed on moto: by return and by token; success, error, retry, time-out."""

import json
from typing import Any

import pytest

from tests.golden import FOLDER
from tests.moto_engine import Answer, Execution, FailTask, Raise, Silence, Succeed, execute

pytestmark = pytest.mark.slow
BEGINNING = ["Wait for dependencies", "Start the pipeline"]
FAILED = ["Record failure", "Publish failure event", "Run failed"]
COMPLETED = ["Record success", "Publish refresh event"]


def machine(product: str = "ds1") -> dict[str, Any]:
    path = FOLDER / "output/lambda/statemachines/d1" / f"{product}.asl.json"
    definition: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return definition


def only(step: str) -> dict[str, Any]:
    """The machine reduced to one step, as its first and only one. A step inside the Parallel stays in it, without the others."""
    definition = machine()
    states = definition["States"]
    if step == "hand-over":
        first = "Run load and hand-over in parallel"
        states[first]["Branches"] = states[first]["Branches"][1:]
        states[first]["Next"] = "Record success"
    else:
        first = {"check": "Record start of check", "failed": "Run step failed"}[step]
        last = {"check": "Record success of check", "failed": "Run step failed"}[step]
        states[last]["Next"] = "Record success"
    states["Start the pipeline"]["Next"] = first
    return definition


def invoked(step: str, end: str = "success") -> list[str]:
    return [f"Record start of {step}", f"Invoke {step}", f"Record {end} of {step}"]


def failed(execution: Execution, error: str, cause: str) -> None:
    assert (execution.status, execution.error, execution.cause) == ("FAILED", error, cause)
    (recorded,) = execution.called("recorder.ERROR")
    assert (recorded["error"], recorded["cause"]) == (error, cause)


def test_the_return_of_the_function_ends_the_step() -> None:
    payload = {"date": "2026-11-20", "limits": {"accounts": ["d1-main", 7], "strict": True}}
    execution = execute(
        only("check"),
        {"function check-positions:live": [Succeed({"answer": "is not kept", "metadata": {"rows": 3}})]},
        settings={"check": {"function": "check-positions:live", "payload": payload}},
    )

    assert execution.states == [*BEGINNING, *invoked("check"), *COMPLETED]
    assert execution.called("function check-positions:live") == [payload]
    (start,), (end,) = execution.called("tracker.start"), execution.called("tracker.end")
    named = {"run_id": "run-1", "attempt": 1, "step": "check", "type": "lambda", "job": "check-positions:live"}
    assert start | named | {"timeout": 300} == start
    assert end | named | {"state": "SUCCEEDED"} == end
    assert end["answer"] == {"answer": "is not kept", "metadata": {"rows": 3}}
    assert start["job_run_id"] == end["job_run_id"]
    assert start["job_run_id"].startswith("run-1/1/check/")


def test_an_error_of_the_function_is_recorded_and_ends_the_run_as_it_is() -> None:
    execution = execute(only("check"), {"function function-of-check": [Raise("TotalsDiffer", "by 3")]})

    assert execution.states == [*BEGINNING, *invoked("check", "failure"), *FAILED]
    (end,) = execution.called("tracker.end")
    assert (end["state"], end["error"]) == ("FAILED", "TotalsDiffer")
    failed(execution, "TotalsDiffer", end["cause"])
    assert "by 3" in end["cause"]
    assert len(execution.called("function function-of-check")) == 1, "without retry the first failure is final"


def test_a_failure_that_cannot_be_recorded_still_decides() -> None:
    answers: dict[str, list[Answer]] = {
        "function function-of-check": [Raise("TotalsDiffer", "by 3")],
        "tracker.end": [Raise("IllegalTransition")],
    }
    execution = execute(only("check"), answers)

    assert execution.error == "TotalsDiffer"
    assert execution.called("recorder.ERROR")[0]["error"] == "TotalsDiffer"


def test_a_start_that_is_refused_starts_nothing() -> None:
    execution = execute(only("check"), {"tracker.start": [Raise("StaleAttempt")]})

    assert execution.states == [*BEGINNING, "Record start of check", *FAILED]
    assert execution.error == "StaleAttempt"


def test_lambda_itself_is_called_again_by_the_same_state() -> None:
    busy = Raise("Lambda.TooManyRequestsException")
    execution = execute(only("check"), {"function function-of-check": [busy, busy]})

    assert execution.states == [*BEGINNING, *invoked("check"), *COMPLETED]
    assert len(execution.called("function function-of-check")) == 3
    assert all(delay <= 60 for delay in execution.delays)


def test_a_retry_records_and_invokes_anew() -> None:
    errors: list[Answer] = [Raise("TotalsDiffer"), Raise("Runtime.ExitError")]
    execution = execute(only("failed"), {"function function-of-failed": errors})

    tries = [*invoked("failed", "failure"), "Failure of failed"]
    assert execution.states == [*BEGINNING, "Run step failed", *tries, *tries, *invoked("failed"), *COMPLETED]
    ids = [call["job_run_id"] for call in execution.called("tracker.start")]
    assert len(set(ids)) == 3, "each try is a job run of its own"
    assert [call["state"] for call in execution.called("tracker.end")] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [call["job_run_id"] for call in execution.called("tracker.end")] == ids
    assert (execution.delays[0] <= 30, execution.delays[1] <= 60) == (True, True)


def test_retries_run_out_with_the_last_error() -> None:
    errors: list[Answer] = [Raise("First"), Raise("Second"), Raise("Third", "for good")]
    execution = execute(only("failed"), {"function function-of-failed": errors})

    assert execution.error == "Third"
    assert execution.called("recorder.ERROR")[0]["error"] == "Third"


@pytest.mark.parametrize("error", ["StaleAttempt", "IllegalTransition"])
def test_what_the_tracker_refuses_is_not_repeated(error: str) -> None:
    execution = execute(only("failed"), {"tracker.start": [Raise(error)]})

    assert execution.error == error
    assert len(execution.called("tracker.start")) == 1
    assert execution.called("function function-of-failed") == []


@pytest.mark.parametrize("answer", [Succeed({"rows": 3}), FailTask("TotalsDiffer", "by 3")])
def test_the_task_token_ends_the_step(answer: Answer) -> None:
    execution = execute(only("hand-over"), {"function function-of-hand-over": [answer]})

    (received,) = execution.called("function function-of-hand-over")
    assert received.keys() == {"payload", "task_token"}
    assert received["payload"] == {"step": "hand-over"}
    group = "Run load and hand-over in parallel"
    if isinstance(answer, Succeed):
        assert execution.states == [*BEGINNING, group, *invoked("hand-over"), *COMPLETED]
        assert execution.called("tracker.end")[0]["answer"] == {"rows": 3}
    else:
        ended = [*invoked("hand-over", "failure"), "Failure of hand-over"]
        assert execution.states == [*BEGINNING, group, *ended, *FAILED]
        assert execution.called("tracker.end")[0]["error"] == "TotalsDiffer"
        assert (execution.error, execution.called("recorder.ERROR")[0]["error"]) == ("TotalsDiffer", "TotalsDiffer")


@pytest.mark.parametrize(
    ("step", "within"),
    [("hand-over", "hand-over did not end within 4h"), ("failed", "failed did not end within 15m")],
)
def test_a_token_that_nobody_answers_is_a_time_out(step: str, within: str) -> None:
    """What `answer: return` does when its function is silent, moto does not show: there the function answers at once."""
    definition = only(step)
    if step == "failed":
        definition["States"]["Run step failed"]["Retry"][1]["MaxAttempts"] = 1
        call = definition["States"]["Run step failed"]["Branches"][0]["States"]["Invoke failed"]
        call["Resource"] += ".waitForTaskToken"
        call["Parameters"] = {"FunctionName": "function-of-failed", "Payload": {"task_token.$": "$$.Task.Token"}}
    execution = execute(definition, {f"function function-of-{step}": [Silence(), Silence()]}, (f"Invoke {step}",))

    failed(execution, "JobTimedOut", within)
    ends = execution.called("tracker.end")
    assert [end["state"] for end in ends] == ["TIMEOUT"] * (2 if step == "failed" else 1)
    assert ends[0]["error"] == "States.Timeout"


def test_alerts_of_a_step_name_its_error() -> None:
    execution = execute(machine("ds2"), {"function function-of-check": [Raise("TotalsDiffer")]})

    (sent, *_) = [json.loads(call["Message"]) if isinstance(call["Message"], str) else call["Message"] for call in execution.called("topic.publish")]  # fmt: skip
    assert (sent["level"], sent["step"], sent["error"]) == ("step", "check", "TotalsDiffer")
    assert execution.states[2] == "Run check"
    assert execution.error == "TotalsDiffer"
