"""Which alerts are sent to whom, each once: facts, texts and storms, on real PostgreSQL and real HTTP servers."""

import json
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

import alerts
import runtime
from alerting.channels import opsgenie, properties, webhook
from alerting.channels.slack import blocks
from alerting.message import compose
from tests.alert_world import NOW, Service, Ses, begun, fact, failed, notify
from tests.fake_aws import FakeAws
from tests.golden import FOLDER, expect
from tests.state_steps import LOADED, TODAY, opened, uuid
from tests.state_world import World, at, external, leaf, product


def test_a_failure_is_sent_to_every_channel_once(day: World, service: Service, ses: Ses) -> None:
    alert = failed(day)
    assert notify(alert, alert) == []
    assert notify(alert) == []
    assert sorted(service.paths()) == ["/chat.postMessage", "/v2/alerts"]
    assert len(ses.sent) == 1
    assert ses.sent[0]["Content"]["Simple"]["Subject"]["Data"] == "[ERROR] d1/a failed for 2026-11-20"
    assert set(day.sql("SELECT channel, state FROM alert_delivery")) == {
        ("slack", "SENT"),
        ("email", "SENT"),
        ("opsgenie", "SENT"),
    }


def test_what_each_kind_says(day: World, service: Service, ses: Ses) -> None:
    texts = []

    def take(given: dict[str, Any]) -> None:
        day.sql("UPDATE alert_conversation SET busy_until = NULL")  # nobody sends what was taken before
        alert = day.state.take_alert(given, properties(), at(NOW)).alert
        assert alert is not None
        said = compose(alert)
        made = blocks(alert, said)
        for each in Block.parse_all(made):
            each.validate_json()  # Slack's own limits
        service.received.clear()
        action = {"ERROR": "reopen", "LATE": "reopen", "COMPLETED": "resolve"}.get(given["kind"], "inform")
        conversation = {"key": given["run_id"], "first": None, "state": "OPEN"}
        severity = {"ERROR": 2, "LATE": 3}.get(given["kind"], 4)
        delivery = {
            "target": "oncall",
            "key": "the-key",
            "action": action,
            "severity": severity,
            "conversation": conversation,
        }
        opsgenie.deliver(delivery, alert, said, lambda: {"opsgenie_key": "k"})
        webhook.deliver({**delivery, "target": f"{service.url}/hook"}, alert, said, dict)
        bodies = json.dumps([[path, body] for path, body, _ in service.received], indent=1)
        which = f"--- {given['kind']} {given['level']}"
        texts.append(
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
    everywhere = '{"slack": ["#positions"], "opsgenie": ["oncall"]}'
    day.sql(
        f'UPDATE data_product SET notify = jsonb_build_array(\'{everywhere}\'::jsonb || \'{{"on": ["OUTDATED", "SKIPPED"]}}\')'
    )
    take(fact(day, "d1/b", "OUTDATED", missing=[{"product": "d1/a"}]))
    take(fact(day, "d1/b", "SKIPPED", cause="d1/a for 2026-11-20 was skipped"))
    expect(FOLDER / "messages" / "alerts.txt", "\n".join(texts).encode())


def test_two_that_are_handed_the_same_tell_once(day: World, service: Service, ses: Ses) -> None:
    alert = failed(day)
    assert begun(day, alert, NOW) == 3
    assert notify(alert) == []
    assert service.received == []


def test_a_storm_is_one_incident(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [{"on": ["ERROR", "LATE"], "level": "product", "opsgenie": ["oncall"]}]
    children = {f"d2/p{number}": product("d1/a", name=f"p{number}", notify=asked) for number in range(500)}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=asked), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    root = failed(world)
    world.sql(
        "UPDATE data_product_status SET status = 'ERROR', error = 'DeadlineExceeded', finished_at = now() WHERE product_id LIKE 'd2/%%'"
    )
    assert notify(root) == []
    for name in children:
        assert notify(fact(world, name, "ERROR", error="UpstreamFailed", cause="The deadline passed")) == []
    assert len(service.received) == 1
    assert world.sql("SELECT count(*), min(outcome) FROM alert_delivery WHERE state = 'SUPPRESSED'") == [
        (500, "notified already, because of d1/a")
    ]


@pytest.mark.parametrize("fails", [True, False])
def test_many_that_are_late_for_one_cause_page_once(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Each recipient gets one message about the cause; what else is late because of it stands in that."""
    asked = [{"on": ["ERROR", "LATE"], "level": "product", "opsgenie": ["oncall"], "slack": ["#late"]}]
    due = {"complete_by": "08:00"}
    children = {f"d2/p{number}": product("d1/a", name=f"p{number}", sla=due, notify=asked) for number in range(30)}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=asked), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    if fails:
        assert notify(failed(world)) == []
    for name in children:
        assert notify(fact(world, name, "LATE", status="WAITING")) == []

    assert service.paths().count("/v2/alerts") == 1
    (told,) = [body for path, body, _ in service.received if path == "/chat.postMessage"]
    assert told["text"] == ("d1/a failed" if fails else "d2/p0 is late") + " for 2026-11-20"
    assert ("Waiting for it*  30" if fails else "raw/in has not been refreshed") in str(told)


def test_a_failure_far_upstream_is_one_incident_too(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """d1/a fails, d1/b gives up for its sake, and then d1/c, which waits for d1/b and for d1/d, whose run nothing opens."""
    asked = [{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]
    world.load(
        {
            "raw/in": external(),
            "d1/a": product("raw/in", name="a", notify=asked),
            "d1/b": product("d1/a", name="b", notify=asked),
            "d1/c": product(["d1/b", "d1/d"], name="c", notify=asked),
            "d1/d": product("d1/b", name="d", schedule=None, notify=asked),
            "d1/e": product("d1/d", name="e", notify=asked),
            "d1/later": product({"all_of": [leaf("d1/a", offset=-1)]}, name="later", notify=asked),
            "d1/instead": product(leaf("d1/a", status=["ERROR"]), name="instead", schedule=None, notify=asked),
        },
        LOADED,
    )
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    root = failed(world)
    assert notify(root) == []
    for name in ("b", "c", "e"):
        resolved = world.state.resolve_deadline(uuid(world, f"d1/{name}"), 1, "fail", at("2026-11-20 09:30"))
        assert (resolved.decision, resolved.failed) == ("fail", "d1/a")
        world.state.record_outcome(uuid(world, f"d1/{name}"), 1, "ERROR", "UpstreamFailed", "d1/a", at(NOW), "machine")
        assert notify(fact(world, f"d1/{name}", "ERROR", error="UpstreamFailed", cause="The deadline passed")) == []

    ((_, incident, _),) = service.received
    assert "4: d1/b, d1/c, d1/d, d1/e" in str(incident), (
        "neither the fallback nor what needs yesterday's is kept waiting"
    )
    assert world.sql("SELECT count(*) FROM alert_delivery WHERE state = 'SUPPRESSED'") == [(3,)]


def test_a_failure_without_recipients_is_sent_once_for_a_downstream(day: World, service: Service, ses: Ses) -> None:
    failed(day)  # d1/a itself notifies nobody
    day.sql("UPDATE data_product SET notify = '[]' WHERE product_id = 'd1/a'")
    day.sql("UPDATE data_product_status SET status = 'ERROR', finished_at = now() WHERE product_id = 'd1/b'")
    assert notify(fact(day, "d1/b", "ERROR", error="DeadlineExceeded", cause="The deadline passed")) == []
    (text,) = [body["text"] for path, body, _ in service.received if path.startswith("/chat")]
    assert text == "d1/b failed for 2026-11-20"
    assert "d1/a is ERROR" in str(service.received)


def test_a_failure_in_another_account_is_sent_once_to_each_recipient(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack that runs it sends its alert; in this account only its event is known."""
    asked = [{"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]
    children = {f"d2/p{number}": product("away/x", name=f"p{number}", notify=asked) for number in range(20)}
    world.load({"away/x": external(), **children}, LOADED)
    opened(world)
    monkeypatch.setattr(runtime, "now", lambda: at(NOW))
    world.event("away/x", TODAY, at("2026-11-20 07:00"), status="ERROR")
    for name in children:
        assert notify(fact(world, name, "ERROR", error="UpstreamFailed", cause="away/x failed")) == []
    assert len(service.received) == 1


def test_a_message_that_is_no_alert_isrefused(day: World, service: Service, ses: Ses) -> None:
    assert notify({"kind": "WHAT"}) == ["0"]
    assert alerts.handler({"Records": [{"messageId": "x", "body": "not JSON"}]}, None)["batchItemFailures"] == [
        {"itemIdentifier": "x"}
    ]
