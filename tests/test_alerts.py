"""Alerts: what they say, to whom, once each; on real PostgreSQL and against servers on this machine that behave as the services do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk.models.blocks import Block

import alerts
import runtime
from alerting import channels, mail
from alerting.slack import blocks
from alerting.words import words
from tests.golden import FOLDER, expect
from tests.state_steps import LOADED, TODAY, complete, opened, uuid, wait
from tests.state_world import FakeAws, World, at, external, leaf, product

NOW = "2026-11-20 09:00"
EVERYWHERE = {"slack": ["#positions"], "email": ["ann@example.com"], "opsgenie": ["oncall"]}


class Service:
    """An HTTP server that answers as `answers` say, then well; and what it received."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], dict[str, Any]]] = []
        self.received: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.delay = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                is_json = self.headers["Content-Type"].startswith("application/json")
                body = json.loads(text) if is_json else dict(parse_qsl(text))
                service.received.append((self.path, body, dict(self.headers)))
                good: tuple[int, dict[str, str], dict[str, Any]] = (
                    200,
                    {},
                    {"ok": True, "channel": "C123", "ts": f"{len(service.received)}.5"},
                )
                status, headers, answer = service.answers.pop(0) if service.answers else good
                data = json.dumps(answer).encode()
                threading.Event().wait(service.delay)
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.received]


class Ses:
    """Amazon SES as far as alerts reach it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **given: Any) -> dict[str, str]:
        self.sent.append(given)
        return {"MessageId": f"ses-{len(self.sent)}"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service()
    monkeypatch.setenv("SLACK_API_URL", f"{made.url}/")
    monkeypatch.setenv("OPSGENIE_API_URL", made.url)
    monkeypatch.setenv("ALERT_SENDER", "headgate@example.com")
    tokens = {"slack_token": "xoxb-secret", "opsgenie_key": "key-secret"}
    given = lambda: tokens  # noqa: E731 - it needs an attribute
    given.cache_clear = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(alerts, "secrets", given)
    monkeypatch.setattr(channels.time, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Ses:
    made = Ses()
    monkeypatch.setattr(mail, "ses", lambda: made)
    return made


@pytest.fixture
def day(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> World:
    """raw/in -> d1/a -> d1/b (due at 8:00) -> d1/c; d1/a and d1/b tell everybody of everything."""
    notify = [{"on": ["ERROR", "LATE", "COMPLETED", "STARTED", "SKIPPED"], "level": "product", **EVERYWHERE}]
    world.load(
        {
            "raw/in": external(),
            "d1/a": product("raw/in", name="a", owner="ann", email="ann@example.com", notify=notify),
            "d1/b": product("d1/a", name="b", sla={"complete_by": "08:00"}, notify=notify),
            "d1/c": product("d1/b", name="c"),
        },
        LOADED,
    )
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    return world


def fact(world: World, name: str, kind: str, **more: Any) -> dict[str, Any]:
    run = world.run(name, TODAY)
    arn = f"arn:aws:states:eu-west-1:222222222222:execution:headgate-m:{name.split('/')[1]}-{TODAY}-1"
    return {
        "kind": kind, "level": "product", "product": name, "run_id": str(run["run_id"]), "business_date": TODAY, "cycle": "",
        "attempt": run["attempt"], "execution_arn": arn, **more,
    }  # fmt: skip


def tell(*facts: dict[str, Any]) -> list[str]:
    """Hands the facts to the function; gives the ids of those that go back to the queue."""
    records = [{"messageId": str(number), "body": json.dumps(each)} for number, each in enumerate(facts)]
    return [each["itemIdentifier"] for each in alerts.handler({"Records": records}, None)["batchItemFailures"]]


def failed(world: World, name: str = "d1/a") -> dict[str, Any]:
    """The product's job fails, and so its run."""
    run = world.run(name, TODAY)
    from state.database import Typed

    identity = Typed(str(run["run_id"]), "uuid")
    world.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(world, name, now="2026-11-20 06:11")
    world.database.call(
        "record_job_start",
        identity,
        run["attempt"],
        "build",
        "job-build",
        f"jr {name} {run['attempt']}",
        "t",
        at("2026-11-20 06:20"),
    )
    state = {
        "job_run_id": f"jr {name} {run['attempt']}",
        "job": "job-build",
        "state": "FAILED",
        "message": "MemoryError: an executor was lost",
    }
    world.database.call("record_job_states", [state], at("2026-11-20 06:40"))
    world.database.call(
        "record_outcome",
        identity,
        run["attempt"],
        "ERROR",
        "JobFailed",
        "it ended FAILED",
        at("2026-11-20 06:41"),
        "machine",
    )
    return fact(
        world, name, "ERROR", error="JobFailed", cause="job-build ended FAILED: MemoryError: an executor was lost"
    )


