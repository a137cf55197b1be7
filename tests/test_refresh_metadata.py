"""What the work of a run says about its refresh reaches those who wait for it: in the event, and in the arguments of their work."""

import json
from typing import Any

import pytest

from state.errors import BadEvent, IllegalTransition, StaleAttempt, StateUnavailable, TooMuch, UnknownMetadata
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke, queue, refreshed
from tests.state_steps import LOADED, SIX, TODAY, effects, uuid
from tests.state_world import World, at, external, leaf, product, step

ROWS = {"row_count": 1200, "snapshot": 'a "quoted" \\ one', "ok": True, "nested": {"a": [1]}}


def consumer(*arguments: str, depends_on: Any = "d/x") -> dict[str, Any]:
    given = {f"--{number}": text for number, text in enumerate(arguments)}
    return product(depends_on, name="y", pipeline={"timeout": None, "steps": [step("build", given)]})


def begun(world: World, *arguments: str, **more: Any) -> dict[str, Any]:
    """d/x is PROCESSING, and d/y waits for it. Gives how its work names itself."""
    world.load({"raw/a": external(), "d/x": product("raw/a", name="x"), "d/y": consumer(*arguments, **more)}, LOADED)
    world.state.open_due_runs(SIX, "scheduler")
    world.event("raw/a", TODAY, SIX)
    run = uuid(world, "d/x")
    world.state.begin_pipeline(run, 1, None, SIX)
    return {"action": "metadata", "run_id": str(run), "attempt": 1, "step": "build"}


def passed_on(world: World) -> Any:
    (event,) = [each for each in effects(world, "put_event") if each["detail"]["product"] == "x"]  # type: ignore[index]
    return event["detail"]["metadata"]  # type: ignore[index]


def completed(job: dict[str, Any]) -> Any:
    return invoke(
        "outcome_recorder",
        {"run_id": job["run_id"], "attempt": 1, "status": "COMPLETED", "execution_arn": "arn:aws:states:x"},
    )


def test_a_job_says_what_it_passes_on(world: World, aws: FakeAws) -> None:
    """The machine publishes it, and so does the monitor if the machine does not live to."""
    job = begun(world)
    assert invoke("job_tracker", {**job, "metadata": {"row_count": 1, "part": "a"}}) == {
        "metadata": {"row_count": 1, "part": "a"}
    }
    invoke("job_tracker", {**job, "metadata": {"row_count": 1200}})
    recorded = completed(job)
    assert recorded["detail"]["metadata"] == {"row_count": 1200, "part": "a"} == passed_on(world)
    assert completed(job) == recorded, "the answer to a lost reply is the same"


def ended(job: dict[str, Any], answer: Any) -> Any:
    end = {
        **job,
        "action": "end",
        "type": "lambda",
        "job": "f",
        "job_run_id": f"{job['run_id']}/1/build",
        "state": "SUCCEEDED",
    }
    invoke("job_tracker", {**end, "action": "start", "timeout": 60})
    return invoke("job_tracker", {**end, "answer": answer})


