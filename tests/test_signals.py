"""What happens in other systems refreshes products that are refreshed elsewhere: which events count, for which date, and once."""

import itertools
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dead_letters
import runtime
from headgate.cli.explain import explained
from headgate.cli.formatting import Clock
from tests.fake_aws import FakeAws
from tests.fake_queues import FakeQueues
from tests.handler_steps import NOW, TODAY, invoke
from tests.signal_steps import (
    NOMINAL,
    ORDERS,
    created,
    execution,
    forward,
    load,
    receive,
    run_event,
    signalled,
    table_change,
)
from tests.state_world import SOAK, World, at, product

DEAD = "headgate-refresh-events-dead"
DATASET = {"openlineage": ORDERS, "date": NOMINAL}
MACHINE = {"states": {"machine": "load-orders"}, "date": {"input": "run.date"}}
TABLE = {
    "table": {"database": "sales", "name": "orders", "partition": r"\[[A-Z]+, (?P<date>[\d-]{10})\]"},
    "date": {"group": "date"},
    "settle": "5m",
}
OBJECT = {
    "object": {"bucket": "vendor-drop", "prefix": "out/", "pattern": r"extract_(?P<date>\d{8})\.parquet"},
    "date": {"group": "date"},
}


@pytest.fixture
def queues(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    """The dead letter queue of the refresh event processor, at half past six."""
    made = FakeQueues()
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    monkeypatch.setattr(dead_letters, "queues", lambda: made)
    monkeypatch.setenv(dead_letters.QUEUE, f"https://sqs/1/{DEAD}")
    return made


def released(world: World, date: str = TODAY) -> bool:
    return ("d1/report", date) in world.released()


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "a dataset that a run of dbt has written": (
        DATASET, run_event(), {"signal": "openlineage", "job": "dbt/sales.orders", "run": "01234567-89ab-7def-8123-000000000001"},
    ),
    "an execution that succeeded": (
        MACHINE, execution(), {"signal": "states", "execution": "arn:aws:states:us-east-1:123456789012:execution:load-orders:e1"},
    ),
    "an object that names its date": (
        OBJECT, created("out/extract_20261120.parquet"),
        {"signal": "object", "bucket": "vendor-drop", "key": "out/extract_20261120.parquet", "version_id": "v1"},
    ),
}  # fmt: skip


SHOWN = {
    "a dataset that a run of dbt has written": "a run of dbt/sales.orders",
    "an execution that succeeded": "the execution load-orders:e1",
    "an object that names its date": "s3://vendor-drop/out/extract_20261120.parquet",
}


@pytest.mark.parametrize("case", CASES)
def test_a_signal_publishes_the_refresh_that_releases_what_waits(
    world: World, aws: FakeAws, queues: FakeQueues, case: str
) -> None:
    signal, event, facts = CASES[case]
    load(world, signal)
    assert receive(event, event) == {"batchItemFailures": []}
    assert not released(world), "it counts once it is published, for every account of the mesh at once"

    (published,) = forward(aws)
    assert (published["business_date"], published["status"], published["attempt"]) == (TODAY, "COMPLETED", 1)
    assert published["metadata"] == facts, "which consumers may pass on, and people see"
    assert released(world)

    why = invoke("inquire", {"question": "why", "product": "d1/report", "business_date": TODAY})["run"]
    assert [each["signal"] for each in why["arrived"]] == [SHOWN[case]]
    feed = invoke("inquire", {"question": "why", "product": "raw/orders", "business_date": TODAY})["run"]
    printed = " ".join([*explained(why, Clock(UTC, TODAY)), *explained(feed, Clock(UTC, TODAY))])
    assert f"refreshed for this date at 06:30, by {SHOWN[case]}." in printed
    (status,) = [
        each
        for each in invoke("inquire", {"question": "status", "business_date": TODAY})["products"]
        if each["product"] == "raw/orders"
    ]
    assert status["signal"] == SHOWN[case]

    receive(event)
    assert forward(aws) == [], "received once more it changes nothing"
    assert queues.reasons(DEAD) == []


