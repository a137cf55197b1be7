"""A machine that loads files in batches, executed on moto: waves of batches, failed ones, and the ways it ends."""

import json
from typing import Any

import pytest

from tests.golden import FOLDER
from tests.moto_engine import Answer, Execution, FailTask, Raise, Succeed, execute

pytestmark = pytest.mark.slow
BEGINNING = ["Wait for dependencies", "Start the pipeline"]
WAVE = ["Plan the batches of load", "Check for files of load", "Load the batches of load"]
DONE = ["Plan the batches of load", "Check for files of load"]
COMPLETED = ["Record success", "Publish refresh event"]
DEFINITION = FOLDER / "output/batches/statemachines/raw/positions.asl.json"


def wave(*batches: int) -> Succeed:
    given = [{"batch_id": each, "arguments": {"--batch-manifest": f"s3://work/{each}.jsonl"}} for each in batches]
    return Succeed({"decision": "load", "batches": given})


def executed(**answers: list[Answer]) -> Execution:
    definition: dict[str, Any] = json.loads(DEFINITION.read_text("utf-8"))
    settings = {"load": {"job": "raw-positions-load", "arguments": {"--target": "staging.positions"}}}
    return execute(definition, {name.replace("_", ".", 1): each for name, each in answers.items()}, settings=settings)


def own_states(execution: Execution) -> list[str]:
    """Without those of children, which have histories of their own."""
    return [
        each for each in execution.states if each in (*BEGINNING, *WAVE, *COMPLETED, "Record failure", "Run failed")
    ]


def test_waves_follow_each_other_until_nothing_is_left() -> None:
    ended = executed(batches_plan=[wave(1, 2), wave(3)])
    assert ended.status == "SUCCEEDED"
    assert own_states(ended) == [*BEGINNING, *WAVE, *WAVE, *DONE, *COMPLETED]
    started = {json.dumps(each, sort_keys=True) for each in ended.called("glue.start")}
    assert len(started) == 3
    for each in ended.called("glue.start"):
        assert each["Arguments"].keys() == {"--target", "--batch-manifest"}
    recorded = ended.called("batches.record")
    assert sorted((each["batch_id"], each["step"], each["job_run_id"]) for each in recorded) == [
        (1, "load", "jr_1"), (2, "load", "jr_1"), (3, "load", "jr_1"),
    ]  # fmt: skip


def test_a_plan_says_when_its_state_was_entered() -> None:
    ended = executed(batches_plan=[Raise("StateUnavailable"), wave(1)])
    first, again, last = (each["entered_at"] for each in ended.called("batches.plan"))
    assert first == again != last


def test_a_failed_batch_is_recorded_and_the_others_go_on() -> None:
    ended = executed(batches_plan=[wave(1, 2)], tracker_await=[FailTask("JobFailed", "it crashed"), Succeed({})])
    assert ended.status == "SUCCEEDED"
    (failed,) = ended.called("batches.fail")
    assert (failed["error"], failed["cause"] or "because") == ("JobFailed", failed["cause"] or "because")
    assert len(ended.called("batches.record")) == 1


def test_a_child_that_breaks_does_not_end_the_map() -> None:
    """Not even recording its failure succeeds; the next plan finds the batch."""
    broken: list[Answer] = [Raise("StateError")] * 2
    ended = executed(batches_plan=[wave(1, 2)], batches_record=broken, batches_fail=list(broken))
    assert ended.status == "SUCCEEDED"
    assert own_states(ended) == [*BEGINNING, *WAVE, *DONE, *COMPLETED]


@pytest.mark.parametrize("error", ["FilesFailed", "FilesRejected", "FilesRemain", "WavesExhausted"])
def test_what_is_left_out_ends_the_run_with_its_reason(error: str) -> None:
    ended = executed(batches_plan=[wave(1), Raise(error, "1 of 2 files")])
    assert (ended.status, ended.error) == ("FAILED", error)
    (recorded,) = ended.called("recorder.ERROR")
    assert (recorded["error"], "1 of 2 files" in recorded["cause"]) == (error, True)


def test_a_launch_without_an_answer_is_looked_for_by_its_batch() -> None:
    ended = executed(batches_plan=[wave(7)], glue_start=[Raise("InternalServiceException")])
    (found,) = ended.called("tracker.find")
    assert found["batch_id"] == 7
    (waited,) = ended.called("tracker.await")
    assert (waited["batch_id"], waited["job_run_id"]) == (7, "jr_found")
