"""The SLA belongs to the business date: it is due by the schedule's opening of that date, whatever happens to its run."""

import json
from datetime import UTC
from typing import Any

import pytest

import runtime
from headgate.cli import formatting, status_rows
from headgate.cli.explain import explained
from headgate.cli.formatting import Clock
from tests.alert_world import Service, Ses, notify
from tests.fake_aws import FakeAws
from tests.state_steps import DAY, LOADED, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, daily, external, product

BY_EIGHT = {"complete_by": "08:00"}
NOTIFY = [{"on": ["LATE"], "level": "product", "slack": ["#a"]}]


def made(depends_on: Any = "raw/a", sla: dict[str, Any] | None = BY_EIGHT, **more: Any) -> dict[str, Any]:
    asked = {"sla": sla} if sla else {}
    return {"raw/a": external(), "d/x": product(depends_on, notify=NOTIFY, name="x", **asked, **more)}


def due(world: World, date: str = TODAY, cycle: str = "", name: str = "d/x") -> str | None:
    found = world.run(name, date, cycle)["due_at"]
    return found and f"{found.astimezone(at(TODAY).tzinfo):%Y-%m-%d %H:%M}"


def late(world: World, now: str) -> int:
    repaired = world.state.repair(at(now))
    assert repaired.failures == []
    return repaired.late


def shown(
    world: World, now: str = f"{TODAY} 12:00", name: str = "d/x", date: Any = DAY
) -> tuple[str, str | None, bool]:
    """Status, due and lateness in `status` and in `why`, which say the same."""
    (row,) = [
        json.loads(each.entry) for each in world.state.status_of_day(date, None, "", 50, at(now)) if name in each.key
    ]
    why = world.state.explain_run(name, date, None, at(now))
    assert [row.get(key) for key in ("status", "due_at", "late")] == [
        why.get(key) for key in ("status", "due_at", "late")
    ]
    return row["status"], row.get("due_at", "")[:16] or None, row.get("late", False)


@pytest.mark.parametrize(
    ("schedule", "sla", "expected"),
    [
        (daily("06:00"), BY_EIGHT, f"{TODAY} 08:00"),
        (daily("06:00"), {"complete_by": "05:00"}, "2026-11-21 05:00"),
        (daily("06:00", timezone="America/Chicago"), BY_EIGHT, f"{TODAY} 14:00"),
        (daily("06:00"), {**BY_EIGHT, "timezone": "Asia/Tokyo"}, f"{TODAY} 23:00"),  # 08:00 in Tokyo had passed
        (daily("06:00"), {**BY_EIGHT, "days": 2}, "2026-11-22 08:00"),
    ],
)
def test_a_run_is_due_by_the_opening_of_its_date(
    world: World, schedule: Any, sla: dict[str, Any], expected: str
) -> None:
    world.load(made(sla=sla, schedule=schedule), LOADED)
    opened(world, f"{TODAY} 20:00")
    assert due(world) == expected


def test_each_cycle_has_its_own_due_time(world: World) -> None:
    world.load(made(schedule=daily("06:00", "14:00")), LOADED)
    opened(world, f"{TODAY} 14:00")
    assert (due(world, cycle="0600"), due(world, cycle="1400")) == (f"{TODAY} 08:00", "2026-11-21 08:00")


def test_the_next_day_is_one_of_the_calendar_when_the_clocks_change(world: World) -> None:
    """23 hours from 22:00 of the day before to 22:00 of 8 March 2026 in Chicago."""
    schedule = daily("22:00", timezone="America/Chicago")
    world.load(made(sla={"complete_by": "21:00"}, schedule=schedule), at("2026-03-01 00:00"))
    opened(world, "2026-03-08 05:00")
    assert due(world, "2026-03-07") == "2026-03-09 02:00"


