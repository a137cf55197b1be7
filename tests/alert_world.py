"""What stories about alerts share: the services as servers on loopback, a day with a failure, and the function itself."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import ClientError

import alerts
import runtime
from alerting import delivery
from alerting.channels import email, properties
from tests.fake_aws import FakeAws
from tests.state_steps import LOADED, TODAY, opened, wait
from tests.state_world import World, at, external, product

NOW = "2026-11-20 09:00"
EVERYWHERE = {"slack": ["#positions"], "email": ["ann@example.com"], "opsgenie": ["oncall"]}


Said = tuple[int, dict[str, str], dict[str, Any] | bytes]  # status, headers, and JSON or what else is in the body


def well(path: str, number: int) -> Said:
    """As the service that has this path answers when all is well."""
    if path.startswith("/v2/alerts"):  # OpsGenie and Jira Service Management
        return 202, {}, {"result": "Request will be processed", "took": 0.1, "requestId": f"request-{number}"}
    if path == "/v2/enqueue":
        return 202, {}, {"status": "success", "message": "Event processed", "dedup_key": "as given"}
    if path.startswith("/workflows/"):  # Teams
        return 202, {}, b""
    return 200, {}, {"ok": True, "channel": "C123ABC", "ts": f"{number}.5"}


class Service:
    """An HTTP server that answers as `answers` say, then well; and what it received."""

    def __init__(self) -> None:
        self.answers: list[Said] = []
        self.received: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.delay = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                text = service.bodies[-1].decode()
                is_json = self.headers["Content-Type"].startswith("application/json")
                body = json.loads(text) if is_json else dict(parse_qsl(text))
                service.received.append((self.path, body, dict(self.headers)))
                good = well(self.path, len(service.received))
                status, headers, answer = service.answers.pop(0) if service.answers else good
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                threading.Event().wait(service.delay)
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked has given up
                    self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.received]


def refused(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": "X", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendEmail")


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
    monkeypatch.setattr(delivery, "time", SimpleNamespace(sleep=lambda seconds: None))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Ses:
    made = Ses()
    monkeypatch.setattr(email, "ses", lambda: made)
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


def notify(*facts: dict[str, Any]) -> list[str]:
    """Hands the facts to the function; gives the ids of those that go back to the queue."""
    records = [{"messageId": str(number), "body": json.dumps(each)} for number, each in enumerate(facts)]
    return [each["itemIdentifier"] for each in alerts.handler({"Records": records}, None)["batchItemFailures"]]


def failed(world: World, name: str = "d1/a", message: str = "MemoryError: an executor was lost") -> dict[str, Any]:
    """The product's job fails with this message, and so its run."""
    run = world.run(name, TODAY)
    identity = run["run_id"]
    world.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(world, name, now="2026-11-20 06:11")
    world.state.record_job_start(
        identity,
        run["attempt"],
        "build",
        "glue",
        "job-build",
        f"jr {name} {run['attempt']}",
        {},
        "t",
        at("2026-11-20 06:20"),
    )
    state = {
        "job_run_id": f"jr {name} {run['attempt']}",
        "job": "job-build",
        "state": "FAILED",
        "message": message,
    }
    world.state.record_job_states([state], at("2026-11-20 06:40"))
    world.state.record_outcome(
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
    """Another sender is sending it. Gives to how many."""
    taken = world.state.take_alert(alert, properties(), at(now))
    for each in taken.deliveries:
        for begins in (True, False):
            given = (taken.key, each["channel"], each["target"], each["doubtful"])
            assert world.state.begin_delivery(*given, at(now)) is begins
    return len(taken.deliveries)
