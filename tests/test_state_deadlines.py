"""What a missed deadline does: it ends nothing that is held, starts nothing beside earlier work, and what it decided is not changed by what arrives a moment later."""

from datetime import UTC, timedelta
from typing import Any

import pytest

import runtime
from headgate.cli.explain import explained
from headgate.cli.formatting import Clock
from state.errors import DeadlineExceeded, IllegalTransition, RunHeld
from tests.fake_aws import FakeAws
from tests.handler_steps import gate, invoke
from tests.state_steps import DAY, LOADED, SIX, TODAY, complete, effects, opened, uuid, wait
from tests.state_world import World, at, external, product

TEN, LATER = at("2026-11-20 10:00"), at("2026-11-20 12:00")
INPUTS = {"raw/a": external(), "raw/b": external()}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: TEN)


def missed(world: World, on_deadline: str, attempt: int = 1) -> Any:
    """What the gate answers the machine of d/x at the deadline."""
    given = gate(str(uuid(world, "d/x")), "deadline", on_deadline=on_deadline)
    return invoke("dependency_gate", {**given, "attempt": attempt})


def waiting(world: World, on_deadline: str = "start") -> None:
    """d/x waits for raw/a and raw/b, of which raw/a has arrived."""
    policy = {"deadline": 4 * 3600, "on_deadline": on_deadline}
    world.load({**INPUTS, "d/x": product(["raw/a", "raw/b"], wait=policy)}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    wait(world, "d/x")


def sentences(world: World) -> str:
    return "\n".join(explained(world.state.explain_run("d/x", DAY, None, TEN), Clock(UTC, TODAY)))


@pytest.mark.parametrize("on_deadline", ["start", "fail", "skip"])
@pytest.mark.parametrize("scope", ["product", "run"])
def test_a_hold_holds_past_the_deadline(world: World, aws: FakeAws, scope: str, on_deadline: str) -> None:
    waiting(world, on_deadline)
    on_date = DAY if scope == "run" else None
    world.state.set_hold("d/x", on_date, "", True, "ann", SIX)
    assert "Its deadline at 10:00 does not end it while it is held." in sentences(world)

    for _ in range(2):  # the machine asks again when the answer was lost
        with pytest.raises(
            RunHeld,
            match=f"^the deadline passed while the {scope} was held by ann; the next attempt starts when the hold ends$",
        ):
            missed(world, on_deadline)
    assert (world.run("d/x", TODAY)["status"], world.released(), aws.alerts) == ("WAITING", set(), [])
    assert "Its deadline passed at 10:00 while it was held; the end of the hold starts its next attempt." in sentences(
        world
    )
    assert world.state.executions_to_ask(1, 50, False, LATER) == [], "nobody asks about a machine that has ended"

    world.event("raw/b", TODAY, TEN)
    change = world.state.set_hold("d/x", on_date, "", False, "bob", LATER)

    run = world.run("d/x", TODAY)
    assert (run["attempt"], run["release_reason"], run["deadline_at"]) == (
        2,
        "no longer held",
        LATER + timedelta(hours=4),
    )
    assert change.released == [{"business_date": TODAY, "cycle": ""}]
    (start,) = [each for each in effects(world, "start_execution") if each["name"] == f"p-{TODAY}-2"]
    assert start["input"]["attempt"] == 2  # type: ignore[index]


def test_what_is_missing_after_the_hold_is_waited_for_anew(world: World, aws: FakeAws) -> None:
    waiting(world, "fail")
    world.state.set_hold("d/x", None, "", True, "ann", SIX)
    world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    with pytest.raises(RunHeld):
        missed(world, "fail")
    world.state.set_hold("d/x", None, "", False, "ann", LATER)
    assert world.run("d/x", TODAY)["attempt"] == 1, "the run itself is still held"
    world.state.set_hold("d/x", DAY, "", False, "ann", LATER)
    assert (world.run("d/x", TODAY)["attempt"], world.released()) == (2, set())
    wait(world, "d/x", token="second", attempt=2)
    world.event("raw/b", TODAY, LATER)
    assert world.released() == {("d/x", TODAY)}


def test_the_end_of_the_machine_that_left_a_held_run_ends_no_run(world: World, aws: FakeAws) -> None:
    waiting(world)
    world.state.set_hold("d/x", None, "", True, "ann", SIX)
    with pytest.raises(RunHeld):
        missed(world, "start")
    ended = world.state.end_lost_machine(uuid(world, "d/x"), 1, "States.Runtime", "", True, 2, "monitor", TEN)
    assert (ended.recorded, world.run("d/x", TODAY)["status"]) == (False, "WAITING")
    world.state.cancel_run("d/x", DAY, "", None, "ann", LATER)
    assert effects(world, "stop_execution") == []


def test_the_deadline_starts_nothing_beside_work_of_an_earlier_attempt(world: World, aws: FakeAws) -> None:
    world.load({**INPUTS, "d/x": product("raw/a", wait={"deadline": 4 * 3600, "on_deadline": "start"})}, LOADED)
    opened(world)
    world.event("raw/a", TODAY, SIX)
    world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "j", "jr_1", {}, "t", SIX)
    world.state.record_outcome(uuid(world, "d/x"), 1, "ERROR", "States.Timeout", "", SIX, "machine")
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", SIX)
    assert "the run fails, since work of an earlier attempt still runs" in sentences(world)

    with pytest.raises(
        DeadlineExceeded, match=r"^The deadline passed while job run jr_1 of attempt 1 was still running.$"
    ):
        missed(world, "start", attempt=2)
    world.state.record_job_states([{"job_run_id": "jr_1", "job": "j", "state": "STOPPED"}], TEN)
    assert world.released() == set()


