"""`headgate health` and `headgate retry`: what was parked, what is overdue, what lies in dead letter queues, and performing it once more."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

import dead_letters
import runtime
from effects import TRIES
from headgate.cli import formatting
from state.errors import BadEvent
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, invoke
from tests.state_world import World, at, daily, product
from tests.test_effects import parked, tried

URLS = "https://sqs/1/headgate-refresh-events-dead https://sqs/1/headgate-undelivered-events"


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def letters(monkeypatch: pytest.MonkeyPatch, **counts: int | str) -> None:
    """The dead letter queues of these names hold so many messages; a text is the code by which SQS refuses."""

    class Queues:
        def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
            count = counts[QueueUrl.rsplit("/", 1)[-1].replace("-", "_")]
            if isinstance(count, str):
                raise ClientError({"Error": {"Code": count, "Message": "no"}}, "GetQueueAttributes")
            return {"Attributes": {AttributeNames[0]: str(count)}}

    monkeypatch.setattr(dead_letters, "queues", Queues)
    monkeypatch.setenv(dead_letters.QUEUES, " ".join(f"https://sqs/1/{name.replace('_', '-')}" for name in counts))


def test_a_healthy_application_says_so(
    running: None, headgate: Headgate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(world)
    letters(monkeypatch, refresh_events_dead=0, undelivered_events=0)
    code, printed = headgate("health")
    assert code == 0
    assert printed.splitlines()[1:] == [
        "No effect is parked.", "Nothing that is due waits to be performed.", "The dead letter queues are empty.",
        "The scheduler was last called at 06:30.", "The retention has not run yet.",
    ]  # fmt: skip


def test_what_is_parked_is_shown_with_its_run_and_reason_and_performed_by_its_id(
    running: None, headgate: Headgate, world: World, aws: FakeAws
) -> None:
    effect = parked(world, aws)

    code, printed = headgate("health")
    assert code == 1
    assert (
        "1 effect is parked: every try failed, and only `headgate retry ID` or `headgate retry --all` tries again."
        in printed
    )
    (row,) = [line for line in printed.splitlines() if "start of" in line]
    assert row.split(maxsplit=1)[1].startswith(f"start of an execution  d1/ds1 {TODAY}")
    assert row.endswith(f"{TRIES}      AccessDeniedException: as the test wants it")
    answer = json.loads(headgate("health", "--json")[1])
    assert (answer["outbox"]["parked"], answer["outbox"]["due"]) == (1, 0)
    assert answer["parked"][0] | {"failing_since": 0, "parked_at": 0} == {
        "effect": effect, "kind": "start_execution", "product": "d1/ds1", "business_date": TODAY, "attempt": 1, "tries": TRIES,
        "failing_since": 0, "parked_at": 0, "reason": "AccessDeniedException: as the test wants it",
    }  # fmt: skip

    assert headgate("retry", str(effect)) == (0, "1 effect performed.\n")
    assert len(aws.executions) == 1
    code, printed = headgate("health")
    assert (code, "No effect is parked." in printed) == (0, True)


def test_everything_that_is_parked_is_performed_at_once(
    running: None, headgate: Headgate, world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked(world, aws)
    aws.broken["StartExecution"] = "AccessDeniedException"
    code, printed = headgate("retry", "--all")
    assert code == 1
    assert printed.startswith(
        "1 effect due again, 0 of them performed by now. `headgate health` shows what is left and why"
    )
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 10:00"))
    code, printed = headgate("health")
    assert code == 1, "it should have been performed hours ago"
    assert "1 of them failed and is tried again: AccessDeniedException: as the test wants it" in printed
    assert headgate("retry", "--all") == (0, "Nothing is parked.\n")
    assert headgate("retry")[0] == 2
    assert headgate("retry", "1", "--all")[0] == 2
    assert headgate("retry", "0")[0] == headgate("retry", "x")[0] == 2


@pytest.mark.parametrize("given", [{}, {"effect": 1, "all": True}])
def test_a_retry_says_what_it_retries(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(BadEvent, match="retry needs /effect or /all, and not both"):
        invoke("operate", {"action": "retry", "actor": "ann", **given})


def test_how_long_the_oldest_waits_counts_from_the_moment_it_was_due(
    running: None, headgate: Headgate, world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it was tried since."""
    aws.broken["StartExecution"] = "ThrottlingException"
    day(world)
    tried(world, 3, NOW)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 08:10"))
    code, printed = headgate("health")
    assert code == 1
    assert "1 effect is due, the oldest since 06:30 (100 minutes)." in printed