def begun(world: World, alert: dict[str, Any], now: str) -> int:
    """Somebody else is sending it. Gives to how many."""
    taken = world.database.call("take_alert", alert, at(now))
    for each in taken["deliveries"]:
        assert world.database.call("begin_delivery", taken["key"], each["channel"], each["target"], at(now)) is True
        assert world.database.call("begin_delivery", taken["key"], each["channel"], each["target"], at(now)) is False
    return len(taken["deliveries"])


def test_a_failure_is_told_everywhere_once(day: World, service: Service, ses: Ses) -> None:
    alert = failed(day)
    assert tell(alert, alert) == []
    assert tell(alert) == []
    assert sorted(service.paths()) == ["/chat.postMessage", "/v2/alerts"]
    assert len(ses.sent) == 1
    assert ses.sent[0]["Content"]["Simple"]["Subject"]["Data"] == "[ERROR] d1/a failed for 2026-11-20"
    assert set(day.sql("SELECT channel, state FROM alert_delivery")) == {
        ("slack", "SENT"),
        ("email", "SENT"),
        ("opsgenie", "SENT"),
    }


def test_what_each_kind_says(day: World, service: Service, ses: Ses) -> None:
    told = []

    def take(given: dict[str, Any]) -> None:
        alert = day.database.call("take_alert", given, at(NOW))["alert"]
        said = words(alert)
        made = blocks(alert, said)
        for each in Block.parse_all(made):
            each.validate_json()  # Slack's own limits
        service.received.clear()
        delivery = {"target": "oncall", "key": "the-key", "failed_before": True}
        channels.opsgenie(delivery, alert, said, {"opsgenie_key": "k"})
        channels.webhook({**delivery, "target": f"{service.url}/hook"}, alert, said, {})
        bodies = json.dumps([[path, body] for path, body, _ in service.received], indent=1)
        which = f"--- {given['kind']} {given['level']}"
        told.append(
            f"{which}: e-mail\n[{given['kind']}] {said.title}\n\n{said.text()}\n"
            f"{which}: Slack\n{json.dumps(made, indent=1)}\n"
            f"{which}: OpsGenie, webhook\n{bodies.replace(given['run_id'], 'the-run')}\n"
        )

    take(fact(day, "d1/a", "STARTED"))
    take(fact(day, "d1/b", "LATE", status="WAITING"))
    take(failed(day))
    day.sql(
        'UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "step", "slack": ["#steps"]}]\' WHERE product_id = \'d1/b\''
    )
    take(
        fact(
            day,
            "d1/b",
            "ERROR",
            level="step",
            step="build",
            error="JobTimedOut",
            cause="job-build ended TIMEOUT <after> 60m & more",
        )
    )
    take(fact(day, "d1/a", "SKIPPED"))
    take(fact(day, "d1/a", "COMPLETED"))
    expect(FOLDER / "words" / "alerts.txt", "\n".join(told).encode())


def test_one_thread_a_run_and_its_first_message_is_edited_when_it_recovers(
    day: World, service: Service, ses: Ses
) -> None:
    tell(failed(day))
    from state.database import Typed

    day.database.call("rerun", "d1/a", Typed(TODAY, "date"), "", False, "bob", at("2026-11-20 08:00"))
    complete(day, "d1/a", attempt=2, now="2026-11-20 08:30")
    tell(fact(day, "d1/a", "COMPLETED"))

    slack = [(path, body) for path, body, _ in service.received if path.startswith("/chat")]
    assert [path for path, _ in slack] == ["/chat.postMessage", "/chat.postMessage", "/chat.update"]
    assert "thread_ts" not in slack[0][1]
    assert slack[1][1]["thread_ts"] == slack[2][1]["ts"]
    assert slack[2][1]["channel"] == "C123"
    assert "complete" in slack[2][1]["text"]
    assert [path.split("?")[0].rsplit("/", 1)[-1] for path in service.paths() if path.startswith("/v2")] == [
        "alerts",
        "close",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (429, {"Retry-After": "1"}, {"ok": False, "error": "ratelimited"}),
        (503, {}, {}),
    ],
)
def test_a_service_that_asks_to_wait_is_waited_for(day: World, service: Service, ses: Ses, answer: Any) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]\'')
    service.answers = [answer, answer]
    assert tell(failed(day)) == []
    assert service.paths() == ["/v2/alerts"] * 3


