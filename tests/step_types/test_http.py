"""Work behind an HTTP API: what the functions make of it, against an API that really answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import clients
import runtime
from job_run import JobRun
from state.errors import JobStillRunning, JobTimedOut
from step_types import http
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, invoke
from tests.state_world import World
from tests.step_types.http_api import Api, api
from tests.step_types.service_steps import begun, cancel, tracked

STEP = {"name": "notebook", "type": "http", "resource": "https://example.com/start", "settings": {}, "timeout": 1800, "retry": None,
        "arguments": {"body": {"name": "notebook", "parameters": {"date": "{business_date}"}}}}  # fmt: skip


class Secrets:
    """One secret."""

    text = '{"Authorization": "Bearer of the test"}'

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        assert SecretId == "databricks/headers"
        return {"SecretString": self.text}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(http, "client", lambda name: Secrets())
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    with api() as made:
        made.runs[100] = {"state": None, "name": "notebook"}
        yield made


def handle(service: Api, run: Any = 100) -> dict[str, Any]:
    """What the launch keeps."""
    asked = {"url": service.url + "/ask?run_id={run}", "state": "state.result_state", "message": "state.state_message"}
    named = {"running": ["QUEUED"], "succeeded": ["SUCCESS"], "stopped": ["CANCELED"]}
    stop = {"url": service.url + "/stop", "body": {"run_id": "{run}"}}
    page = "https://example.com/runs/{run}"
    return {"run": run, "secret": "databricks/headers", "page": page, "ask": asked | named, "stop": stop}


def work(service: Api, run: Any = 100) -> JobRun:
    return JobRun("http", "https://example.com/start", f"databricks/{run}", handle(service, run))


@pytest.mark.parametrize(
    ("state", "end", "message"),
    [(None, None, ""), ("QUEUED", None, ""), ("SUCCESS", "SUCCEEDED", ""), ("FAILED", "FAILED", "FAILED: no such column"),
     ("NEVER_SEEN", "FAILED", "NEVER_SEEN: no such column"), ("CANCELED", "STOPPED", "CANCELED: no such column")],
)  # fmt: skip
def test_a_state_that_nobody_named_is_a_failure(service: Api, state: str | None, end: str | None, message: str) -> None:
    service.runs[100]["state"] = state
    answer = http.ask(work(service))
    assert (answer.state, answer.message) == (end, message)
    assert service.seen == [("GET", "/ask", "Bearer of the test")]


def test_an_api_that_does_not_answer_is_asked_again_and_no_message_has_a_secret(
    service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http.ask(work(service, 999)).state == "FAILED", "it does not know the run"
    monkeypatch.setattr(service, "answer", lambda *given: (503, {}))
    with pytest.raises(ClientError, match="answered 503") as busy:
        http.ask(work(service))
    assert clients.is_unanswered(busy.value)
    gone = work(service)
    gone.handle["ask"]["url"] = "http://localhost:1/{run}"
    with pytest.raises(EndpointConnectionError) as unreached:
        http.ask(gone)
    assert clients.is_unanswered(unreached.value)
    monkeypatch.setattr(Secrets, "text", "Bearer of the test")
    with pytest.raises(ClientError, match="databricks/headers is no JSON object of headers") as wrong:
        http.ask(work(service))
    assert "of the test" not in "".join(map(str, (busy.value, unreached.value, wrong.value)))


def test_the_monitor_asks_and_work_is_stopped_at_its_time_out_and_on_cancel(
    world: World, aws: FakeAws, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, given = begun(world, STEP)
    assert given == {"url": STEP["resource"], "body": {"name": "notebook", "parameters": {"date": TODAY}}}
    kept = handle(service)
    invoke("job_tracker", tracked(run, STEP, "databricks/100", handle=kept))
    with pytest.raises(JobStillRunning):
        invoke("job_tracker", tracked(run, STEP, "databricks/100", "resolve", stops=True, handle=kept))
    assert service.runs[100]["state"] == "CANCELED", "the id was sent as the number that it is"
    with pytest.raises(JobTimedOut, match="did not end within the time-out"):
        invoke("job_tracker", tracked(run, STEP, "databricks/100", "resolve", stops=True, handle=kept))

    service.runs[101] = {"state": "SUCCESS"}
    invoke("job_tracker", tracked(run, STEP, "databricks/101", task_token="second", handle=handle(service, 101)))
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=11))
    assert invoke("monitor", {})["jobs"] == 1
    assert "second" in [token for token, _ in aws.answered]

    service.runs[102] = {"state": None}
    invoke("job_tracker", tracked(run, STEP, "databricks/102", handle=handle(service, 102)))
    invoke("operate", cancel())
    assert service.runs[102]["state"] == "CANCELED"


def test_the_link_goes_to_the_page_that_metadata_names(service: Api) -> None:
    assert http.console(work(service), "eu-west-1", "aws") == "https://example.com/runs/100"
    assert http.console(JobRun("http", "x", "y"), "eu-west-1", "aws") is None
