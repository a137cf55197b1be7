"""When alerts are kept back, sent again, and to whom metadata lets them go: mutes, windows, reminders, inherited receivers; and what became of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import alert_test
import alerts
import inquire
from headgate.cli import application, operate
from headgate.generator.model import build
from headgate.generator.plan import catalog
from state.catalog import restrict_to_account
from state.errors import BadEvent, UnknownProduct
from tests.alert_night import Night
from tests.alert_world import Service, fact, failed
from tests.conftest import Headgate
from tests.handler_steps import invoke
from tests.state_steps import DAY, LOADED, TODAY, opened, uuid
from tests.state_world import at, external, product

OPS = [
    {
        "on": ["ERROR", "LATE", "COMPLETED"],
        "level": "product",
        "slack": ["#ops"],
        "webhook": ["https://example.com/hook?token=s3cret"],
    }
]


def loaded(night: Night, **more: Any) -> dict[str, Any]:
    """The failure of d1/a, whose metadata has these keys as well."""
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", **{"notify": OPS, **more})}, LOADED)
    opened(night.world)
    return failed(night.world)


def completes(night: Night) -> None:
    night.world.state.rerun("d1/a", DAY, "", False, "rerun", "bob", night.now)
    night.world.sql("UPDATE data_product_status SET status = 'PROCESSING'")
    night.world.state.record_outcome(uuid(night.world, "d1/a"), 2, "COMPLETED", None, None, night.now, "machine")


@pytest.mark.parametrize("recovers", [True, False])
@pytest.mark.parametrize("what", ["d1/a", "d1"])
def test_a_mute_keeps_back_what_is_told_if_it_is_still_true(night: Night, what: str, recovers: bool) -> None:
    root = loaded(night)
    which = {"product" if "/" in what else "domain": what}
    muted = invoke(
        "operate",
        {"action": "mute", **which, "muted_until": "2026-11-20T10:00:00+00:00", "reason": "we move", "actor": "ann"},
    )
    assert muted["muted"] == what
    night.process(root)
    assert (night.receivers.sent, night.waiting) == ([], [])
    listed = invoke("inquire", {"question": "alerts", "business_date": TODAY})
    assert listed["muted"] == [{"muted": what, "until": "2026-11-20T10:00:00+00:00", "reason": "we move", "by": "ann"}]
    assert {(each["state"], each["outcome"], each["kept_until"][:16]) for each in listed["alerts"]} == {
        ("DUE", "muted by ann: we move", "2026-11-20T10:00")
    }
    if recovers:
        completes(night)
    night.passes(hours=1, minutes=1)
    assert night.receivers.actions("#ops") == (["inform"] if recovers else ["open"])


def test_alerts_of_a_product_over_many_dates_say_what_keeps_them_back(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(**about: Any) -> list[tuple[str, str, Any]]:
        found = invoke("inquire", {"question": "alerts", "business_date": "2026-11-18", "until": TODAY, **about})[
            "alerts"
        ]
        return [(each["business_date"], each["product"], each.get("suppressed_by")) for each in found]

    root = loaded(night)
    invoke("operate", {"action": "mute", "domain": "d1", "muted_until": "2026-11-20T10:00:00Z", "actor": "ann"})
    night.process(root)
    night.world.sql(
        "INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, notified_at) SELECT name || day, gen_random_uuid(), name, 1, 'ERROR',"
        " jsonb_build_object('business_date', day), now() FROM unnest(ARRAY['d1/a', 'raw/in']) name, unnest(ARRAY['2026-11-19', '2026-11-18', '2026-11-17']) day"
    )
    night.world.sql(
        "INSERT INTO alert_delivery (alert_key, channel, target, state, outcome, changed_at) SELECT alert_key, 'slack', '#b', 'SUPPRESSED',"
        " CASE right(alert_key, 2) WHEN '18' THEN 'maintenance: move' ELSE 'told already' END, now() FROM alert WHERE alert_key LIKE '%%2026-11-1_'"
    )
    of_a = [(TODAY, "d1/a", "mute"), ("2026-11-19", "d1/a", "conversation"), ("2026-11-18", "d1/a", "maintenance")]
    assert asked(product="d1/a") == of_a
    assert asked(domain="d1") == of_a
    assert asked(domain="raw") == [("2026-11-19", "raw/in", "conversation"), ("2026-11-18", "raw/in", "maintenance")]
    everything = asked()
    assert [each[:2] for each in everything] == [
        (TODAY, "d1/a"), ("2026-11-19", "d1/a"), ("2026-11-19", "raw/in"), ("2026-11-18", "d1/a"), ("2026-11-18", "raw/in"),
    ]  # fmt: skip
    monkeypatch.setattr(inquire, "PAGE", 2)
    assert asked() == everything


def test_the_end_of_a_mute_sends_what_it_kept_back(night: Night) -> None:
    root = loaded(night)
    mute = {"action": "mute", "product": "d1/a", "actor": "ann"}
    invoke("operate", {**mute, "muted_until": "2026-11-21T09:00:00Z"})
    night.process(root)
    invoke("operate", {**mute, "muted_until": "2026-11-20T09:00:00Z"})
    night.process()
    assert night.receivers.actions("#ops") == ["open"]


@pytest.mark.parametrize(
    ("window", "until"),
    [
        ({"from": "08:00", "until": "09:30", "timezone": "UTC"}, "09:30"),
        ({"from": "22:00", "until": "11:00", "timezone": "UTC", "days": [4]}, "11:00"),  # began on Thursday
        ({"from": "02:00", "until": "04:00", "timezone": "America/Chicago"}, "10:00"),
        ({"from": "2026-11-20 03:00", "until": "2026-11-20 03:30", "timezone": "America/Chicago", "reason": "new disks"}, "09:30"),
        ({"from": "08:00", "until": "10:00", "timezone": "UTC", "days": [6, 7]}, None),
        ({"from": "09:01", "until": "10:00", "timezone": "UTC"}, None),
    ],
)  # fmt: skip
def test_maintenance_windows(night: Night, window: dict[str, Any], until: str | None) -> None:
    night.process(loaded(night, alerts={"maintenance": [window]}))
    assert night.receivers.actions("#ops") == ([] if until else ["open"])
    if until:
        night.now = at(f"2026-11-20 {until}")
        night.process()
        assert night.receivers.actions("#ops") == ["open"]


def test_quiet_hours_are_for_severities(night: Night) -> None:
    quiet = [{"from": "08:00", "until": "10:00", "timezone": "UTC", "severities": [3, 4]}]
    notify = [{**OPS[0], "severities": {"ERROR": 3}}, {"on": ["ERROR"], "level": "product", "opsgenie": ["oncall"]}]
    night.process(loaded(night, notify=notify, alerts={"quiet": quiet}))
    assert [(each.target, each.delivery["severity"]) for each in night.receivers.sent] == [("oncall", 2)]
    night.passes(hours=1)
    assert night.receivers.last("#ops").delivery["severity"] == 3


def test_what_is_not_resolved_is_sent_again_and_escalated(night: Night) -> None:
    night.process(loaded(night, alerts={"remind": {"after": 3600, "most": 2, "escalate": {"opsgenie": ["lead"]}}}))
    assert night.receivers.actions("#ops") == ["open"]
    for _ in range(5):
        night.passes(hours=1, minutes=1)
    assert night.receivers.actions("#ops") == ["open", "reopen", "reopen"]
    assert [each.alert.get("reminder", {}).get("count") for each in night.receivers.sent if each.target == "#ops"] == [
        None,
        1,
        2,
    ]
    assert night.receivers.actions("lead")[0] == "open"
    completes(night)
    night.process()
    assert {night.receivers.last(target).action for target in ("#ops", "lead")} == {"resolve"}


def test_what_became_of_each_alert(night: Night) -> None:
    root = loaded(night, sla={"complete_by": "08:00"})
    night.process(root)
    night.process(fact(night.world, "d1/a", "LATE", status="ERROR"))
    listed = invoke("inquire", {"question": "alerts", "business_date": TODAY})
    assert {(each["kind"], each["target"], each["state"], each["action"]) for each in listed["alerts"]} >= {
        ("ERROR", "#ops", "SENT", "open"), ("LATE", "#ops", "SENT", "inform"),
    }  # fmt: skip
    assert "s3cret" not in str(listed)


def test_receivers_and_severities_are_inherited() -> None:
    """By `defaults` of the domain, as any key of a product."""
    alerts = {
        "receivers": {"email": ["office@example.com"]}, "owners": {"ann": {"slack": ["#ann"]}}, "severity": {"ERROR": 1},
        "fallback": {"email": ["office@example.com"]}, "quiet": [{"from": "22:00", "until": "07:00", "days": ["SAT"]}],
        "remind": {"after": "90m"},
    }  # fmt: skip
    notify = [{"on": ["ERROR", "LATE"], "to": "owner"}, {"on": ["ERROR"], "severity": 3, "slack": ["#own"]}]

    def entry(owner: str) -> dict[str, Any]:
        return catalog.entry(
            build.product("d1", "a", {"description": "a", "owner": owner, "notify": notify, "alerts": alerts})
        )

    assert entry("ann")["notify"] == [
        {"on": ["ERROR", "LATE"], "level": "product", "slack": ["#ann"], "severities": {"ERROR": 1}},
        {"on": ["ERROR"], "level": "product", "slack": ["#own"], "severities": {"ERROR": 3}},
    ]
    assert entry("bob")["notify"][0]["email"] == ["office@example.com"]
    assert entry("bob")["alerts"] == {
        "fallback": {"email": ["office@example.com"]},
        "quiet": [{"from": "22:00", "until": "07:00", "days": [6], "timezone": "UTC", "severities": [3, 4]}],
        "remind": {"after": 5400, "most": 3},
    }


MESH = """
--- d1/domain.yaml
owner: ann
--- d1/a.yaml
description: a
notify: [{on: [ERROR], to: owner}]
alerts:
  maintenance:
    - {from: "2026-11-28 22:00", until: "06:00"}
    - {from: "2026-11-28 22:00", until: "2026-11-28 20:00"}
    - {from: "22:00", until: "06:00", timezone: No/Where}