def test_a_late_opening_changes_nothing(world: World) -> None:
    world.load(made(), LOADED)
    opened(world, f"{TODAY} 10:00")
    assert due(world) == f"{TODAY} 08:00"
    assert (late(world, f"{TODAY} 10:10"), late(world, f"{TODAY} 10:20")) == (1, 0)
    assert shown(world) == ("WAITING", f"{TODAY}T08:00", True)


def test_a_rerun_of_what_was_in_time_is_not_late(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    world.event("raw/a", TODAY, at(f"{TODAY} 06:30"))
    wait(world, "d/x")
    world.state.begin_pipeline(uuid(world, "d/x"), 1, None, at(f"{TODAY} 06:31"))
    complete(world, "d/x", now=f"{TODAY} 07:00")
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at(f"{TODAY} 10:00"))
    assert due(world) == f"{TODAY} 08:00"
    assert late(world, f"{TODAY} 10:10") == 0
    assert shown(world) == ("WAITING", f"{TODAY}T08:00", False)
    world.state.begin_pipeline(uuid(world, "d/x"), 2, None, at(f"{TODAY} 10:31"))
    complete(world, "d/x", attempt=2, now=f"{TODAY} 11:00")
    assert shown(world) == ("COMPLETED", f"{TODAY}T08:00", False)


def test_a_date_is_late_once_whatever_is_tried(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    assert late(world, f"{TODAY} 08:10") == 1
    complete(world, "d/x", status="ERROR", now=f"{TODAY} 08:30")
    for hour, attempt in ((9, 2), (10, 3)):
        world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at(f"{TODAY} {hour:02}:00"))
        assert late(world, f"{TODAY} {hour:02}:10") == 0
        complete(world, "d/x", attempt=attempt, status="ERROR", now=f"{TODAY} {hour:02}:30")
    assert len([each for each in effects(world, "alert") if each["kind"] == "LATE"]) == 1
    assert shown(world) == ("ERROR", f"{TODAY}T08:00", True)


def test_a_run_that_was_skipped_when_it_was_due_is_not_late_afterwards(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    world.state.skip_run("d/x", DAY, "", "ann", at(f"{TODAY} 07:00"))
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at(f"{TODAY} 09:00"))
    assert late(world, f"{TODAY} 09:10") == 0
    assert not shown(world)[2]