def test_a_service_that_does_not_answer_is_given_up_and_tried_again_later(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]\'')
    monkeypatch.setattr(channels, "TIMEOUT", 0.05)
    service.delay = 0.3
    alert = failed(day)
    assert tell(alert) == ["0"]
    assert "not now: timed out" in caplog.text
    service.delay = 0
    monkeypatch.setattr(channels, "TIMEOUT", 10)
    assert tell(alert) == []


def test_nobody_is_there_at_all(
    day: World, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("OPSGENIE_API_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("ALERT_SENDER")
    assert tell(failed(day)) == ["0"]
    assert caplog.text.count("refused") >= 2
    assert "no sender: the parameter AlertSender is empty" in caplog.text


def test_slack_that_limits_the_rate_is_waited_for(day: World, service: Service, ses: Ses) -> None:
    day.sql('UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "slack": ["#a"]}]\'')
    service.answers = [(429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"})]
    assert tell(failed(day)) == []
    assert service.paths() == ["/chat.postMessage"] * 2


def test_what_is_not_delivered_goes_back_alone_and_no_secret_is_logged(
    day: World, service: Service, ses: Ses, caplog: pytest.LogCaptureFixture
) -> None:
    alert = failed(day)
    service.answers = [(200, {}, {"ok": False, "error": "channel_not_found"})] * 1
    day.sql(
        'UPDATE data_product SET notify = \'[{"on": ["ERROR"], "level": "product", "slack": ["#a"], "email": ["ann@example.com"]}]\''
    )
    assert tell(alert) == ["0"]
    assert "Slack: channel_not_found" in caplog.text
    assert len(ses.sent) == 1
    assert tell(alert) == []
    assert len(ses.sent) == 1, "that was delivered the first time"
    assert "secret" not in caplog.text


def test_a_webhook_hears_the_facts_with_a_key_to_know_them_by(
    day: World, service: Service, ses: Ses, caplog: pytest.LogCaptureFixture
) -> None:
    day.sql(
        "UPDATE data_product SET notify = %s",
        json.dumps([{"on": ["ERROR"], "level": "product", "webhook": [f"{service.url}/hook?token=s3cret"]}]),
    )
    service.answers = [(400, {}, {})]
    alert = failed(day)
    assert tell(alert) == ["0"]
    assert tell(alert) == []
    (_, first, _), (_, second, headers) = service.received
    assert first == second
    assert (second["product"], second["title"], second["job"]["message"]) == (
        "d1/a",
        "d1/a failed for 2026-11-20",
        "MemoryError: an executor was lost",
    )
    assert headers["Idempotency-Key"] == second["alert_key"]
    assert "s3cret" not in caplog.text


def test_what_nobody_knows_was_sent_is_not_sent_twice(day: World, service: Service, ses: Ses) -> None:
    """The function died between sending and saying so."""
    alert = failed(day)
    begun(day, alert, "2026-11-20 08:00")
    assert tell(alert) == []
    assert service.paths() == ["/v2/alerts"], "OpsGenie knows a second by its alias"
    assert ses.sent == []
    assert ("slack", "UNKNOWN") in day.sql("SELECT channel, state FROM alert_delivery")


def test_two_that_are_handed_the_same_tell_once(day: World, service: Service, ses: Ses) -> None:
    alert = failed(day)
    assert begun(day, alert, NOW) == 3
    assert tell(alert) == []
    assert service.received == []


def test_a_storm_is_one_incident(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = [{"on": ["ERROR", "LATE"], "level": "product", "opsgenie": ["oncall"]}]
    children = {f"d2/p{number}": product("d1/a", name=f"p{number}", notify=notify) for number in range(500)}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=notify), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    root = failed(world)
    world.sql(
        "UPDATE data_product_status SET status = 'ERROR', error = 'DeadlineExceeded', finished_at = now() WHERE product_id LIKE 'd2/%%'"
    )
    assert tell(root) == []
    for name in children:
        assert tell(fact(world, name, "ERROR", error="UpstreamFailed", cause="The deadline passed")) == []
    assert len(service.received) == 1
    assert world.sql("SELECT count(*), min(outcome) FROM alert_delivery WHERE state = 'SUPPRESSED'") == [
        (500, "told already, because of d1/a")
    ]


@pytest.mark.parametrize("fails", [True, False])
def test_many_that_are_late_for_one_cause_page_once(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """It is told of in each one's channel, with its cause."""
    notify = [{"on": ["ERROR", "LATE"], "level": "product", "opsgenie": ["oncall"], "slack": ["#late"]}]
    due = {"complete_by": "08:00"}
    children = {f"d2/p{number}": product("d1/a", name=f"p{number}", sla=due, notify=notify) for number in range(30)}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=notify), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    if fails:
        assert tell(failed(world)) == []
    for name in children:
        assert tell(fact(world, name, "LATE", status="WAITING")) == []

    assert service.paths().count("/v2/alerts") == 1
    late = [body for path, body, _ in service.received if path == "/chat.postMessage" and "is late" in str(body)]
    assert len(late) == 30
    assert all(("d1/a is ERROR" if fails else "raw/in has not been refreshed") in str(each) for each in late)


def test_a_failure_far_upstream_is_one_incident_too(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """d1/a fails, d1/b gives up for its sake, and then d1/c, which waits for d1/b and for d1/d, whose run nothing opens."""
    notify = [{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]
    world.load(
        {
            "raw/in": external(),
            "d1/a": product("raw/in", name="a", notify=notify),
            "d1/b": product("d1/a", name="b", notify=notify),
            "d1/c": product(["d1/b", "d1/d"], name="c", notify=notify),
            "d1/d": product("d1/b", name="d", schedule=None, notify=notify),
            "d1/e": product("d1/d", name="e", notify=notify),
            "d1/instead": product(leaf("d1/a", status=["ERROR"]), name="instead", schedule=None, notify=notify),
        },
        LOADED,
    )
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    root = failed(world)
    assert tell(root) == []
    for name in ("b", "c", "e"):
        settled = world.database.call("settle_deadline", uuid(world, f"d1/{name}"), 1, "fail", at("2026-11-20 09:30"))
        assert (settled["decision"], settled["failed"]) == ("fail", "d1/a")
        world.database.call(
            "record_outcome", uuid(world, f"d1/{name}"), 1, "ERROR", "UpstreamFailed", "d1/a", at(NOW), "machine"
        )
        assert tell(fact(world, f"d1/{name}", "ERROR", error="UpstreamFailed", cause="The deadline passed")) == []

    ((_, incident, _),) = service.received
    assert "4: d1/b, d1/c, d1/d, d1/e" in str(incident), "the fallback is not kept waiting"
    assert world.sql("SELECT count(*) FROM alert_delivery WHERE state = 'SUPPRESSED'") == [(3,)]


def test_a_failure_nobody_asked_to_hear_of_is_told_once_by_a_child(day: World, service: Service, ses: Ses) -> None:
    failed(day)  # d1/a itself is told to nobody
    day.sql("UPDATE data_product SET notify = '[]' WHERE product_id = 'd1/a'")
    day.sql("UPDATE data_product_status SET status = 'ERROR', finished_at = now() WHERE product_id = 'd1/b'")
    assert tell(fact(day, "d1/b", "ERROR", error="DeadlineExceeded", cause="The deadline passed")) == []
    (text,) = [body["text"] for path, body, _ in service.received if path.startswith("/chat")]
    assert text == "d1/b failed for 2026-11-20"
    assert "d1/a is ERROR" in str(service.received)


def test_a_failure_in_another_account_is_told_once_to_whom_it_concerns(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it is told by the stack that runs it; here its event is all that is known."""
    notify = [{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]
    children = {f"d2/p{number}": product("away/x", name=f"p{number}", notify=notify) for number in range(20)}
    world.load({"away/x": external(), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    world.event("away/x", TODAY, at("2026-11-20 07:00"), status="ERROR")
    for name in children:
        assert tell(fact(world, name, "ERROR", error="UpstreamFailed", cause="away/x failed")) == []
    assert len(service.received) == 1


def test_a_message_that_is_no_alert_is_refused(day: World, service: Service, ses: Ses) -> None:
    assert tell({"kind": "WHAT"}) == ["0"]
    assert alerts.handler({"Records": [{"messageId": "x", "body": "not JSON"}]}, None)["batchItemFailures"] == [
        {"itemIdentifier": "x"}
    ]
