"""`task`: any integration as it stands, with permissions listed by hand. Its answer, an answered token or an event of its service ends it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runtime
from job_run import FAILED, SUCCEEDED, Ended
from state.errors import BadEvent
from step_types import task
from tests import moto_engine
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import FOLDER
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.moto_engine import FailTask, Raise, Silence, Succeed, execute
from tests.moto_services import SERVICES
from tests.state_steps import LOADED, opened, wait
from tests.state_world import World

CASE = FOLDER / "output/task"
APPLICATION = json.loads((CASE / "statemachines/template.json").read_text("utf-8"))
MACHINE = json.loads((CASE / "statemachines/d1/ds1.asl.json").read_text("utf-8"))
GIVEN = {
    "crawl": {"name": "raw-crawler", "parameters": {"Name": "raw"}},
    "approve": {
        "name": "approvals",
        "parameters": {"QueueUrl": "u", "MessageBody": {"of": {"product": "ds1", "dates": ["2026-11-20"]}}},
    },
    "profile": {"name": "positions-profile", "parameters": {"Name": "positions-profile"}},
}


def transformed(event: dict[str, Any]) -> dict[str, Any]:
    """The event as the rule gives it to the queue: EventBridge fills in JSON values."""
    (rule,) = [each["Properties"] for each in APPLICATION["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    given = rule["Targets"][0]["InputTransformer"]
    text = given["InputTemplate"]
    for name, path in given["InputPathsMap"].items():
        value: Any = event
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        text = text.replace(f"<{name}>", json.dumps(value))
    read: dict[str, Any] = json.loads(text)
    return read


def test_an_event_of_its_service_ends_it() -> None:
    def reported(state: str) -> Ended | None:
        event = transformed({"detail": {"jobRunId": "db_1", "state": state}})
        assert (event["source"], event["detail-type"]) == (task.SOURCE, task.DETAIL_TYPE)
        return task.ended(event["detail"])

    assert reported("SUCCEEDED") == Ended("db_1", "positions-profile", SUCCEEDED)
    assert reported("STOPPED") == Ended("db_1", "positions-profile", FAILED, "aws.databrew reported STOPPED")
    assert reported("RUNNING") is None
    with pytest.raises(BadEvent, match="/detail/run_id is 7, not string"):
        task.ended(transformed({"detail": {"jobRunId": 7, "state": "x"}})["detail"])


def test_an_end_that_comes_before_the_launch_is_recorded_is_kept(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = json.loads((CASE / "statemachines/catalog/catalog.json").read_text("utf-8"))
    world.load(catalog["products"], LOADED)
    opened(world)
    wait(world, "d1/ds1")
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    configured = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]
    assert configured["profile"] == GIVEN["profile"]
    ended = transformed({"detail": {"jobRunId": "db_1", "state": "SUCCEEDED"}})
    assert invoke("job_status", queue(ended)) == {"batchItemFailures": []}
    job = {"step": "profile", "type": "task", "job": "positions-profile", "job_run_id": "db_1"}
    invoke("job_tracker", {"action": "await", "run_id": run, "attempt": 1, **job, "task_token": "profile"})
    assert [token for token, _ in aws.answered if token == "profile"] == ["profile"]


@pytest.mark.slow
def test_each_way_of_its_end_on_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for operation, name in (("StartCrawler", "crawl"), ("SendMessage", "send"), ("StartJobRun", "profile")):
        monkeypatch.setitem(SERVICES, operation, name)
    answer = moto_engine._World.answer

    def answered(world: moto_engine._World, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Who receives the message answers its token."""
        if operation == "SendMessage":
            token = json.loads(parameters["MessageBody"])["token"]
            threading.Thread(target=moto_engine._answer_token, args=(token, Succeed({}))).start()
        return answer(world, operation, parameters)

    monkeypatch.setattr(moto_engine._World, "answer", answered)
    started = Succeed({"RunId": "db_1"})
    answers: dict[str, Any] = {
        "crawl": [Succeed({})],
        "send": [Succeed({})],
        "profile": [started, started],
        "tracker.await": [FailTask("JobFailed")],
    }
    execution = execute(MACHINE, answers, (), settings=GIVEN)
    assert execution.error is None, execution.cause
    (sent,) = execution.called("send")
    assert sent["QueueUrl"] == "u"
    body = json.loads(sent["MessageBody"])
    assert body["of"] == {"product": "ds1", "dates": ["2026-11-20"]}
    assert execution.called("crawl") == [{"Name": "raw"}]
    assert len(execution.called("profile")) == 2, "the retry of work that failed"
    assert [each["job_run_id"] for each in execution.called("tracker.await")] == ["db_1", "db_1"]

    still: dict[str, Any] = {**answers, "tracker.await": [Silence()], "tracker.resolve": [Raise("JobStillRunning")]}
    execution = execute(MACHINE, still, ("Wait for profile",), settings=GIVEN)
    assert execution.error == "JobStillRunning"
    assert len(execution.called("profile")) == 1, "work that may still run has nothing beside it"


def test_its_role_has_what_is_listed_and_a_call_that_is_not_is_found(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    text = (CASE / "input.txt").read_text("utf-8")
    project(text.replace("action: sqs:SendMessage", "action: sqs:ReceiveMessage"))
    code, printed = headgate("generate")
    assert code == 1
    assert "HG904 a call without a grant" in printed
    assert "`Invoke approve`, which calls sqs:sendMessage" in printed
    template = json.loads((CASE / "statemachines/d1/template.json").read_text("utf-8"))
    statements = template["Resources"]["Ds1Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = {each["Action"]: each["Resource"] for each in statements if isinstance(each["Action"], str)}
    assert allowed["sqs:SendMessage"] == "arn:aws:sqs:eu-west-1:111122223333:approvals"
    assert allowed["databrew:StartJobRun"]["Fn::Sub"].endswith(":job/positions-profile")


MISTAKES = [
    ("        token: true\n", "        token: true\n        run_id: $.x\n", "`run_id` without `events`"),
    ("resource: sqs:sendMessage", "resource: sqs:sendMessage.waitForTaskToken", "without .sync or .waitForTaskToken"),
    ("action: sqs:SendMessage", 'action: "sqs:*"', "without a wildcard"),
    ("{product}", "{produkt}", "Did you mean {product}?"),
    ("token.$: $$.Task.Token", "token.$: Task.Token", "HG901"),
    ("        run_id: $.RunId\n", "        run_id: $.RunId\n        token: true\n", "either `token: true` or `run_id` with `events`"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[each[2] for each in MISTAKES])
def test_mistakes_are_said(
    project: Callable[[str], Path], headgate: Headgate, old: str, new: str, message: str
) -> None:
    text = (CASE / "input.txt").read_text("utf-8")
    assert old in text
    project(text.replace(old, new))
    code, printed = headgate("generate")
    assert (code, message in printed, "Traceback" in printed) == (1, True, False), printed
