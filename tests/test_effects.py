"""The outbox: one failing effect never blocks others, what cannot be performed is parked, and nobody waits for the effects of others."""

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

import runtime
from effects import PAGE, TIME_TO_END, TRIES, TRIES_UNANSWERED, Performer
from state.errors import IllegalTransition, StateUnavailable
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, Seconds, day, gate, glue_event, invoke, job, queue, refreshed, sample
from tests.state_steps import LOADED, SIX, opened
from tests.state_world import World, at, product


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def many(world: World, count: int) -> None:
    """Runs of so many products are opened; their machines have not been started."""
    world.load({f"d/x{n}": product(name=f"x{n}") for n in range(count)}, LOADED)
    opened(world)


def without_machine(world: World, aws: FakeAws) -> str:
    """The product of an open run lost its machine before the run's execution was started, as when it is moved away."""
    aws.broken["StartExecution"] = "ThrottlingException"
    run = day(world)
    aws.broken.clear()
    world.sql(
        """UPDATE effect SET payload = payload || '{"machine": null}', due_at = %s, tries = 0, outcome = NULL""", NOW
    )
    return run


def perform(world: World, now: datetime) -> int:
    return runtime.performer().perform_due(lambda: now)


def test_an_effect_that_raises_blocks_nobody(world: World, aws: FakeAws) -> None:
    """`machine: null` raised TypeError out of every function that performs effects."""
    run = without_machine(world, aws)

    assert invoke("scheduler", {})["effects"] == 0
    assert invoke("monitor", {})["effects"] == 0
    invoke("dependency_gate", gate(run))
    assert invoke("refresh_events", sample("refresh_events")) == {"batchItemFailures": []}

    assert [token for token, _ in aws.answered] == ["wait"]
    ((outcome, tries, done),) = world.sql(
        "SELECT outcome, tries, done_at IS NOT NULL FROM effect WHERE kind = 'start_execution'"
    )
    assert (tries, done) == (1, False)
    assert outcome == "LookupError: the product has no pipeline any more, so no state machine can run it"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("payload = '[]'", "TypeError"),
        ("payload = '{}'", "KeyError: 'machine'"),
        ("payload = 'null'", "TypeError"),
        ("payload = payload || '{\"machine\": 5}'", "TypeError"),
    ],
)
def test_whatever_an_effect_raises_is_its_own_outcome(world: World, aws: FakeAws, change: str, reason: str) -> None:
    many(world, 5)
    world.sql(f"UPDATE effect SET {change} WHERE effect_id = (SELECT min(effect_id) FROM effect)")

    assert perform(world, SIX) == 4

    ((outcome,),) = world.sql("SELECT outcome FROM effect WHERE done_at IS NULL")
    assert outcome.startswith(reason)


def test_a_client_that_cannot_be_made_is_the_outcome_of_its_effects(world: World, aws: FakeAws) -> None:
    run = day(world)
    invoke("dependency_gate", gate(run))
    world.sql("UPDATE effect SET done_at = NULL, claimed_until = NULL")
    world.event("raw/rd1", TODAY, NOW)
    world.event("raw/rd2", TODAY, NOW)
    world.sql("UPDATE effect SET kind = 'alert' WHERE kind = 'start_execution'")

    def made(service: str) -> Any:
        if service == "sns":
            raise ValueError("no region")
        return aws

    assert Performer(world.state, made).perform_due(lambda: NOW) == 1
    assert world.sql("SELECT kind, outcome FROM effect WHERE done_at IS NULL") == [("alert", "ValueError: no region")]


def tried(world: World, times: int, start: datetime = SIX) -> datetime:
    """The effects are tried so many times, each time when they are due. Gives the moment of the last."""
    now = start
    for _ in range(times):
        perform(world, now)
        now += timedelta(minutes=16)
    return now


def test_an_effect_that_is_refused_is_parked_after_the_stated_tries(
    world: World, aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    many(world, 3)
    aws.broken["StartExecution"] = "AccessDeniedException"
    now = tried(world, TRIES - 1)
    assert world.sql("SELECT count(*) FROM effect WHERE parked_at IS NOT NULL") == [(0,)]
    capsys.readouterr()

    now = tried(world, 1, now)

    assert world.sql("SELECT count(*), min(tries), max(tries) FROM effect WHERE parked_at IS NOT NULL") == [
        (3, TRIES, TRIES)
    ]
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["parked"] for each in counted] == [1, 1, 1]
    assert {each["reason"] for each in counted} == {"AccessDeniedException: as the test wants it"}
    aws.broken.clear()
    assert perform(world, now + timedelta(days=30)) == 0, "an operator decides"
    assert aws.executions == {}


