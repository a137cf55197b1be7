"""What a failed function said is recorded as a person reads it."""

import json

import pytest

import runtime
from failure_cause import readable
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, day, invoke
from tests.state_world import World

DEADLINE = {
    "errorMessage": "The deadline passed. Missing: raw/rd4 (owner ingestion-team)",
    "errorType": "DeadlineExceeded",
}
RAISED = {
    "errorMessage": "no column `price`", "errorType": "KeyError", "requestId": "1",
    "stackTrace": ['  File "/var/task/f.py", line 9, in handler\n    load()\n', '  File "/var/task/f.py", line 3, in load\n    row["price"]\n'],
}  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "read"),
    [
        (json.dumps(DEADLINE), DEADLINE["errorMessage"]),
        (json.dumps(RAISED), 'no column `price` (File "/var/task/f.py", line 3, in load)'),
        (json.dumps({**RAISED, "stackTrace": ["", 3]}), "no column `price`"),
        ("d1-ds1-build (jr_1) ended FAILED", "d1-ds1-build (jr_1) ended FAILED"),
        ('{"JobName": "b", "ErrorMessage": "x"}', '{"JobName": "b", "ErrorMessage": "x"}'),
        ('{"errorMessage": ""}', '{"errorMessage": ""}'),
        ('{"errorMessage": "cut', '{"errorMessage": "cut'),
        ("[" * 20_000, "[" * 20_000),
        (None, None),
    ],
)
def test_a_cause_is_read(cause: str | None, read: str | None) -> None:
    assert readable(cause) == read


def test_history_has_the_message_of_a_function_that_raised(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    run = day(world)
    failed = {
        "status": "ERROR",
        "run_id": run,
        "attempt": 1,
        "error": "DeadlineExceeded",
        "cause": json.dumps(DEADLINE),
    }

    invoke("outcome_recorder", failed)

    assert world.sql("SELECT cause FROM data_product_status WHERE run_id = %s", run) == [(DEADLINE["errorMessage"],)]
