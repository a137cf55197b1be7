"""Shadow: Headgate decides beside another scheduler, launches nothing, and takes what that really did for the refreshes of its products."""

import json
from typing import Any

import pytest

import custom_resource
import dead_letters
import existing_runs
import monitor
import runtime
from state.errors import IllegalTransition
from tests.fake_aws import FakeAws
from tests.fake_queues import FakeQueues
from tests.handler_steps import TODAY, invoke, queue, refreshed
from tests.shadow_steps import enter, executed, mesh, ran, report, watched
from tests.state_steps import effects, opened, uuid
from tests.state_world import PREFIX, World, at, external, product, step


class Clock:
    """What the handlers read as the time."""

    now = at(f"{TODAY} 00:00")

    def __call__(self, text: str) -> None:
        self.now = at(f"{TODAY} {text}")


@pytest.fixture
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The functions of an application in shadow."""
    made, queues = Clock(), FakeQueues()
    monkeypatch.setattr(runtime, "now", lambda: made.now)
    monkeypatch.setattr(dead_letters, "queues", lambda: queues)
    monkeypatch.setenv(dead_letters.QUEUE, "https://sqs/1/headgate-job-status-dead")
    monkeypatch.setenv("SHADOW", "true")
    return made


def came(name: str, now: str, clock: Clock, **more: Any) -> None:
    """A producer outside publishes the refresh."""
    clock(now)
    assert (
        invoke("refresh_events", queue(refreshed(name, refreshed_at=clock.now.isoformat(), **more)))[
            "batchItemFailures"
        ]
        == []
    )


def open_runs(clock: Clock, now: str = "06:00") -> None:
    clock(now)
    invoke("scheduler", {})


def compared(world: World, **question: Any) -> dict[str, dict[str, Any]]:
    """The rows of `shadow` by product."""
    answer = invoke("inquire", {"question": "shadow", "business_date": TODAY, **question})
    return {each["product"]: each for each in answer["products"]}


def nothing_was_done(aws: FakeAws) -> bool:
    return (aws.executions, aws.events, aws.alerts, aws.answered, aws.stopped) == ({}, [], [], [], [])


# What is decided, and what is not done


def test_a_day_is_decided_as_ever_and_nothing_is_started(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    came("raw/one", "06:10", clock)
    assert world.released() == {("d1/a", TODAY)}
    assert report(ran(aws, "job-a", "06:10", "06:40")) == {"batchItemFailures": []}
    came("raw/two", "06:50", clock)
    assert world.released() == {("d1/a", TODAY), ("d1/b", TODAY)}, (
        "d1/b goes on with what the existing scheduler really made"
    )
    report(ran(aws, "job-b", "06:55", "07:00"))
    assert [world.run(name, TODAY)["status"] for name in ("d1/a", "d1/b")] == ["COMPLETED", "COMPLETED"]
    assert nothing_was_done(aws)


EVERY_KIND = {
    "start_execution": "start x 1", "stop_execution": "stop x 1", "task_success": "release x 1 y", "task_failure": "job jr y", "put_event": "publish x 1 COMPLETED",
    "alert": "alert ERROR x 1", "lineage": "lineage x 1 START",
}  # fmt: skip


def test_whatever_stores_an_effect_it_is_not_performed(world: World, aws: FakeAws, clock: Clock) -> None:
    """A kind that is added is in this list, or the table refuses it; a channel and a step type need no kind of their own."""
    (kinds,) = world.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'effect_kind_check'")[0]
    assert all(f"'{kind}'" in kinds for kind in EVERY_KIND)
    assert kinds.count("::text") == len(EVERY_KIND)
    enter(world)
    for kind, key in EVERY_KIND.items():
        world.sql("INSERT INTO effect (effect_key, kind, payload, due_at) VALUES (%s, %s, '{}', now())", key, kind)
    assert invoke("scheduler", {})["effects"] == 0
    assert world.sql("SELECT count(*), min(outcome) FROM effect WHERE done_at IS NOT NULL") == [
        (len(EVERY_KIND), "not performed: the application is in shadow")
    ]
    world.sql("UPDATE effect SET done_at = NULL, payload = '{}'")
    assert invoke("scheduler", {})["effects"] == 0, "nor what somebody makes due again"
    assert nothing_was_done(aws)


def test_a_machine_that_somebody_starts_by_hand_begins_no_pipeline(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    world.load({"d1/a": watched("a")}, at(f"{TODAY} 00:00"))
    opened(world)
    with pytest.raises(IllegalTransition, match="in shadow: the existing scheduler does its work"):
        world.state.begin_pipeline(uuid(world, "d1/a"), 1, None, at(f"{TODAY} 06:01"))


def test_a_deadline_and_an_sla_that_are_missed_are_known_and_notify_nobody(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    notify = [{"on": ["LATE", "ERROR"], "email": ["a@example.com"]}]
    world.load(
        {"raw/one": external(), "d1/a": watched("a", "raw/one", notify=notify, sla={"complete_by": "08:00"})},
        at(f"{TODAY} 00:00"),
    )
    open_runs(clock)
    clock("10:00")
    monitor.handler({}, None)
    run = world.run("d1/a", TODAY)
    assert (run["status"], run["error"], run["late_notified"]) == ("ERROR", "DeadlineExceeded", True)
    assert "raw/one" in run["cause"]
    assert "could not be started" not in run["cause"]
    assert nothing_was_done(aws)


def test_the_monitor_asks_for_no_execution(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    world.load({"d1/a": watched("a")}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    clock("06:30")
    assert monitor.handler({"at_once": True}, None)["executions"] == 0
    assert world.run("d1/a", TODAY)["status"] == "WAITING"
    assert nothing_was_done(aws)


def test_a_signal_counts_within_the_application_and_is_not_published_to_others(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    payload = '{"visibility": "mesh", "detail_type": "Data Product Refreshed", "detail": {}}'
    world.sql(
        "INSERT INTO effect (effect_key, kind, payload, due_at) VALUES ('signal raw/one 1', 'put_event', %s, %s)",
        payload,
        clock.now,
    )
    invoke("scheduler", {})
    assert [each["EventBusName"] for each in aws.events] == ["arn:aws:events:us-east-1:123456789012:event-bus/domain"]


# What the existing scheduler did


def test_a_failure_is_a_failure_and_a_second_try_heals_it(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    came("raw/one", "06:05", clock)
    came("raw/two", "06:05", clock)
    report(ran(aws, "job-a", "06:10", "06:20", "FAILED"))
    assert world.run("d1/a", TODAY)["status"] == "ERROR"
    report(ran(aws, "job-a", "06:30", "06:45"))
    assert (world.run("d1/a", TODAY)["status"], ("d1/b", TODAY) in world.released()) == ("COMPLETED", True)


def test_the_same_end_reported_twice_is_recorded_once(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    end = ran(aws, "job-a", "06:10", "06:20")
    report(end, end)
    report(end)
    assert world.sql("SELECT count(*), sum(attempt) FROM existing_run, (SELECT 1 FROM existing_job_run) j") == [(1, 1)]


def test_a_product_of_two_jobs_is_refreshed_by_the_last_of_them_in_any_order(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    steps = [{**step(name), "resource": f"job-{name}"} for name in ("clean", "load")]
    world.load({"d1/a": product(name="a", pipeline={"timeout": None, "steps": steps})}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    clean, load = ran(aws, "job-clean", "06:01", "06:10"), ran(aws, "job-load", "06:11", "06:30")
    report(load)
    assert world.run("d1/a", TODAY)["status"] == "PROCESSING"
    report(clean)
    run = world.run("d1/a", TODAY)
    assert (run["status"], run["started_at"], run["finished_at"]) == (
        "COMPLETED",
        at(f"{TODAY} 06:01"),
        at(f"{TODAY} 06:30"),
    )


def test_the_date_is_that_of_the_arguments_or_of_the_nearest_opening(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    world.load({"d1/a": watched("a")}, at(f"{TODAY} 00:00"))
    clock("23:00")
    report(
        ran(aws, "job-a", "06:00", "06:10", arguments={"--date": "20261117"}),
        ran(aws, "job-a", "05:10", "05:20", arguments={}),
        ran(aws, "job-a", "00:30", "00:40", arguments={"--date": "yesterday"}),
    )
    dates = world.sql("SELECT business_date::text FROM existing_run ORDER BY 1")
    assert dates == [("2026-11-17",), ("2026-11-19",), ("2026-11-20",)]


def test_a_job_that_several_products_run_is_told_apart_by_its_arguments(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    table = {
        name: {
            "timeout": None,
            "steps": [{**step("load", {"--table": name, "--date": "{business_date}"}), "resource": "loader"}],
        }
        for name in ("x", "y")
    }
    world.load({f"d1/{name}": product(name=name, pipeline=table[name]) for name in table}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    report(
        ran(aws, "loader", "06:00", "06:10", arguments={"--table": "y", "--date": TODAY}),
        ran(aws, "loader", "06:00", "06:10", arguments={"--table": "z", "--date": TODAY}),
    )
    assert world.sql("SELECT product_id FROM existing_run") == [("d1/y",)]
    answer = invoke("inquire", {"question": "shadow", "business_date": TODAY})
    assert [each["problem"] for each in answer["unmatched"]] == [
        "d1/x (load), d1/y (load) run the job loader, and its arguments fit none of them"
    ]


def test_an_execution_that_is_started_elsewhere_shows_its_start_at_once(
    world: World, aws: FakeAws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_MACHINE_ARN_PREFIX", PREFIX + "headgate-")
    enter(world)
    machine = {
        **step("load"),
        "type": "machine",
        "resource": "nightly",
        "arguments": {"input": {"date": "{business_date}"}},
    }
    world.load({"d1/a": product(name="a", pipeline={"timeout": None, "steps": [machine]})}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    given = f'{{"date": "{TODAY}"}}'
    report(executed("nightly", "RUNNING", "06:05", given=given), executed("others", "RUNNING", "06:05"))
    assert world.run("d1/a", TODAY)["status"] == "PROCESSING"
    report(executed("nightly", "SUCCEEDED", "06:05", "06:50", given=given))
    run = world.run("d1/a", TODAY)
    assert (run["status"], run["started_at"], run["finished_at"]) == (
        "COMPLETED",
        at(f"{TODAY} 06:05"),
        at(f"{TODAY} 06:50"),
    )


def test_a_large_execution_of_a_stranger_is_no_dead_letter(
    world: World, aws: FakeAws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_MACHINE_ARN_PREFIX", PREFIX + "headgate-")
    enter(world)
    large = executed("others", "RUNNING", "06:05", given=json.dumps({"rows": "x" * 100_000}))
    assert report(large) == {"batchItemFailures": []}
    assert dead_letters.queues().reasons("headgate-job-status-dead") == []


def test_refresh_events_of_a_product_with_a_pipeline_say_what_happened(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    came("raw/one", "06:05", clock)
    came("raw/two", "06:05", clock)
    came("d1/a", "06:40", clock)
    assert world.run("d1/a", TODAY)["status"] == "COMPLETED"
    assert ("d1/b", TODAY) in world.released()
    assert compared(world)["d1/a"]["difference"] == "start_unknown"


def test_a_service_that_does_not_answer_is_asked_again(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    aws.broken["GetJobRun"] = "ThrottlingException"
    end = ran(aws, "job-a", "06:10", "06:20")
    assert report(end)["batchItemFailures"] == [{"itemIdentifier": "0"}]
    aws.broken.clear()
    assert report(end)["batchItemFailures"] == []
    assert world.sql("SELECT product_id FROM existing_run") == [("d1/a",)]


def test_job_runs_are_not_looked_at_outside_shadow(
    world: World, aws: FakeAws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHADOW")
    mesh(world)
    report(ran(aws, "job-a", "06:10", "06:20"))
    assert not existing_runs.in_shadow()
    assert world.sql("SELECT count(*) FROM existing_job_run") == [(0,)]


def test_a_run_whose_end_nobody_sees_does_not_stay_open(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    world.load({"d1/a": watched("a")}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    clock.now = at("2026-11-23 07:00")
    monitor.handler({}, None)
    assert world.run("d1/a", TODAY)["status"] == "CANCELLED"
    assert compared(world)["d1/a"]["difference"] == "not_started"


def test_what_was_run_elsewhere_is_kept_as_long_as_the_history(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    world.load({"d1/a": watched("a")}, at(f"{TODAY} 00:00"))
    open_runs(clock)
    report(ran(aws, "job-a", "06:10", "06:20"))

    def kept() -> list[tuple[Any, ...]]:
        return world.sql("SELECT (SELECT count(*) FROM existing_run), (SELECT count(*) FROM existing_job_run)")

    world.state.delete_spent(400, 60, 2557, 1000, at("2027-12-20 01:20"))
    assert kept() == [(1, 1)]
    world.state.delete_spent(400, 60, 2557, 1000, at("2027-12-30 01:20"))
    assert kept() == [(0, 0)]


# Leaving and entering


def test_leaving_shadow_starts_nothing_of_the_past(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    came("raw/one", "06:10", clock)
    world.sql(
        "INSERT INTO backfill (what, first_date, last_date, at_once, made_at, made_by) VALUES ('d1/a', '2026-11-01', '2026-11-02', 1, now(), 'ann')"
    )
    left = world.state.set_mode(False, False, "deployment", at(f"{TODAY} 09:00"))
    assert (left.changed, left.ended) == (True, 2)
    came("raw/two", "09:10", clock)
    came("d1/a", "09:15", clock)
    open_runs(clock, "09:20")
    monitor.handler({"at_once": True}, None)
    assert nothing_was_done(aws)
    assert {world.run(name, TODAY)["status"] for name in ("d1/a", "d1/b")} == {"CANCELLED"}
    assert world.sql("SELECT stopped_by FROM backfill") == [("deployment",)]


def test_the_next_opening_after_shadow_is_started(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    world.state.set_mode(False, False, "deployment", at(f"{TODAY} 09:00"))
    clock.now = at("2026-11-21 06:00")
    invoke("scheduler", {})
    assert sorted(aws.executions) == [
        f"arn:aws:states:us-east-1:123456789012:execution:m_{name}:{name}-2026-11-21-1" for name in "ab"
    ]


def test_a_run_that_failed_at_its_deadline_in_shadow_does_not_resume_after_it(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    enter(world)
    world.load(
        {
            "raw/one": external(),
            "d1/a": watched(
                "a",
                "raw/one",
                sla={"complete_by": "12:00"},
                wait={"deadline": 3600, "on_deadline": "fail", "resume": 86400},
            ),
        },
        at(f"{TODAY} 00:00"),
    )
    open_runs(clock)
    clock("08:00")
    monitor.handler({}, None)
    assert world.run("d1/a", TODAY)["resume_until"] is not None
    world.state.set_mode(False, False, "deployment", at(f"{TODAY} 09:00"))
    came("raw/one", "09:30", clock)
    clock("13:00")
    monitor.handler({}, None)
    assert nothing_was_done(aws)
    assert world.run("d1/a", TODAY)["status"] == "ERROR"


def test_a_date_of_shadow_can_be_run_again_by_headgate_and_is_newer(world: World, aws: FakeAws, clock: Clock) -> None:
    enter(world)
    mesh(world)
    open_runs(clock)
    came("raw/one", "06:05", clock)
    for minute in (10, 20, 30):
        report(ran(aws, "job-a", f"06:{minute}", f"06:{minute + 5}"))
    assert world.sql("SELECT attempt FROM existing_run") == [(3,)]
    world.state.set_mode(False, False, "deployment", at(f"{TODAY} 09:00"))
    world.state.rerun("d1/a", at(TODAY).date(), "", False, "rerun", "ann", at(f"{TODAY} 10:00"))
    run = world.run("d1/a", TODAY)
    assert (run["attempt"], run["shadow"]) == (4, False)
    assert [each["name"] for each in effects(world, "start_execution")] == [f"a-{TODAY}-4"]


def test_an_application_that_acts_enters_shadow_when_its_runs_have_ended(
    world: World, aws: FakeAws, clock: Clock
) -> None:
    mesh(world)
    opened(world)
    with pytest.raises(IllegalTransition, match="2 runs are open that this application has opened to start itself"):
        enter(world, f"{TODAY} 07:00")
    for name in ("d1/a", "d1/b"):
        world.state.cancel_run(name, at(TODAY).date(), "", None, "ann", at(f"{TODAY} 07:30"))
    enter(world, f"{TODAY} 08:00")
    assert world.sql("SELECT count(*) FROM effect WHERE done_at IS NULL") == [(0,)]


def test_the_mode_comes_with_the_deployment(
    world: World, aws: FakeAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "catalog.json").write_text('{"version": 1, "domains": {}, "calendars": {}, "products": {}}')
    event: dict[str, Any] = {
        "RequestType": "Update", "StackId": "arn:aws:cloudformation:us-east-1:1:stack/headgate/1", "RequestId": "r1", "LogicalResourceId": "Catalog",
        "ResourceProperties": {"ServiceToken": "f", "Commit": "", "CommittedAt": "", "Shadow": "true", "Catalog": str(tmp_path / "catalog.json")},
    }  # fmt: skip
    assert invoke("metadata_loader", event)["Status"] == "SUCCESS"
    assert world.state.mode()["shadow"] is True
    event["ResourceProperties"]["Shadow"] = "false"
    assert invoke("metadata_loader", {**event, "RequestId": "r2"})["Status"] == "SUCCESS"
    assert world.state.mode()["shadow"] is False
    (tmp_path / "catalog.json").write_text(
        json.dumps({"version": 1, "domains": {}, "calendars": {}, "products": {"d1/a": watched("a")}})
    )
    assert invoke("metadata_loader", {**event, "RequestId": "r3"})["Status"] == "SUCCESS"
    opened(world)
    event["ResourceProperties"]["Shadow"] = "true"
    monkeypatch.setattr(custom_resource, "status_of", lambda stack: "UPDATE_IN_PROGRESS")
    refused = invoke("metadata_loader", {**event, "RequestId": "r4"})
    assert "one run is open" in refused["Reason"]
    monkeypatch.setattr(custom_resource, "status_of", lambda stack: "UPDATE_ROLLBACK_IN_PROGRESS")
    assert invoke("metadata_loader", {**event, "RequestId": "r5"})["Status"] == "SUCCESS", "a rollback is never refused"