def test_an_event_that_a_bus_refuses_is_tried_for_a_day(world: World, aws: FakeAws) -> None:
    """The bus may be another account's, and what refuses there an outage that ends without us."""
    detail = {"visibility": "mesh", "detail_type": "Data Product Refreshed", "detail": {"product": "a"}}
    row = "INSERT INTO effect (effect_key, kind, payload, due_at) VALUES (%s, 'put_event', %s, %s)"
    world.sql(row, "an event", json.dumps(detail), SIX)
    world.sql(row, "no event", json.dumps({"visibility": "mesh"}), SIX)
    aws.broken["PutEvents"] = "AccessDeniedException"
    now = tried(world, TRIES + 3)
    assert world.sql("SELECT effect_key, parked_at IS NOT NULL FROM effect ORDER BY 1") == [
        ("an event", False),
        ("no event", True),
    ]
    aws.broken.clear()
    assert perform(world, now + timedelta(hours=1)) == 1


@pytest.mark.parametrize("error", ["ThrottlingException", "unreachable", "broken"])
def test_an_effect_that_aws_does_not_answer_is_tried_for_a_day(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    many(world, 1)
    raised: Exception = ClientError({"Error": {"Code": error, "Message": ""}}, "StartExecution")
    if error == "unreachable":
        raised = EndpointConnectionError(endpoint_url="https://states")
    if error == "broken":
        answer: Any = {"Error": {"Code": "Unknown", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 503}}
        raised = ClientError(answer, "StartExecution")

    def start_execution(**given: Any) -> None:
        raise raised

    monkeypatch.setattr(aws, "start_execution", start_execution)
    now = tried(world, TRIES + 3)
    assert world.sql("SELECT tries, parked_at FROM effect") == [(TRIES + 3, None)]
    world.sql("UPDATE effect SET tries = %s", TRIES_UNANSWERED - 1)
    tried(world, 1, now)
    assert world.sql("SELECT parked_at IS NOT NULL FROM effect") == [(True,)]


def parked(world: World, aws: FakeAws) -> int:
    """The start of the machine of d1/ds1 is parked. Gives the id of the effect."""
    aws.broken["StartExecution"] = "AccessDeniedException"
    day(world)
    tried(world, TRIES, at("2026-11-20 07:00"))
    aws.broken.clear()
    ((effect,),) = world.sql("SELECT effect_id FROM effect WHERE parked_at IS NOT NULL")
    return int(effect)


def test_an_operator_retries_what_is_parked_and_is_recorded(world: World, aws: FakeAws) -> None:
    effect = parked(world, aws)
    assert invoke("operate", {"action": "retry", "effect": effect, "actor": "ann"}) == {"retried": 1, "performed": 1}

    assert len(aws.executions) == 1
    with pytest.raises(
        IllegalTransition, match=f"^effect {effect} is not parked; `headgate health` lists those that are$"
    ):
        invoke("operate", {"action": "retry", "effect": effect, "actor": "ann"})
    assert invoke("operate", {"action": "retry", "all": True, "actor": "ann"}) == {"retried": 0, "performed": 0}
    assert world.sql("SELECT event, changed_by FROM effect_history ORDER BY history_id") == [
        ("parked", "headgate"),
        ("retried", "ann"),
    ]


def test_an_effect_that_fails_again_is_parked_again(world: World, aws: FakeAws) -> None:
    parked(world, aws)
    aws.broken["StartExecution"] = "AccessDeniedException"
    assert invoke("operate", {"action": "retry", "all": True, "actor": "ann"}) == {"retried": 1, "performed": 0}
    assert world.sql("SELECT tries, parked_at FROM effect") == [(1, None)]
    tried(world, TRIES, at("2026-11-21 07:00"))
    assert [event for (event,) in world.sql("SELECT event FROM effect_history ORDER BY history_id")] == [
        "parked",
        "retried",
        "parked",
    ]


def test_a_rerun_and_a_skip_leave_nothing_parked(world: World, aws: FakeAws) -> None:
    parked(world, aws)
    assert world.sql("SELECT count(*) FROM effect WHERE parked_at IS NOT NULL AND done_at IS NULL") == [(1,)]
    invoke("operate", {"action": "skip", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"})
    assert world.sql("SELECT outcome FROM effect WHERE parked_at IS NOT NULL") == [("not performed: skipped by ann",)]
    assert invoke("operate", {"action": "retry", "all": True, "actor": "ann"})["retried"] == 0


def test_the_monitor_does_not_start_what_is_parked(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step Functions does not know the execution, because nobody could start it: the operator decides when it is tried again."""
    parked(world, aws)
    for hour in (8, 9, 10):  # before its deadline, which the monitor meets
        monkeypatch.setattr(runtime, "now", lambda hour=hour: at(f"2026-11-20 {hour:02}:00"))
        assert invoke("monitor", {})["executions"] == 0
    assert aws.executions == {}
    assert world.run("d1/ds1", TODAY)["status"] == "WAITING"


def test_a_run_whose_release_is_parked_is_watched_all_the_same(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is told nothing; if it dies, the next attempt starts, and nothing of the old one is left."""
    run = day(world)
    invoke("dependency_gate", gate(run))
    aws.broken["SendTaskSuccess"] = "AccessDeniedException"
    invoke("refresh_events", sample("refresh_events"))
    now = tried(world, TRIES - 1, at("2026-11-20 06:45"))
    assert world.sql("SELECT kind FROM effect WHERE parked_at IS NOT NULL") == [("task_success",)]
    (arn,) = aws.executions
    aws.executions[arn] |= {"status": "FAILED", "error": "States.Runtime", "cause": "broke"}
    monkeypatch.setattr(runtime, "now", lambda: now)

    assert invoke("monitor", {})["executions"] == 1

    assert world.run("d1/ds1", TODAY)["attempt"] == 2
    assert world.sql("SELECT outcome FROM effect WHERE parked_at IS NOT NULL") == [("superseded by a rerun",)]


def test_task_tokens_stand_in_no_outcome(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """AWS and its client quote what they refuse."""
    run = day(world)
    invoke("dependency_gate", gate(run) | {"task_token": "AQCEAAAAKgAAAAMAAAAA"})

    def send_task_success(taskToken: str, output: str) -> None:  # noqa: N803
        raise ParamValidationError(report=f"Invalid value for taskToken: {taskToken}")

    monkeypatch.setattr(aws, "send_task_success", send_task_success)
    invoke("refresh_events", sample("refresh_events"))
    ((outcome,),) = world.sql("SELECT outcome FROM effect WHERE kind = 'task_success'")
    assert outcome.endswith("Invalid value for taskToken: (task token)")
    assert "AQCEAAAA" not in caplog.text


def test_results_are_kept_as_they_come(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the last effect of a page hangs, the others are recorded: a crash then loses that one alone."""
    many(world, 30)
    hangs, start = threading.Event(), aws.start_execution
    others: list[int] = []

    def start_execution(**given: Any) -> Any:
        if given["name"].startswith("x29-"):
            hangs.wait(20)
        return start(**given)

    finish = type(world.state).finish_effects

    def finish_effects(state: Any, results: list[dict[str, Any]], now: datetime) -> int:
        recorded = finish(state, results, now)
        ((done,),) = world.sql("SELECT count(*) FROM effect WHERE done_at IS NOT NULL")
        others.append(done)
        if done == 29:
            hangs.set()
        return recorded

    monkeypatch.setattr(aws, "start_execution", start_execution)
    monkeypatch.setattr(type(world.state), "finish_effects", finish_effects)
    assert perform(world, SIX) == 30
    assert others[-2:] == [29, 30]


def test_who_cannot_record_results_stops_performing(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database went away: what has not begun is not performed by a worker that could not say so."""
    many(world, PAGE)

    def away(*given: Any) -> int:
        raise StateUnavailable("resuming")

    monkeypatch.setattr(type(world.state), "finish_effects", away)
    with pytest.raises(StateUnavailable):
        perform(world, SIX)
    assert len(aws.executions) < PAGE


def test_a_function_stops_performing_in_time_and_leaves_the_rest_as_it_was(world: World, aws: FakeAws) -> None:
    many(world, 100)
    context = Seconds(TIME_TO_END + 40, each=1)

    assert runtime.performer().perform_due(lambda: SIX, runtime.time_left(context)) == len(aws.executions)

    assert 0 < len(aws.executions) < 50
    assert context.left > TIME_TO_END - 70, "each effect asks once"
    assert world.sql(
        "SELECT tries, claimed_until, outcome, failing_since FROM effect WHERE done_at IS NULL GROUP BY 1, 2, 3, 4"
    ) == [(0, None, None, None)]
    perform(world, SIX)
    assert len(aws.executions) == 100


def test_nothing_is_claimed_without_time_to_perform_it(world: World, aws: FakeAws) -> None:
    many(world, 3)
    assert invoke("monitor", {}, Seconds(TIME_TO_END))["effects"] == 0
    assert world.sql("SELECT max(tries) FROM effect") == [(0,)]


def machines_calls(run: str) -> list[tuple[str, dict[str, Any]]]:
    end = {"state": "FAILED", "type": "lambda", "job_run_id": "l_1"}
    start = {"timeout": 60, "type": "lambda", "job_run_id": "l_1"}
    return [
        ("dependency_gate", gate(run)),
        ("pipeline_configuration", {"run_id": run, "attempt": 1}),
        ("job_tracker", job(run)),
        ("job_tracker", {**job(run, "start"), **start}),
        ("job_tracker", {**job(run, "end"), **end}),
        ("job_tracker", job(run, "resolve")),
        ("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1}),
    ]


def test_a_machines_call_performs_what_is_due_of_its_run_and_nothing_of_others(world: World, aws: FakeAws) -> None:
    """Ten thousand starts of others are due: a gate call that waits for them would time out."""
    run = day(world)
    world.sql(
        "INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at) SELECT 'other ' || n, 'start_execution', gen_random_uuid(), 1,"
        " jsonb_build_object('machine', 'm', 'name', 'other-' || n, 'input', '{}'), %s FROM generate_series(1, 10) n",
        SIX,
    )
    world.event("raw/rd1", TODAY, NOW)
    world.event("raw/rd2", TODAY, NOW)
    aws.jobs["jr_1"] = "SUCCEEDED"
    for function, event in machines_calls(run):
        invoke(function, event)

    assert [token for token, _ in aws.answered] == ["wait", "job"]
    assert [alert["kind"] for alert in aws.alerts] == ["STARTED"]
    assert len(aws.executions) == 1
    assert world.sql("SELECT count(*) FROM effect WHERE done_at IS NULL AND effect_key LIKE 'other%%'") == [(10,)]


def test_what_an_operator_did_is_performed_at_once_and_nothing_of_others(world: World, aws: FakeAws) -> None:
    many(world, 10)
    answer = invoke("operate", {"action": "backfill", "product": "d/x3", "business_date": "2026-11-01", "actor": "ann"})
    assert answer["opened"] == 1
    assert [arn.rsplit(":", 1)[-1] for arn in aws.executions] == ["x3-2026-11-01-1"]


@pytest.mark.parametrize("function", ["refresh_events", "scheduler"])
def test_a_functions_own_effects_come_first(world: World, aws: FakeAws, function: str) -> None:
    """Others are due since long before; the time is enough for its own, and for some of the others."""
    if function == "scheduler":
        world.load(
            {"d/y": product(name="y", schedule="06:30"), **{f"d/x{n}": product(name=f"x{n}") for n in range(60)}},
            LOADED,
        )
        opened(world)
        invoke("scheduler", {}, Seconds(TIME_TO_END + 20, each=1))
        first = next(iter(aws.executions))
        assert first.endswith(":y-2026-11-20-1")
        assert 1 < len(aws.executions) < 30
        return
    products = {f"d/x{n}": product(name=f"x{n}") for n in range(60)}
    world.load({"d/y": product("raw/a", name="y", schedule=None), **products}, LOADED)
    opened(world)
    invoke("refresh_events", queue(refreshed("raw/a")), Seconds(TIME_TO_END + 20, each=1))
    assert next(iter(aws.executions)).endswith(":y-2026-11-20-1")
    assert 1 < len(aws.executions) < 30


def test_what_is_recorded_stands_though_effects_cannot_be_claimed(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = day(world)

    def away(*given: Any) -> Any:
        raise StateUnavailable("resuming")

    monkeypatch.setattr(type(world.state), "claim_effects", away)
    monkeypatch.setattr(type(world.state), "claim_effects_due_since", away)
    monkeypatch.setattr(type(world.state), "claim_effects_of_run", away)
    invoke("dependency_gate", gate(run))
    assert invoke("refresh_events", sample("refresh_events")) == {"batchItemFailures": []}
    assert invoke("job_status", queue(glue_event("SUCCEEDED"))) == {"batchItemFailures": []}
    with pytest.raises(StateUnavailable):
        invoke("scheduler", {})  # its alarm has to go off
    assert world.run("d1/ds1", TODAY)["released_at"] is not None