"""


def test_windows_that_cannot_be_are_found(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(MESH)
    code, output = headgate("validate")
    assert code == 1
    assert output.count("HG504") >= 2
    assert "HG301" in output
    assert "HG505" in output


def test_who_waits_in_other_accounts_and_which_is_due_first(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog of an account knows the promises of the others; the rerun line names the stack."""
    monkeypatch.setenv("STACK_NAME", "headgate-d1")
    monkeypatch.setenv("AWS_REGION", "us-gov-west-1")
    monkeypatch.setenv("ACCOUNT_ID", "111111111111")
    far = {
        "d3/x": product("d1/a", name="x", sla={"complete_by": "09:00", "timezone": "America/Chicago"}),
        "d3/y": product("d3/x", name="y", schedule="23:00", sla={"complete_by": "05:00"}),
    }
    mesh = {
        "domains": {"d1": {"account": "111111111111"}, "d3": {"account": "333333333333", "region": "us-east-1"}},
        "products": {"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS), **far},
    }
    here = restrict_to_account(mesh, "111111111111", "us-gov-west-1")["products"]
    for each in here.values():
        each.pop("depends_on", None) if "machine" not in each else None
    night.world.load(here, LOADED)
    opened(night.world)
    root = failed(night.world)
    night.process(
        {
            **root,
            "execution_arn": root["execution_arn"]
            .replace("arn:aws:", "arn:aws-us-gov:")
            .replace("eu-west-1", "us-gov-west-1"),
        }
    )
    sent = night.receivers.last("#ops")
    assert sent.alert["elsewhere"] == {
        "count": 2, "first_due": "2026-11-20T15:00:00Z|d3/x",
        "products": [{"product": each, "runs_in": "account 333333333333 (us-east-1)"} for each in ("d3/x", "d3/y")],
    }  # fmt: skip
    text = sent.message.text()
    assert "In other accounts: 2: d3/x in account 333333333333 (us-east-1), d3/y" in text
    assert "First of them due: d3/x, by 2026-11-20 15:00 UTC" in text
    assert (
        "headgate rerun d1/a --date 2026-11-20 --stack headgate-d1 --region us-gov-west-1  # account 111111111111"
        in text
    )
    assert "https://console.amazonaws-us-gov.com/states/home?region=us-gov-west-1" in text


def test_a_recipient_is_tested(night: Night, monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    monkeypatch.setattr(
        alert_test,
        "check",
        lambda channel, target, secrets: ["the token has no scope chat:write"] if target == "#no" else [],
    )
    monkeypatch.setattr(alert_test, "channels", lambda: dict.fromkeys(("slack", "email", "opsgenie"), night.receivers))
    monkeypatch.setattr(alert_test, "shown", lambda channel, target: target)

    def ask(channel: str, target: str) -> dict[str, Any]:
        return alerts.handler({"channel": channel, "target": target, "actor": "ann"}, None)

    assert ask("slack", "#yes") == {"channel": "slack", "target": "#yes", "delivered": True, "wrong": []}
    assert ask("slack", "#no")["wrong"] == ["the token has no scope chat:write"]
    monkeypatch.setattr(night.receivers, "PAGES", True)
    assert ask("opsgenie", "oncall")["delivered"]
    assert [(each.target, each.action) for each in night.receivers.sent] == [
        ("#yes", "inform"),
        ("oncall", "open"),
        ("oncall", "resolve"),
    ]
    with pytest.raises(BadEvent, match="no channel is called pigeon; there are slack, email, opsgenie"):
        ask("pigeon", "x")
    alerts.handler({"channel": "slack", "target": "#yes", "actor": "ann", "kind": "AT_RISK"}, None)
    said = night.receivers.sent[-1].message.text()
    assert "A test: headgate/test is at risk of missing its SLA" in said
    assert "headgate/input comes 40 minutes later than usual" in said
    assert "Asked for by: ann" in said


def test_the_commands(night: Night, headgate: Headgate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        application,
        "application",
        lambda arguments: application.Application(
            "here", {"OperateFunctionName": "operate", "InquireFunctionName": "inquire"}, {}
        ),
    )
    monkeypatch.setattr(
        application.Application,
        "call",
        lambda self, output, event: invoke(
            {"OperateFunctionName": "operate", "InquireFunctionName": "inquire"}[output], event
        ),
    )
    monkeypatch.setattr(operate, "application", application.application)
    night.process(loaded(night))
    code, output = headgate("alerts", "--date", TODAY)
    assert code == 0
    assert "1 sent" in output
    assert "slack #ops" in output
    code, output = headgate("mute", "d1/a", "--until", "4h", "--reason", "we move")
    assert code == 0
    assert "No alerts about d1/a are sent until" in output
    assert "expected a duration such as 4h" in headgate("mute", "d1/a", "--until", "yesterday")[1]
    with pytest.raises(UnknownProduct, match="no product or domain is called d1/nothing"):
        headgate("mute", "d1/nothing", "--until", "4h")
