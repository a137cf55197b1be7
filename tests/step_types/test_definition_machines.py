"""The machine of a product that brings its definition, executed on moto: what its states receive, and how each of their ends is recorded."""

import json
from typing import Any

import pytest

from tests.golden import FOLDER
from tests.moto_engine import Answer, Execution, Raise, Succeed, execute

pytestmark = pytest.mark.slow
GIVEN: dict[str, dict[str, object]] = {
    "definition": {"file": "flow.asl.json", "input": {"date": "2026-11-20", "regions": ["eu", "us"]}}
}


def executed(answers: dict[str, list[Answer]]) -> Execution:
    path = FOLDER / "output/definition/statemachines/d1/ds1.asl.json"
    machine = path.read_text("utf-8").replace("startJobRun.sync", "startJobRun")  # moto has no .sync, and really waits
    machine = machine.replace('"Seconds": 60', '"Seconds": 1')
    return execute(json.loads(machine), answers, settings=GIVEN)


def test_the_states_of_the_file_run_between_those_of_the_machine() -> None:
    counted: list[Answer] = [Succeed({"rows": 0}), Succeed({"rows": 3})]
    execution = executed({"function count": counted, "queue.send": [Succeed({"MessageId": "1"})]})

    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    about = {"run_id": "run-1", "attempt": 1, "product": "d1/ds1", "business_date": "2026-11-20", "cycle": ""}
    assert execution.called("function count")[0] == about | {"input": GIVEN["definition"]["input"]}
    assert len(execution.called("function count")) == 2, "the loop waits and counts again"
    regions: list[Any] = execution.called("function report")
    assert sorted(regions) == ["eu", "us"]
    (began,), (end,) = execution.called("tracker.start"), execution.called("tracker.end")
    assert ":execution:m:" in began["job_run_id"], "by which Step Functions can be asked"
    assert (end["state"], end["job_run_id"]) == ("SUCCEEDED", began["job_run_id"])
    assert end["answer"] == {"metadata": [{"row_count": 7}]}
    order = [name for name, _ in execution.calls]
    assert order.index("configuration") < order.index("tracker.start") < order.index("function count")
    assert order[-3:] == ["tracker.end", "recorder.COMPLETED", "events.put"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"function count": [Raise("NoRows", "nothing came")]}, "NoRows"),
        ({"function count": [Succeed({"rows": 1})], "function report": [Raise("Full"), Raise("Full")]}, "Full"),
    ],
)
def test_an_error_that_none_of_them_catches_ends_the_run(answers: dict[str, list[Answer]], error: str) -> None:
    execution = executed(answers)

    assert execution.status == "FAILED"
    (end,) = execution.called("tracker.end")
    (outcome,) = execution.called("recorder.ERROR")
    reported: list[dict[str, Any]] = [end, outcome]
    assert {each["error"] for each in reported} == {error}
    assert end["state"] == "FAILED"
    assert execution.called("topic.publish")[0]["Message"] is not None
    assert not execution.called("recorder.COMPLETED")