def test_changes_of_a_table_settle_and_each_partition_is_a_date(
    world: World, aws: FakeAws, queues: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, TABLE)
    receive(table_change("1", f"[EU, {TODAY}]", "[EU, 2026-11-19]"), table_change("2", f"[US, {TODAY}]", at="06:01"))
    assert forward(aws) == [], "further partitions may follow"
    assert aws.schedules["headgate-next-look"] == f"at({TODAY}T06:35:01)", "it is published as soon as it has settled"

    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(minutes=5))
    receive(
        table_change("3", "[__HIVE_DEFAULT_PARTITION__]"), table_change("4", f"[EU, {TODAY}]", change="DeletePartition")
    )
    published = forward(aws)
    found = {each["business_date"]: (each["attempt"], each["refreshed_at"][11:16]) for each in published}
    assert found == {"2026-11-19": (1, "06:00"), TODAY: (1, "06:01")}
    assert len(published) == 2
    assert released(world)
    assert queues.reasons(DEAD) == []


def test_a_table_without_partitions_is_dated_by_its_change(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    late = {"arrival": True, "timezone": "America/Chicago", "day_ends": "00:30", "offset": 0}
    load(world, {"table": {"database": "sales", "name": "orders"}, "date": late, "settle": "1s"})
    receive(table_change("1", change="UpdateTable"))
    (due,) = world.sql(
        "SELECT payload #>> '{detail,business_date}', due_at - %s FROM effect WHERE kind = 'put_event'", NOW
    )
    assert due == (TODAY, timedelta(seconds=1)), "06:00 in UTC is 00:00 in Chicago"


def test_a_later_run_of_the_same_date_is_a_correction(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    load(world, DATASET, on_update="rerun")
    receive(run_event("1"))
    forward(aws)
    run = str(world.run("d1/report", TODAY)["run_id"])
    invoke(
        "dependency_gate", {"action": "await", "run_id": run, "attempt": 1, "task_token": "t", "execution_arn": "arn:x"}
    )
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("outcome_recorder", {"run_id": run, "attempt": 1, "status": "COMPLETED"})
    aws.events.clear()

    receive(run_event("2", at=f"{TODAY}T06:10:00Z"))
    (published,) = forward(aws)
    assert published["attempt"] == 2
    again = world.run("d1/report", TODAY)
    assert (again["attempt"], again["status"]) == (2, "WAITING"), "it runs again, as `on_update` says"


def test_an_older_signal_that_comes_late_changes_nothing(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    load(world, DATASET)
    receive(run_event("2", at=f"{TODAY}T06:10:00Z"))
    forward(aws)
    receive(run_event("1", "FAIL"))
    assert forward(aws) == []
    assert released(world)
    kept = world.sql("SELECT status, attempt FROM signal ORDER BY occurred_at")
    assert kept == [("ERROR", None), ("COMPLETED", 1)]


FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a run that failed": (
        DATASET, run_event(state="FAIL", facets={"nominalTime": {"nominalStartTime": f"{TODAY}T00:00:00Z"}, "errorMessage": {"message": "no such column"}}),
        "FAIL: no such column",
    ),
    "a run that was aborted": (DATASET, run_event(state="ABORT"), "ABORT"),
    "an execution that failed": (MACHINE, execution(status="FAILED", error="Boom", cause="no disk"), "FAILED Boom no disk"),
    "an execution that took too long": (MACHINE, execution(status="TIMED_OUT"), "TIMED_OUT"),
    "an execution that was stopped": (MACHINE, execution(status="ABORTED"), "ABORTED"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_elsewhere_is_a_failure_of_the_product(
    world: World, aws: FakeAws, queues: FakeQueues, case: str
) -> None:
    signal, event, cause = FAILURES[case]
    load(world, signal)
    receive(event)
    (published,) = forward(aws)
    assert (published["status"], published["cause"]) == ("ERROR", cause)
    assert not released(world)
    assert world.sql("SELECT status, cause FROM refresh_event") == [("ERROR", cause)]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no nominal time": (DATASET, run_event(facets={}), "raw/orders: the run has no nominal time (facet nominalTime, nominalStartTime)"),
    "a nominal time that is none": (DATASET, run_event(nominal="yesterday"), 'raw/orders: the nominal time of the run is "yesterday", which is no moment'),
    "an input that is withheld": (
        MACHINE, execution(input=None), "raw/orders: the event does not have the input of the execution, which is left out where it is long",
    ),
    "an input without the date": (MACHINE, execution(input='{"run": 1}'), "raw/orders: the input of the execution has no text or number at run.date"),
    "a date that is none": (
        MACHINE, execution(input='{"run": {"date": "20.11.2026"}}'), 'raw/orders: "20.11.2026" at run.date of the input is not a date of the format %Y-%m-%d',
    ),
    "a date of the next year": (
        OBJECT, created("out/extract_20271120.parquet"), "raw/orders: the business date is 2027-11-20, more than 7 days ahead of 2026-11-20",
    ),
    "another account": (
        DATASET, run_event(account="555555555555"), "raw/orders: account 555555555555 reported it; its signals count from account 123456789012 only",
    ),
    "an event that is none": (DATASET, run_event(outputs=["orders"]), '/detail/outputs has "orders", which has no namespace and name'),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_signal_without_a_date_is_kept_with_its_reason(
    world: World, aws: FakeAws, queues: FakeQueues, case: str
) -> None:
    signal, event, reason = REFUSED[case]
    load(world, signal)
    assert receive(event) == {"batchItemFailures": []}
    assert queues.reasons(DEAD) == [reason]
    assert forward(aws) == []


def test_a_day_off_of_the_calendar_is_refused(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    feed = signalled("raw", "orders", DATASET) | {"schedule": product(schedule="06:00")["schedule"] | {"calendar": "c"}}
    world.load({"raw/orders": feed}, at(f"{TODAY} 00:00"), calendars={"c": {"weekend": [6, 7], "dates": [TODAY]}})
    receive(run_event())
    assert queues.reasons(DEAD) == [f"raw/orders: {TODAY} is no business day of the calendar c"]


NEITHER: dict[str, Callable[[], dict[str, Any]]] = {
    "a run that goes on": lambda: run_event(state="RUNNING"),
    "a run that started": lambda: run_event(state="START"),
    "another dataset": lambda: run_event(outputs=[{**ORDERS, "name": "sales.public.returns"}]),
    "another machine": lambda: execution("load-returns"),
    "another key": lambda: created("out/extract_20261120.csv"),
    "a folder": lambda: (
        created("out/")
        | {"detail": {"bucket": {"name": "vendor-drop"}, "object": {"key": "out/", "size": 0, "sequencer": "1"}}}
    ),
}


OF_SOURCE: dict[str, dict[str, Any]] = {"openlineage": DATASET, "aws.states": MACHINE, "aws.s3": OBJECT}


@pytest.mark.parametrize("case", NEITHER)
def test_what_is_about_something_else_is_left_alone(world: World, aws: FakeAws, queues: FakeQueues, case: str) -> None:
    """The patterns of rules join names, and hold combinations that no product names."""
    event = NEITHER[case]()
    load(world, OF_SOURCE[event["source"]])
    assert receive(event) == {"batchItemFailures": []}
    assert (queues.reasons(DEAD), forward(aws), world.sql("SELECT * FROM signal")) == ([], [], [])


def unused(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT kind, subject, product_id, refused, reason, example FROM unused_signal ORDER BY 1, 2, 3")


def test_what_refreshed_nothing_is_shown_by_health(
    world: World, aws: FakeAws, queues: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that the pattern does not match, a dataset that no product names, and a run without a nominal time; each once, however often it comes."""
    load(world, OBJECT)
    receive(created("out/extract_20261120.csv"), created("out/other.csv"))
    assert unused(world) == [
        (
            "object",
            "vendor-drop",
            "raw/orders",
            False,
            "nothing in it matches the pattern of the product",
            "out/other.csv",
        )
    ]
    load(world, DATASET)
    receive(run_event(outputs=[{**ORDERS, "name": "sales.public.returns"}]), run_event(run="2", facets={}))
    receive(run_event(run="3", facets={}))
    health = invoke("inquire", {"question": "health"})["signals"]
    assert [(each["subject"], each.get("product"), each["refused"], each["reason"]) for each in health] == [
        (
            "snowflake://acme sales.public.orders",
            "raw/orders",
            True,
            "the run has no nominal time (facet nominalTime, nominalStartTime)",
        ),
        ("vendor-drop", "raw/orders", False, "nothing in it matches the pattern of the product"),
        ("snowflake://acme sales.public.returns", None, False, "no product names it"),
    ]
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(days=8))
    assert invoke("inquire", {"question": "health"})["signals"] == [], "of the last week"


def test_a_product_says_which_signal_refreshes_it_and_the_last_ones_heard(
    world: World, aws: FakeAws, queues: FakeQueues
) -> None:
    load(world, DATASET)
    question = {"question": "why", "product": "raw/orders", "business_date": TODAY}
    assert invoke("inquire", question)["run"]["signals"] == {
        "kind": "openlineage", "subject": "snowflake://acme sales.public.orders", "heard": []
    }  # fmt: skip
    receive(run_event(at=f"{TODAY}T06:00:00Z"))
    receive(run_event(run="2", at=f"{TODAY}T05:00:00Z"), run_event(run="3", state="FAIL", at=f"{TODAY}T06:10:00Z"))
    run = invoke("inquire", question)["run"]
    assert {(each["status"], each.get("attempt")) for each in run["signals"]["heard"]} == {
        ("COMPLETED", 1),
        ("COMPLETED", None),
        ("ERROR", 2),
    }
    lines = " ".join(explained(run, Clock(UTC, TODAY)))
    assert "Its signal is openlineage snowflake://acme sales.public.orders; the last was heard at 06:30:" in lines


def test_one_event_refreshes_several_products(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    """One of them cannot read its date: the other is refreshed all the same."""
    other = {"openlineage": {**ORDERS, "name": "sales.public.lines"}, "date": {"arrival": True}}
    products = {"raw/orders": signalled("raw", "orders", DATASET), "raw/lines": signalled("raw", "lines", other)}
    world.load(products, at(f"{TODAY} 00:00"))
    receive(run_event(facets={}, outputs=[ORDERS, other["openlineage"]]))
    assert [each["product"] for each in forward(aws)] == ["lines"]
    assert queues.reasons(DEAD) == ["raw/orders: the run has no nominal time (facet nominalTime, nominalStartTime)"]


def test_cycles_are_read_as_dates_are(world: World, aws: FakeAws, queues: FakeQueues) -> None:
    chicago = {
        "openlineage": ORDERS,
        "date": {**NOMINAL, "timezone": "America/Chicago"},
        "cycle": {"nominal_time": True},
    }
    hourly = {"states": {"machine": "load-orders"}, "date": {"input": "run.date"}, "cycle": {"input": "hour"}}
    world.load(
        {"raw/orders": signalled("raw", "orders", chicago), "raw/hours": signalled("raw", "hours", hourly)},
        at(f"{TODAY} 00:00"),
    )
    receive(
        run_event(nominal=f"{TODAY}T04:30:00Z"), execution(input=f'{{"run": {{"date": "{TODAY}"}}, "hour": "05"}}'), execution(input="{}", name="e2"),
    )  # fmt: skip
    found = {each["product"]: (each["business_date"], each["cycle"]) for each in forward(aws)}
    assert found == {"orders": ("2026-11-19", "2230"), "hours": (TODAY, "0500")}


def test_signals_of_a_machine_of_this_application_are_left_to_the_job_status_processor(
    world: World, aws: FakeAws, queues: FakeQueues
) -> None:
    """A product may name any machine; the ends of others reach nobody."""
    load(world, MACHINE)
    receive(execution("d1_report", status="FAILED"))
    assert forward(aws) == []


@pytest.mark.slow
@settings(max_examples=15 * SOAK, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_signals_ends_with_the_latest_and_releases_once(
    world: World, aws: FakeAws, queues: FakeQueues, data: st.DataObject
) -> None:
    """Ends of several runs of one dataset, in any order, batches and repetition: the last of them by its own clock decides."""
    number = next(_numbers)
    day = str((at(TODAY) - timedelta(days=number % 3000)).date())
    if number == 0:
        load(world, DATASET)
    states = data.draw(st.lists(st.sampled_from(["COMPLETE", "FAIL", "ABORT"]), min_size=1, max_size=5))
    ends = [
        run_event(f"{number}{place}", state, at=f"{TODAY}T0{place}:00:00Z", nominal=f"{day}T00:00:00Z") for place, state in enumerate(states)
    ]  # fmt: skip
    received = data.draw(st.permutations(ends + data.draw(st.lists(st.sampled_from(ends), max_size=3))))
    while received:
        size = data.draw(st.integers(1, len(received)))
        batch, received = received[:size], received[size:]
        receive(*batch)
        if data.draw(st.booleans()):
            forward(aws)
    forward(aws)
    counting = world.sql(
        "SELECT status, attempt FROM refresh_event WHERE business_date = %s AND superseded_at IS NULL", day
    )
    assert [status for status, _ in counting] == ["COMPLETED" if states[-1] == "COMPLETE" else "ERROR"]
    attempts = world.sql(
        "SELECT attempt FROM signal WHERE business_date = %s AND attempt IS NOT NULL ORDER BY occurred_at", day
    )
    assert [attempt for (attempt,) in attempts] == sorted(attempt for (attempt,) in attempts)
    assert world.sql("SELECT count(*) FROM signal WHERE business_date = %s", day) == [(len(ends),)]
    assert queues.reasons(DEAD) == []
    if day == TODAY:
        assert len([name for name in aws.executions if "report" in name]) <= 1


_numbers = itertools.count()