def test_a_function_says_it_in_its_answer(world: World, aws: FakeAws) -> None:
    job = begun(world)
    ended(job, {"statusCode": 200, "metadata": {"row_count": 7}})
    assert completed(job)["detail"]["metadata"] == {"row_count": 7}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        [1],
        {},
        {"metadata": None},
        {"metadata": "x"},
        {"metadata": {"a b": 1}},
        {"metadata": {"a": "x" * 20_000}},
    ],
)
def test_an_answer_that_was_meant_otherwise_fails_no_step(
    world: World, aws: FakeAws, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    job = begun(world)
    assert ended(job, answer) == {"state": "SUCCEEDED"}
    assert completed(job)["detail"]["metadata"] == {}
    refused = isinstance(answer, dict) and isinstance(answer.get("metadata"), dict)
    assert ("metadata_refused" in caplog.text) == refused


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"metadata": {"row-count": 1}}, BadEvent, 'the name "row-count"; a name is a word such as row_count'),
        ({"metadata": {"a": "x" * 20_000}}, BadEvent, "at most 16,384"),
        ({"metadata": {"a": 10**30}}, BadEvent, "digits"),
        ({"metadata": {"a": "\x00"}}, BadEvent, "NUL"),
        ({"metadata": {f"a{number}": 1 for number in range(51)}}, BadEvent, "more than 50"),
        ({"metadata": [1]}, BadEvent, "/metadata is"),
        ({"metadata": {"a": 1}, "attempt": 2}, StaleAttempt, "is at attempt 1, not 2"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(
    world: World, aws: FakeAws, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    job = begun(world)
    with pytest.raises(error, match=says):
        invoke("job_tracker", {**job, **given})


def test_the_whole_is_bounded_and_ends_with_the_attempt(world: World, aws: FakeAws) -> None:
    job = begun(world)
    invoke("job_tracker", {**job, "metadata": {"a": "x" * 9_000}})
    with pytest.raises(TooMuch, match="passes on 2 names and 18018 bytes"):
        invoke("job_tracker", {**job, "metadata": {"b": "x" * 9_000}})
    completed(job)
    assert set(passed_on(world)) == {"a"}
    with pytest.raises(IllegalTransition, match="is COMPLETED, so its work passes nothing on"):
        invoke("job_tracker", {**job, "metadata": {"c": 1}})


def test_an_unavailable_state_is_tried_again(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    job = begun(world)

    def away(*given: Any) -> Any:
        raise StateUnavailable("resuming")

    monkeypatch.setattr(type(world.state), "record_metadata", away)
    with pytest.raises(StateUnavailable):
        ended(job, {"metadata": {"a": 1}})


def arguments_of(world: World, **metadata: Any) -> Any:
    """The arguments of d/y once d/x was refreshed with this metadata."""
    invoke("refresh_events", queue(refreshed("d/x", metadata=metadata)))
    return world.state.begin_pipeline(uuid(world, "d/y"), 1, None, at(f"{TODAY} 07:00"))["build"]["arguments"]


def test_a_consumer_takes_it_into_its_arguments(world: World, aws: FakeAws) -> None:
    """Escaped within the text, at any place in it; what looks like a placeholder in it is none."""
    begun(
        world,
        "{upstream.x.row_count} rows of {upstream.d/x.snapshot}",
        "{upstream.x.ok}/{business_date}",
        "{upstream.x.trap}{upstream.x.row_count}",
    )
    found = arguments_of(world, **ROWS, trap="{upstream.x.ok}{run_id}")
    assert found == {
        "--0": f"1200 rows of {ROWS['snapshot']}",
        "--1": f"true/{TODAY}",
        "--2": "{upstream.x.ok}{run_id}1200",
    }


@pytest.mark.parametrize(
    ("argument", "metadata", "says"),
    [
        (
            "{upstream.x.rows}",
            {"row_count": 1, "b": 2},
            "{upstream.x.rows} has no value: the refresh of d/x for 2026-11-20 has only b, row_count",
        ),
        ("{upstream.x.rows}", {}, "the refresh of d/x for 2026-11-20 has no metadata"),
        ("{upstream.other.rows}", {}, "no refresh of other has arrived for 2026-11-20"),
    ],
)
def test_what_is_not_passed_on_is_named(
    world: World, aws: FakeAws, argument: str, metadata: dict[str, Any], says: str
) -> None:
    """The machine records it as the error of the run; the pipeline has not begun."""
    begun(world, argument)
    with pytest.raises(UnknownMetadata) as raised:
        arguments_of(world, **metadata)
    assert says in str(raised.value)
    assert world.run("d/y", TODAY)["status"] == "WAITING"
    error = {"status": "ERROR", "error": "UnknownMetadata", "cause": str(raised.value)}
    invoke(
        "outcome_recorder",
        {"run_id": str(uuid(world, "d/y")), "attempt": 1, "execution_arn": "arn:aws:states:x", **error},
    )
    assert world.run("d/y", TODAY)["status"] == "ERROR"


def test_the_latest_of_several_refreshes_counts(world: World, aws: FakeAws) -> None:
    either = {"any_of": [leaf("d/x"), leaf("raw/a", max_age=7 * 86400)]}
    begun(world, "{upstream.x.part}", depends_on=either)
    assert arguments_of(world, part="new") == {"--0": "new"}


def test_why_shows_what_was_passed_on(world: World, aws: FakeAws) -> None:
    job = begun(world)
    invoke("job_tracker", {**job, "metadata": ROWS})
    run = invoke("inquire", {"question": "why", "product": "d/x", "business_date": TODAY})["run"]
    assert json.loads(run["passed_on"]) == ROWS