def test_a_run_that_is_wanted_again_before_it_is_due_is_late(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    world.state.skip_run("d/x", DAY, "", "ann", at(f"{TODAY} 06:30"))
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", at(f"{TODAY} 07:00"))
    assert late(world, f"{TODAY} 08:10") == 1


def test_a_date_that_the_scheduler_did_not_open_is_late_once(world: World) -> None:
    """The scheduler stands still; the monitor does not. The run has the SLA of the date when it is opened at last, and the same id."""
    world.load(made(), LOADED)
    assert late(world, f"{TODAY} 07:50") == 0
    assert (late(world, f"{TODAY} 08:10"), late(world, f"{TODAY} 08:20")) == (1, 0)
    (alert,) = effects(world, "alert")
    assert (alert["kind"], alert["status"], alert["product"], alert["business_date"]) == (
        "LATE",
        "NOT OPENED",
        "d/x",
        TODAY,
    )
    assert shown(world) == ("NOT OPENED", f"{TODAY}T08:00", True)
    clock = Clock(UTC, TODAY)
    lines = list(explained(world.state.explain_run("d/x", DAY, None, at(f"{TODAY} 08:30")), clock))
    by_hand = "open it with `headgate backfill d/x --date 2026-11-20`"
    assert f"Its run should have been opened at 06:00, and the scheduler has not done so; {by_hand}." in lines
    assert "Due by 08:00 (LATE)." in lines
    rows = [json.loads(each.entry) for each in world.state.status_of_day(DAY, None, "", 50, at(f"{TODAY} 08:30"))]
    assert (
        status_rows.status(rows, clock)[1][-1]
        == "LATE, due by 08:00; not opened at 06:00; `headgate backfill` opens it"
    )
    entries = [json.loads(each.entry) for each in world.state.history_page("d/x", DAY, DAY, "", 50, False)]
    assert [line for _, _, line in formatting.history(entries, clock)] == ["LATE: not opened when its SLA was due"]

    opened(world, f"{TODAY} 09:00")
    assert (late(world, f"{TODAY} 09:10"), str(uuid(world, "d/x"))) == (0, alert["run_id"])
    assert shown(world) == ("WAITING", f"{TODAY}T08:00", True)
    assert late(world, "2026-11-21 08:10") == 1, "the next date has an SLA of its own"


def test_a_product_that_cannot_be_opened_is_late_and_keeps_no_other_from_it(world: World) -> None:
    world.load({**made(), "d/y": product(name="y", sla=BY_EIGHT)}, LOADED)
    world.sql("UPDATE data_product_schedule SET timezone = 'No/Where' WHERE product_id = 'd/y'")
    world.sql("UPDATE data_product SET sla_timezone = 'UTC'")
    world.state.open_due_runs(at(f"{TODAY} 06:00"), "scheduler")
    world.sql("UPDATE data_product_schedule SET opened_until = %s", LOADED)
    world.sql("UPDATE data_product_status SET status = 'CANCELLED', event = 'cancelled'")
    assert late(world, f"{TODAY} 08:10") == 0
    world.sql("DELETE FROM data_product_dependencies_events_status; DELETE FROM data_product_status")
    assert late(world, f"{TODAY} 08:20") == 1


def test_a_product_that_comes_during_the_day_is_not_late_for_what_was_before(world: World) -> None:
    world.load(made(sla=None), LOADED)
    world.load(made(), at(f"{TODAY} 09:00"))
    assert late(world, f"{TODAY} 09:10") == 0
    opened(world, f"{TODAY} 09:20")
    assert late(world, f"{TODAY} 09:30") == 0


def test_a_backfill_of_past_dates_breaks_no_sla(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    found = world.state.backfill("d/x", at("2026-11-10").date(), DAY, False, "ann", at(f"{TODAY} 06:30"))
    assert (found.opened, found.existing) == (10, 1)
    assert (due(world, "2026-11-10"), due(world)) == (None, f"{TODAY} 08:00")
    assert late(world, f"{TODAY} 08:10") == 1


def test_a_backfill_before_it_is_due_keeps_the_sla(world: World) -> None:
    world.load(made(), LOADED)
    world.state.backfill("d/x", DAY, DAY, False, "ann", at(f"{TODAY} 06:30"))
    assert due(world) == f"{TODAY} 08:00"


def test_what_was_late_stays_late_when_it_is_opened_by_hand(world: World) -> None:
    world.load(made(), LOADED)
    assert late(world, f"{TODAY} 08:10") == 1
    world.state.backfill("d/x", DAY, DAY, False, "ann", at(f"{TODAY} 09:00"))
    assert (shown(world), late(world, f"{TODAY} 09:10")) == (("WAITING", f"{TODAY}T08:00", True), 0)


BY_NINE = {"complete_by": "09:00", "timezone": "Europe/Berlin"}  # 08:00 in UTC


def test_a_product_without_a_schedule_is_due_on_its_date(world: World) -> None:
    world.load(made(sla=BY_NINE, schedule=None), at("2026-11-01 00:00"))
    world.event("raw/a", TODAY, at(f"{TODAY} 06:30"))
    world.event("raw/a", "2026-11-18", at(f"{TODAY} 06:40"))  # as when history is made again: nobody waits for it
    assert (due(world), due(world, "2026-11-18")) == (f"{TODAY} 08:00", None)
    assert [late(world, f"{TODAY} {now}") for now in ("07:50", "08:10", "08:20")] == [0, 1, 0]


def test_a_late_first_refresh_is_late(world: World) -> None:
    world.load(made(["raw/a", "raw/b"], sla=BY_NINE, schedule=None) | {"raw/b": external()}, LOADED)
    world.event("raw/a", TODAY, at(f"{TODAY} 08:30"))
    assert late(world, f"{TODAY} 08:40") == 1


def test_a_product_is_due_some_time_after_its_first_input(world: World) -> None:
    both = made(["raw/a", "raw/b"], sla={"after": 5400}, schedule=None) | {"raw/b": external()}
    world.load(both, LOADED)
    world.event("raw/a", TODAY, at(f"{TODAY} 06:30"))
    world.event("raw/b", TODAY, at(f"{TODAY} 07:30"))
    assert due(world) == f"{TODAY} 08:00"
    world.state.backfill("d/x", at("2026-11-10").date(), at("2026-11-10").date(), False, "ann", at(f"{TODAY} 08:00"))
    assert due(world, "2026-11-10") is None


def chain(**more: Any) -> dict[str, Any]:
    """raw/a opens on weekdays at 06:00 in another account; it opens d/y, which opens d/x of the day after."""
    weekdays = daily("06:00")
    weekdays["fires"] = {**weekdays["fires"], "month_days": [], "week_days": [2, 3, 4, 5, 6]}
    following = {"all_of": [{"product": "d/y", "status": ["COMPLETED"], "offset": -1, "cycle": "last"}]}
    return {
        "raw/a": {**external(), "schedule": weekdays},
        "d/y": product("raw/a", schedule=None, name="y"),
        "d/x": product(following, schedule=None, name="x", notify=NOTIFY, sla={**BY_NINE, **more}),
    }


def test_a_product_without_a_schedule_that_nothing_opened_is_late(world: World) -> None:
    """What it is opened by has a schedule, so it is known that it is expected: from Tuesday to Saturday."""
    world.load(chain(), at("2026-11-16 00:00"))
    expected = [late(world, f"2026-11-{day} 08:10") for day in range(16, 23)]
    assert expected == [0, 1, 1, 1, 1, 1, 0]
    assert late(world, "2026-11-22 08:20") == 0


def test_what_would_have_opened_before_the_application_came_makes_nobody_late(world: World) -> None:
    """raw/a would have opened d/y at six, and nobody was there to open anything: the first date of which it is expected is the next one. What was opened nevertheless is expected."""
    world.load(chain(), at("2026-11-17 07:00"))
    assert [late(world, f"2026-11-{day} 08:10") for day in (17, 18, 19)] == [0, 0, 1]
    with_run = {**made(), "d/z": product("d/x", schedule=None, name="z", sla=BY_NINE, notify=NOTIFY)}
    world.load(with_run, at("2026-11-20 07:00"))
    world.state.backfill("d/x", DAY, DAY, False, "ann", at("2026-11-20 07:10"))
    assert late(world, "2026-11-20 08:10") == 2, "d/x was opened by hand, and d/z waits for it"


def test_a_schedule_that_changes_leaves_expected_what_it_has_opened(world: World) -> None:
    after = {"d/z": product("d/x", schedule=None, name="z", sla=BY_NINE, notify=NOTIFY)}
    world.load({**made(sla=None), **after}, LOADED)
    opened(world)
    world.load({**made(sla=None, schedule=daily("05:30")), **after}, at(f"{TODAY} 07:00"))
    assert late(world, f"{TODAY} 08:10") == 1


def test_an_sla_of_the_next_day_is_looked_for_on_the_next_day(world: World) -> None:
    world.load(chain(days=1), at("2026-11-16 00:00"))
    assert [late(world, f"2026-11-{day} 08:10") for day in (17, 18, 19)] == [0, 1, 1]
    dates = world.sql("SELECT business_date::text, due_at = %s FROM unmade_opening ORDER BY 1", at("2026-11-18 08:00"))
    assert dates == [("2026-11-17", True), ("2026-11-18", False)]


def test_an_sla_that_is_added_concerns_what_is_open(world: World) -> None:
    """A run that ended, in whatever way, was promised to nobody."""
    world.load(made(sla=None), at("2026-11-18 00:00"))
    for day in (18, 19, 20):
        opened(world, f"2026-11-{day} 06:00")
    complete(world, "d/x", status="ERROR", now=f"{TODAY} 07:00")
    world.state.skip_run("d/x", at("2026-11-18").date(), "", "ann", at(f"{TODAY} 07:00"))
    world.load(made(), at(f"{TODAY} 07:30"))
    assert (due(world), due(world, "2026-11-18"), due(world, "2026-11-19")) == (None, None, "2026-11-19 08:00")
    assert late(world, f"{TODAY} 08:10") == 1
    assert world.run("d/x", "2026-11-19")["event"] == "late"


def test_an_sla_that_changes_moves_open_runs_and_can_go(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    world.load(made(sla={"complete_by": "10:00"}), at(f"{TODAY} 07:30"))
    assert (due(world), late(world, f"{TODAY} 08:10")) == (f"{TODAY} 10:00", 0)
    entries = [each.entry for each in world.state.history_page("d/x", DAY, DAY, "", 50, False)]
    assert [each for each in entries if '"SLA changed"' in each]
    world.load(made(sla=None), at(f"{TODAY} 09:00"))
    assert (due(world), late(world, f"{TODAY} 10:10")) == (None, 0)


def test_a_schedule_that_changes_leaves_open_runs_their_sla(world: World) -> None:
    world.load(made(), LOADED)
    opened(world)
    world.load(made(schedule=daily("09:00")), at(f"{TODAY} 07:30"))
    assert due(world) == f"{TODAY} 08:00"
    opened(world, "2026-11-21 09:00")
    assert due(world, "2026-11-21") == "2026-11-22 08:00"


def test_an_unknown_time_zone_of_an_sla_is_refused(world: World) -> None:
    loaded = world.load(made(sla={**BY_EIGHT, "timezone": "No/Where"}), LOADED)
    assert loaded["refused"] == [{"product": "d/x", "reason": 'the database does not know the time zone "No/Where"'}]


def test_everybody_hears_once_that_the_scheduler_stands_still(
    world: World, aws: FakeAws, service: Service, ses: Ses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message says what was not opened and how to open it, one page covers all, and the last recovery ends in the same thread and incident."""
    asked = [{"on": ["LATE", "COMPLETED"], "level": "product", "slack": ["#late"], "opsgenie": ["oncall"]}]
    names = [f"d/p{number}" for number in range(3)]
    world.load({each: product(name=each[2:], sla=BY_EIGHT, notify=asked) for each in names}, LOADED)
    assert late(world, f"{TODAY} 08:10") == 3
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 08:11"))
    alerts = effects(world, "alert")
    assert notify(*alerts) == []
    assert service.paths().count("/v2/alerts") == 1
    sent = [str(body) for path, body, _ in service.received if path == "/chat.postMessage"]
    assert len(sent) == 1
    assert (
        "the scheduler has not made the opening of 2026-11-20 06:00 UTC; by hand: headgate backfill d/p0 --date 2026-11-20"
        in sent[0]
    )

    opened(world, f"{TODAY} 09:00")
    for name, alert in zip(names, alerts, strict=True):
        world.state.begin_pipeline(uuid(world, name), 1, None, at(f"{TODAY} 09:01"))
        complete(world, name, now=f"{TODAY} 09:30")
        service.received.clear()
        done = {key: value for key, value in alert.items() if key != "status"} | {"kind": "COMPLETED"}
        assert notify(done) == []
        assert any("/close" in path for path in service.paths()) == (name == "d/p2")
    (recovery,) = [body for path, body, _ in service.received if path == "/chat.postMessage"]
    assert recovery["thread_ts"]
