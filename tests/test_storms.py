"""One message to each recipient about one cause, whatever follows from it: storms, nights of flapping, recipients that cannot be reached."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from alerting.delivery import MaybeDelivered, NotDelivered, Refused
from tests.alert_night import PROPERTIES, Night
from tests.alert_world import fact, failed
from tests.state_steps import DAY, LOADED, TODAY, complete, opened, uuid, wait
from tests.state_world import SOAK, at, external, product

MANY = 500 if SOAK > 1 else 12
EVERYONE = {"slack": ["#ops"], "email": ["ops@example.com"], "opsgenie": ["oncall"]}
OPS = [{"on": ["ERROR", "LATE"], "level": "product", **EVERYONE}]
TEAM = [*OPS, {"on": ["ERROR", "LATE"], "level": "product", "slack": ["#team"]}]


def children(upstream: Callable[[int], str], notify: Any = OPS, **more: Any) -> dict[str, Any]:
    due = {"complete_by": "08:00"}
    made = {f"d2/p{n:03}": product(upstream(n), name=f"p{n:03}", sla=due, notify=notify, **more) for n in range(MANY)}
    made["d2/p000"]["notify"] = TEAM
    return made


def upstream_failed(night: Night) -> list[str]:
    """The failure, and then the deadline of everything that waits for it."""
    night.world.load(
        {"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS), **children(lambda n: "d1/a")}, LOADED
    )
    opened(night.world)
    night.process(failed(night.world))
    for name in children(lambda n: "d1/a"):
        night.world.state.record_outcome(
            uuid(night.world, name), 1, "ERROR", "UpstreamFailed", "d1/a failed", night.now, "machine"
        )
        night.process(fact(night.world, name, "ERROR", error="UpstreamFailed", cause="d1/a failed"))
    return ["d1/a", *children(lambda n: "d1/a")]


def file_never_came(night: Night) -> list[str]:
    night.world.load({"raw/in": external(), **children(lambda n: "raw/in")}, LOADED)
    opened(night.world)
    night.world.state.repair(night.now)
    return [*children(lambda n: "raw/in")]


def late_source(night: Night) -> list[str]:
    """The source runs and runs."""
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a"), **children(lambda n: "d1/a")}, LOADED)
    opened(night.world)
    night.world.event("raw/in", TODAY, at("2026-11-20 06:10"))
    wait(night.world, "d1/a", now="2026-11-20 06:11")
    night.world.state.begin_pipeline(uuid(night.world, "d1/a"), 1, None, at("2026-11-20 06:12"))
    night.world.state.repair(night.now)
    return [*children(lambda n: "d1/a")]


def account_is_silent(night: Night) -> list[str]:
    away = {f"away/x{n:03}": {**external(), "account": "999999999999"} for n in range(MANY)}
    night.world.load({**away, **children(lambda n: f"away/x{n:03}")}, LOADED)
    opened(night.world)
    night.world.state.repair(night.now)
    return [*children(lambda n: f"away/x{n:03}")]


def scheduler_is_away(night: Night) -> list[str]:
    night.world.load({"raw/in": external(), **children(lambda n: "raw/in")}, LOADED)
    night.world.state.repair(night.now)
    return [*children(lambda n: "raw/in")]


STORMS: dict[Callable[[Night], list[str]], str] = {
    upstream_failed: "d1/a 2026-11-20",
    file_never_came: "raw/in 2026-11-20",
    late_source: "d1/a 2026-11-20",
    account_is_silent: "account 999999999999 2026-11-20",
    scheduler_is_away: "the scheduler 2026-11-20",
}


@pytest.mark.parametrize("storm", STORMS, ids=lambda each: each.__name__)
def test_a_storm_is_one_message_to_each_recipient(night: Night, storm: Callable[[Night], list[str]]) -> None:
    """It is updated once with the count, and turns green when everything has recovered."""
    names = storm(night)
    night.process()
    night.passes(minutes=1)
    night.passes(minutes=1)

    receivers = night.receivers
    assert night.waiting == []
    assert {each.delivery["conversation"]["key"] for each in receivers.sent} == {STORMS[storm]}
    assert receivers.actions("#ops") == ["open", "update"]
    assert receivers.actions("oncall") == ["open", "update"]
    assert receivers.actions("ops@example.com") == ["open"]
    assert receivers.actions("#team") == ["open"]
    assert "d2/p000" in receivers.last("#team").title
    mail = receivers.last("ops@example.com").alert
    digest = mail["waiting" if storm is upstream_failed else "covers"]
    assert digest["count"] == len(names) - 1, "what cannot be edited says everything at once"
    covers = receivers.last("#ops").alert["covers"]
    assert (covers["count"], len(covers["products"])) == (len(names) - 1, min(10, len(names) - 1))
    if storm is not scheduler_is_away:
        assert covers["first_due"].startswith("2026-11-20T08:00:00Z|d2/p00")

    if storm is scheduler_is_away:
        opened(night.world, "2026-11-20 09:30")
    night.world.sql("UPDATE data_product_status SET status = 'PROCESSING' WHERE product_id LIKE 'd%%'")
    for name in names:
        complete(night.world, name, now="2026-11-20 10:00")
    night.now = at("2026-11-20 10:00")
    night.process()
    night.passes(minutes=1)
    for target in ("#ops", "oncall", "ops@example.com", "#team"):
        assert receivers.actions(target).count("resolve") == 1, target
        assert receivers.last(target).alert["kind"] == "COMPLETED"
    root = STORMS[storm].removesuffix(f" {TODAY}")
    assert (
        receivers.last("#ops").title
        == receivers.last("ops@example.com").title
        == f"{root} for {TODAY}: everything has recovered"
    )
    assert receivers.last("#team").title == f"d2/p000 is complete for {TODAY}"
    assert Counter(night.world.sql("SELECT state FROM alert_conversation")) == {("RESOLVED",): 4}


def test_a_night_of_flapping_has_one_page_open_at_a_time(night: Night) -> None:
    """It fails, is run again, fails, ten times; then it completes, and fails once more."""
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS)}, LOADED)
    opened(night.world)
    night.process(failed(night.world))
    for attempt in range(2, 11):
        night.now += timedelta(minutes=10)
        night.world.state.rerun("d1/a", DAY, "", False, "rerun", "bob", night.now)
        night.world.state.record_outcome(
            uuid(night.world, "d1/a"), attempt, "ERROR", "JobFailed", "again", night.now, "machine"
        )
        night.process(fact(night.world, "d1/a", "ERROR", error="JobFailed", cause="again"))
    for attempt, status in ((11, "COMPLETED"), (12, "ERROR"), (13, "COMPLETED")):
        night.now += timedelta(minutes=10)
        night.world.state.rerun("d1/a", DAY, "", False, "rerun", "bob", night.now)
        if status == "COMPLETED":
            night.world.sql("UPDATE data_product_status SET status = 'PROCESSING'")
            complete(night.world, "d1/a", attempt, now=f"{night.now:%Y-%m-%d %H:%M}")
            night.process()
        else:
            night.world.state.record_outcome(
                uuid(night.world, "d1/a"), attempt, "ERROR", "JobFailed", "again", night.now, "machine"
            )
            night.process(fact(night.world, "d1/a", "ERROR", error="JobFailed", cause="again"))

    for target in ("oncall", "#ops", "ops@example.com"):
        assert night.receivers.actions(target) == ["open", *["reopen"] * 9, "resolve", "reopen", "resolve"]
    pages = [each for each in night.receivers.sent if each.target == "oncall"]
    assert [each.alert["attempt"] for each in pages] == list(range(1, 14))
    assert (
        len({(each.delivery["conversation"]["key"], each.delivery["conversation"]["first"]) for each in pages[1:]}) == 1
    )


def test_what_was_not_sent_suppresses_nothing(night: Night) -> None:
    """The page about the cause does not reach anybody: recipients of what waits for it receive it by the next."""
    night.world.load(
        {"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS), **children(lambda n: "d1/a")}, LOADED
    )
    opened(night.world)
    night.receivers.trouble = {target: NotDelivered("no") for target in ("oncall", "#ops")}
    root = failed(night.world)
    night.process(root)
    assert night.waiting == [root]
    night.waiting = []
    night.receivers.trouble = {}
    night.process(fact(night.world, "d2/p001", "ERROR", error="UpstreamFailed", cause="d1/a failed"))
    assert night.receivers.actions("oncall") == ["open"]
    assert night.receivers.last("#ops").title == "d2/p001 failed for 2026-11-20"
    assert night.receivers.last("#ops").alert["root_causes"][0]["product"] == "d1/a"
    night.process(root)
    assert night.receivers.actions("#ops") == ["open", "reopen"], "the failure of the cause itself is sent in any case"


def test_one_page_a_cause_and_a_message_to_each_team(night: Night) -> None:
    other = [{"on": ["ERROR"], "level": "product", "opsgenie": ["other-team"], "slack": ["#other"]}]
    night.world.load(
        {"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS), **children(lambda n: "d1/a", other)},
        LOADED,
    )
    opened(night.world)
    night.process(failed(night.world))
    for name in ("d2/p001", "d2/p002"):
        night.process(fact(night.world, name, "ERROR", error="UpstreamFailed", cause="d1/a failed"))
    assert night.receivers.actions("other-team") == []
    assert night.receivers.actions("#other") == ["open"]
    assert ("opsgenie", "SUPPRESSED", "notified already, because of d1/a") in night.world.sql(
        "SELECT channel, state, outcome FROM alert_delivery"
    )


def test_an_unreachable_recipient_is_reported_to_the_owners_fallback(night: Night) -> None:
    night.world.load(
        {
            "raw/in": external(),
            "d1/a": product("raw/in", name="a", notify=TEAM, alerts={"fallback": {"email": ["office@example.com"]}}),
        },
        LOADED,
    )
    opened(night.world)
    night.receivers.trouble = {"#team": Refused("Slack: channel_not_found")}
    root = failed(night.world)
    night.process(root)
    sent = night.receivers.last("office@example.com")
    assert sent.alert["unreachable"] == {"channel": "slack", "target": "#team", "reason": "Slack: channel_not_found"}
    assert night.waiting == [root], "it is tried again, in case the channel is repaired"
    night.process()
    assert night.receivers.actions("office@example.com") == ["open"]
    night.receivers.trouble = {}
    night.process()
    assert night.receivers.actions("#team") == ["open"]
    assert night.waiting == []


def test_an_email_in_doubt_lands_in_the_dead_letters(night: Night) -> None:
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS)}, LOADED)
    opened(night.world)
    night.receivers.trouble = {"ops@example.com": MaybeDelivered("SES: timed out")}
    night.process(failed(night.world))
    assert len(night.waiting) == 1
    night.process()
    assert night.waiting == []
    ((body, reason),) = night.dead.items()
    assert json.loads(body)["kind"] == "ERROR"
    assert reason.startswith("it is not known whether this was delivered: email ops@example.com")
    assert night.receivers.actions("ops@example.com") == []


def test_a_step_opens_for_its_run_and_closes_nothing(night: Night) -> None:
    steps = [{"on": ["ERROR", "COMPLETED"], "level": "step", **EVERYONE}]
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=steps)}, LOADED)
    opened(night.world)
    root = failed(night.world)
    night.process({**root, "level": "step", "step": "build"})
    night.process(root)
    night.process(fact(night.world, "d1/a", "COMPLETED", level="step", step="other"))
    assert night.receivers.actions("oncall") == ["open", "update"]
    assert night.receivers.actions("#ops") == ["open", "update", "inform"]
    assert night.world.sql("SELECT DISTINCT state FROM alert_conversation") == [("OPEN",)]


def test_what_informs_pages_nobody_and_two_at_once_make_one_thread(night: Night) -> None:
    everything = [{"on": ["STARTED", "ERROR", "COMPLETED", "LATE"], "level": "product", **EVERYONE}]
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=everything)}, LOADED)
    opened(night.world)
    root = failed(night.world)
    night.process(fact(night.world, "d1/a", "STARTED"))
    assert [each.target for each in night.receivers.sent] == ["ops@example.com", "#ops"]
    late = fact(night.world, "d1/a", "LATE", status="PROCESSING")
    sending = night.world.state.take_alert(late, PROPERTIES, night.now)  # another sender has it
    night.process(root)
    assert night.waiting == [root], "it waits for what the other sender makes of it"
    for each in sending.deliveries:
        assert night.world.state.begin_delivery(sending.key, each["channel"], each["target"], False, night.now)
        sent = {
            "alert_key": sending.key,
            "channel": each["channel"],
            "target": each["target"],
            "state": "SENT",
            "message_id": "by the other",
        }
        night.world.state.finish_deliveries([sent], night.now)
    night.passes(seconds=5)
    assert night.receivers.actions("oncall") == ["reopen"]
    assert night.receivers.last("oncall").delivery["conversation"] == {
        "key": "d1/a 2026-11-20",
        "first": "by the other",
        "state": "OPEN",
    }
    assert night.receivers.last("#ops").delivery["conversation"]["first"] == "#ops 2"


def test_an_alert_speaks_of_its_own_attempt(night: Night) -> None:
    """The second attempt runs by now."""
    night.world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", notify=OPS)}, LOADED)
    opened(night.world)
    root = failed(night.world)
    night.world.state.rerun("d1/a", DAY, "", False, "rerun", "bob", at("2026-11-20 08:00"))
    night.process({key: value for key, value in root.items() if key != "execution_arn"})
    said = night.receivers.last("#ops").alert
    assert (said["attempt"], said["since"][:16], said["job"]["job_run_id"]) == (1, "2026-11-20T06:41", "jr d1/a 1")
    assert "execution_arn" not in said