def test_dead_letters_are_counted(
    running: None, headgate: Headgate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(world)
    letters(monkeypatch, refresh_events_dead=2, undelivered_events="AccessDenied")
    code, printed = headgate("health")
    assert code == 1
    assert "Dead letter queue refresh-events-dead: 2 messages." in printed
    assert "Dead letter queue undelivered-events was not read: AccessDenied: no" in printed


def test_many_that_are_parked_fit_the_answer(running: None, headgate: Headgate, world: World, aws: FakeAws) -> None:
    parked(world, aws)
    world.sql(
        "INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at, tries, failing_since, parked_at, outcome)"
        " SELECT 'x ' || n, kind, run_id, attempt, payload, due_at, tries, failing_since, parked_at, repeat('é\"', 1000)"
        " FROM effect, generate_series(1, 1500) n WHERE parked_at IS NOT NULL"
    )
    code, printed = headgate("health")
    assert (code, printed.count("start of an execution")) == (1, 20)
    assert "and 1,481 more; `headgate health --json` lists them." in printed
    assert len(json.loads(headgate("health", "--json")[1])["parked"]) == 1501


def test_status_why_and_history_tell_what_is_parked(
    running: None, headgate: Headgate, world: World, aws: FakeAws
) -> None:
    effect = parked(world, aws)
    status = headgate("status")[1]
    assert "parked, see `headgate health`" in status
    why = headgate("why", "d1/ds1")[1]
    assert (
        f"Parked: the start of an execution failed {TRIES} times since 06:30: AccessDeniedException: as the test wants it. "
        f"After the cause is fixed, perform it with `headgate retry {effect}`." in why
    )
    aws.broken["StartExecution"] = "ThrottlingException"
    headgate("retry", str(effect))
    why = headgate("why", "d1/ds1")[1]
    assert (
        "Not performed yet: the start of an execution failed 1 time since 06:30: ThrottlingException: as the test wants it. It is tried again."
        in why
    )
    assert "Parked" not in why
    assert "parked" not in headgate("status")[1]
    history = headgate("history", "d1/ds1")[1]
    assert (
        f"start of an execution parked: AccessDeniedException: as the test wants it; `headgate retry {effect}`"
        in history
    )
    assert "start of an execution retried by ann" in history


def test_the_commands_name_every_kind_of_effect() -> None:
    from effect_kinds import KINDS

    assert formatting.EFFECTS.keys() == KINDS.keys()


def test_products_that_could_not_be_loaded_or_opened_are_shown(
    running: None, headgate: Headgate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = daily("06:00", timezone="Nowhere/City")
    world.load({"d/x": product(schedule=nowhere), "d/y": product()}, at(f"{TODAY} 00:00"))
    world.sql("UPDATE data_product_schedule SET timezone = 'Nowhere/City'")
    invoke("scheduler", {"source": "headgate.schedule"})
    code, printed = headgate("health")
    assert code == 1
    assert (
        'd/x was not loaded by the last deployment: the database does not know the time zone "Nowhere/City"' in printed
    )
    assert 'Runs of d/y could not be opened: time zone "Nowhere/City" not recognized' in printed


def test_openings_that_the_scheduler_passed_over_are_shown_with_the_command_that_makes_them(
    running: None, headgate: Headgate, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It was away from the 10th to the 20th, and opens the last three days."""
    world.load({"d/x": product(), "d/y": product(name="y")}, at("2026-11-10 07:00"))
    world.sql("UPDATE data_product_schedule SET opened_until = %s WHERE product_id = 'd/y'", at("2026-11-16 07:00"))
    invoke("scheduler", {"source": "headgate.schedule"})
    assert json.loads(caplog.messages[-2]) == {
        "passed_over": 7,
        "product": "d/x",
        "first": "2026-11-11",
        "last": "2026-11-17",
    }
    code, printed = headgate("health")
    assert code == 1
    away = "not made: the scheduler was away for more than three days; to make"
    assert (
        f"7 openings of d/x (2026-11-11 to 2026-11-17) were {away} them, use `headgate backfill d/x --date 2026-11-11 --until 2026-11-17`"
        in printed
    )
    assert f"1 opening of d/y (2026-11-17) was {away} it, use `headgate backfill d/y --date 2026-11-17`" in printed
