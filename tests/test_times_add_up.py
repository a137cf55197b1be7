"""The times and sizes of metadata are what its documentation says, whatever a run meets: retries, waits for capacity, outages, its own timeout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pipeline_configuration
import runtime
from headgate.generator.lint import machine_checks
from headgate.generator.model import build
from headgate.generator.plan.asl import all_states
from headgate.generator.plan.outline import outline
from headgate.generator.render.machine import render_machine
from state.errors import TooMuch
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import FOLDER
from tests.handler_steps import TODAY, gate, invoke, job, sample
from tests.state_world import World, at, external, product, step

HOUR = 3600


@pytest.fixture
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def show(time: str) -> None:
        monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} {time}"))

    show("06:00")
    return show


def machine(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    document = {"description": "x", "owner": "x", "pipeline": {"steps": list(steps), **more}}
    return render_machine(outline(build.product("d1", "ds1", document)))


def glue(name: str = "build", **more: Any) -> dict[str, Any]:
    retry = {"retry": more.pop("retry")} if "retry" in more else {}
    return {"name": name, "glue": {"job": name, **more}, **retry}


def longest_wait(retrier: dict[str, Any]) -> float:
    """Seconds between all the tries at worst; half of it on average."""
    delays = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    return float(sum(min(each, retrier["MaxDelaySeconds"]) for each in delays))


MACHINES = sorted((FOLDER / "output").rglob("*.asl.json"))


def test_no_limit_of_a_machine_ends_a_run_before_its_states_do() -> None:
    """Each state has a limit, and a year is what AWS allows."""
    for path in MACHINES:
        definition = json.loads(path.read_text("utf-8"))
        assert "TimeoutSeconds" not in definition, path
        assert all("TimeoutSeconds" in state for _, state in all_states(definition) if state["Type"] == "Task"), path


def test_what_only_records_waits_for_hours_until_the_database_is_back() -> None:
    for path in MACHINES:
        for name, state in all_states(json.loads(path.read_text("utf-8"))):
            if str(state.get("Parameters", {}).get("FunctionName")).startswith("${"):  # a function of Headgate
                known = {error: each for each in state["Retry"] for error in each["ErrorEquals"]}
                for error in ("StateUnavailable", "Lambda.ServiceException", "Sandbox.Timedout"):
                    assert longest_wait(known[error]) > 4 * HOUR, f"{path} {name} {error}"


def test_work_that_may_start_late_is_waited_for_longer() -> None:
    """Glue keeps a FLEX run up to 20 minutes before it starts, and its timeout counts from then."""
    standard = machine(glue(timeout="60m"))["States"]["Wait for build"]["TimeoutSeconds"]
    flexible = machine(glue(timeout="60m", execution_class="FLEX"))["States"]["Wait for build"]["TimeoutSeconds"]

    assert standard > HOUR
    assert flexible == standard + 20 * 60


def test_nineteen_steps_with_retries_fit_the_history_of_an_execution(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    retry = {"attempts": 5, "interval": "60s"}
    assert machine_checks.problems(machine(*(glue(f"s{n}", retry=retry) for n in range(19)))) == []
    steps = "".join(f"    - {{name: s{n}, glue: {{job: j{n}}}, retry: {{attempts: 5}}}}\n" for n in range(19))
    project(
        "--- d1/domain.yaml\nowner: team\n--- d1/ds1.yaml\ndescription: x\n"
        'schedule: {frequency: daily, time: "06:00"}\npipeline:\n  steps:\n' + steps
    )

    assert headgate("generate")[0] == 0
    more = machine(*(glue(f"s{n}", retry=retry | {"attempts": 99}) for n in range(40)))
    assert any("history events" in each for each in machine_checks.problems(more))


def processing(world: World, **pipeline: Any) -> str:
    entry = product(
        "raw/rd1", name="ds1", pipeline=product()["pipeline"] | pipeline, notify=[{"on": ["ERROR"], "level": "product"}]
    )
    world.load({"raw/rd1": external(), "d1/ds1": entry}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    arn = world.run("d1/ds1", TODAY)["execution_arn"] or "arn:aws:states:x:1:execution:m:e"
    invoke("dependency_gate", gate(run, execution_arn=arn))
    world.event("raw/rd1", TODAY, runtime.now())
    return run


def test_a_pipeline_that_takes_longer_than_its_timeout_is_ended_with_its_work(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    run = processing(world, timeout=2 * HOUR)
    clock("07:00")
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("job_tracker", job(run))
    aws.jobs["jr_1"] = "RUNNING"
    aws.executions["arn:aws:states:x:1:execution:m:e"] = {"status": "RUNNING"}
    clock("08:59")
    assert invoke("monitor", {})["overdue"] == 0

    clock("09:00")
    assert invoke("monitor", {})["overdue"] == 1

    found = world.run("d1/ds1", TODAY)
    assert (found["status"], found["error"]) == ("ERROR", "PipelineTimedOut")
    assert found["cause"] == (
        "the pipeline began at 2026-11-20 07:00 UTC and has not ended within its timeout of 02:00:00"
    )
    assert aws.stopped == ["jr_1"]
    assert aws.executions["arn:aws:states:x:1:execution:m:e"]["status"] == "ABORTED"
    assert [each["error"] for each in aws.alerts] == ["PipelineTimedOut"]
    assert invoke("monitor", {})["overdue"] == 0


def test_a_pipeline_without_a_timeout_takes_as_long_as_its_steps(
    world: World, aws: FakeAws, clock: Callable[[str], None]
) -> None:
    run = processing(world)
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    clock("23:59")

    assert invoke("monitor", {})["overdue"] == 0


def test_arguments_that_outgrow_an_answer_say_so(world: World, clock: Callable[[str], None]) -> None:
    large = {f"--a{n}": "x" * 4000 for n in range(20)}
    run = processing(world, steps=[step("build", large)])

    with pytest.raises(TooMuch, match=r"d1/ds1 for 2026-11-20: the arguments of all steps have 80,[0-9]+ bytes"):
        pipeline_configuration.handler({"run_id": run, "attempt": 1}, None)


@pytest.mark.parametrize("ended", ["SKIPPED", "CANCELLED"])
def test_a_run_that_is_ended_in_its_first_second_makes_no_noise(
    world: World, aws: FakeAws, clock: Callable[[str], None], capsys: pytest.CaptureFixture[str], ended: str
) -> None:
    """Its machine begins a moment later: it is stopped, and nothing fails."""
    world.load({"raw/rd1": external(), "d1/ds1": product("raw/rd1", name="ds1")}, at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))
    (arn,) = aws.executions
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    action = {"SKIPPED": "skip", "CANCELLED": "cancel"}[ended]
    invoke(
        "operate",
        {"action": action, "product": "d1/ds1", "business_date": TODAY, "actor": "ann", "reason": "not needed"},
    )

    answer = invoke("dependency_gate", gate(run, execution_arn=arn))

    assert answer == {"released": False, "missing": []}
    assert aws.executions[arn]["status"] == "ABORTED"
    assert world.run("d1/ds1", TODAY)["status"] == ended
    assert (aws.alerts, capsys.readouterr().out) == ([], "")