@pytest.mark.parametrize(("on_deadline", "outcome"), [("fail", "ERROR"), ("skip", "SKIPPED")])
def test_an_arrival_after_the_decision_changes_nothing(
    world: World, aws: FakeAws, on_deadline: str, outcome: str
) -> None:
    waiting(world, on_deadline)
    decided = world.state.resolve_deadline(uuid(world, "d/x"), 1, on_deadline, TEN)
    assert decided.decision == on_deadline

    assert world.event("raw/b", TODAY, TEN)["released"] == 0
    assert world.state.repair(TEN).released == 0
    again = world.state.resolve_deadline(uuid(world, "d/x"), 1, on_deadline, TEN)
    assert again.decision == on_deadline, "the machine asks again when the answer was lost"
    recorded = {"status": outcome, "run_id": str(uuid(world, "d/x")), "attempt": 1}
    invoke("outcome_recorder", recorded | ({"error": "DeadlineExceeded", "cause": "c"} if outcome == "ERROR" else {}))

    first = (
        "SELECT status, released_at FROM data_product_status_history WHERE attempt = 1 ORDER BY history_id DESC LIMIT 1"
    )
    assert world.sql(first) == [(outcome, None)]
    assert effects(world, "task_success") == []
    assert (world.run("d/x", TODAY)["attempt"], world.released()) == (2, {("d/x", TODAY)}), "the next attempt has it"


def test_an_arrival_before_the_decision_starts_the_run(world: World, aws: FakeAws) -> None:
    waiting(world, "skip")
    world.event("raw/b", TODAY, TEN)
    assert missed(world, "skip") == {"decision": "start"}


def test_a_hold_that_comes_too_late_says_so(world: World) -> None:
    waiting(world, "skip")
    world.state.resolve_deadline(uuid(world, "d/x"), 1, "skip", TEN)
    with pytest.raises(
        IllegalTransition, match="d/x for 2026-11-20 has missed its deadline and ends; it is too late to hold it"
    ):
        world.state.set_hold("d/x", DAY, "", True, "ann", TEN)


def test_the_hold_of_a_run_that_ended_is_ended_before_its_rerun(world: World, aws: FakeAws) -> None:
    waiting(world)
    world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    world.event("raw/b", TODAY, SIX)
    complete(world, "d/x", status="ERROR")
    assert "The run is held by ann; end the hold with `headgate release d/x --date 2026-11-20`." in sentences(world)

    change = world.state.set_hold("d/x", DAY, "", False, "ann", TEN)
    assert (change.changed, change.released, change.waiting) == (True, [], [])
    world.state.rerun("d/x", DAY, "", False, "rerun", "ann", TEN)
    assert world.released() == {("d/x", TODAY)}


def test_a_hold_of_a_run_that_has_begun_or_ended_says_that_it_is_too_late(world: World) -> None:
    world.load({"d/x": product()}, LOADED)
    opened(world)
    too_late = "it is too late to hold it"
    with pytest.raises(
        IllegalTransition, match=f"d/x for 2026-11-20 has been released already; its pipeline starts, and {too_late}"
    ):
        world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    world.state.begin_pipeline(uuid(world, "d/x"), 1, None, SIX)
    with pytest.raises(IllegalTransition, match=f"d/x for 2026-11-20 is PROCESSING; {too_late}"):
        world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    complete(world, "d/x")
    with pytest.raises(IllegalTransition, match=f"d/x for 2026-11-20 is COMPLETED; {too_late}"):
        world.state.set_hold("d/x", DAY, "", True, "ann", SIX)
    with pytest.raises(IllegalTransition, match="d/x for 2026-11-20 is COMPLETED; only a waiting run can be held"):
        world.state.set_hold("d/x", DAY, "", False, "ann", SIX)
