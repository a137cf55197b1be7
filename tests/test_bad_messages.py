"""One bad message never blocks its batch: whatever a body holds, it is refused alone, with a reason in the log."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import contract
import runtime
from contract import require
from state.errors import BadEvent
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, TODAY, day, gate, glue_event, invoke, job, queue, refreshed, sample
from tests.state_world import World

SCHEMAS = Path(__file__).parent.parent / "events" / "schemas"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.json"))
DEEP = "[" * 20_000 + "]" * 20_000


@pytest.fixture(autouse=True)
def clock(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "now", lambda: NOW)


def holding(body: dict[str, Any], value: str) -> list[str]:
    """The body with that JSON text in place of each of its values in turn, and beside them."""
    detail = body.get("detail", body)
    texts = []
    for key in [*detail, "metadata", "another"]:
        changed = {**detail, key: "PLACE"}
        texts.append(json.dumps({**body, "detail": changed} if "detail" in body else changed).replace('"PLACE"', value))
    return texts


BAD = {
    "nested": DEEP,
    "nested objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "nested as far as the parser goes": "[" * 900 + "]" * 900,
    "too large": "1e400",
    "too small": "-1e400",
    "no number": "NaN",
    "endless": "Infinity",
    "long": "1" + "0" * 5_000,
    "long, below the parser's limit": "1" + "0" * 4_000,
    "nul": '"a\\u0000b"',
    "half a character": '"a\\ud800b"',
    "half a character as a key": '{"\\udfff": 1}',
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_a_refresh_event_that_cannot_be_kept_is_refused_alone(
    world: World, aws: FakeAws, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    run = day(world)
    invoke("dependency_gate", gate(run))
    bad = holding(refreshed("raw/rd1"), value)

    answer = invoke("refresh_events", queue(refreshed("raw/rd1"), *bad, value, refreshed("raw/rd2")))

    refused = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    assert refused == [str(number) for number in range(1, len(bad) + 2)]
    assert [token for token, _ in aws.answered] == ["wait"], "the others count"
    logged = [json.loads(record.message) for record in caplog.records if record.levelno == logging.ERROR]
    assert [each["refused"] for each in logged] == refused
    assert all(each["reason"] and len(each["reason"]) <= 1_000 for each in logged)


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_the_end_of_a_job_that_cannot_be_read_is_refused_alone(world: World, aws: FakeAws, value: str) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    bad = holding(glue_event("FAILED", "jr_2"), value)

    answer = invoke("job_status", queue(*bad, value, glue_event("SUCCEEDED")))

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [str(n) for n in range(len(bad) + 1)]
    assert aws.answered == [("job", {"job_run_id": "jr_1"})]


@pytest.mark.parametrize("wrong", [5, ["x"], {"a": 1}, True])
def test_the_end_of_a_machine_with_wrong_types_is_refused_alone(world: World, aws: FakeAws, wrong: Any) -> None:
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    arn = next(iter(aws.executions))
    machine, name = arn.replace(":execution:", ":stateMachine:").rsplit(":", 1)
    detail = {"executionArn": arn, "stateMachineArn": machine, "name": name, "status": "FAILED"}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    bad = [{**event, "detail": {**detail, key: wrong}} for key in ("error", "cause", "name", "status")]

    answer = invoke("job_status", queue(*bad, {**event, "source": wrong}, glue_event("SUCCEEDED")))

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["0", "1", "2", "3", "4"]
    assert aws.answered == [("job", {"job_run_id": "jr_1"})]


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_an_alert_that_cannot_be_read_is_refused_alone(
    world: World, aws: FakeAws, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    record, *_ = sample("alerts")["Records"]
    alert = {**json.loads(record["body"]), "kind": "COMPLETED", "product": "d1/ds1", "run_id": day(world)}
    bad = holding(alert, value)

    answer = invoke("alerts", queue(*bad, value, "[]", "5", '"x"', alert))

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [str(n) for n in range(len(bad) + 4)]
    assert world.sql("SELECT count(*) FROM alert") == [(1,)], "the last one is taken"
    assert "Error:" not in caplog.text, "each is refused by a reason and not by a defect"


def test_a_defect_in_one_message_is_the_fault_of_that_message(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised: what nobody thought of costs one message."""
    import refresh_events

    run = day(world)
    invoke("dependency_gate", gate(run))
    parse = refresh_events.parse
    monkeypatch.setattr(
        refresh_events, "parse", lambda body: parse(body) if body["detail"]["product"] != "rd3" else 1 / 0
    )
    answer = invoke("refresh_events", queue(refreshed("raw/rd3"), refreshed("raw/rd1"), refreshed("raw/rd2")))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert len(aws.answered) == 1


def test_what_only_the_database_refuses_goes_back_alone(world: World, aws: FakeAws) -> None:
    """A time zone 23 hours from UTC: Python and RFC 3339 know it, PostgreSQL does not."""
    run = day(world)
    invoke("dependency_gate", gate(run))
    odd = refreshed("raw/rd1", refreshed_at="2026-11-20T06:00:00+23:00")
    answer = invoke("refresh_events", queue(odd, refreshed("raw/rd1"), refreshed("raw/rd2")))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert len(aws.answered) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "raw\n"}, {"product": "rd1\n"}, {"cycle": "1430\n"}, {"business_date": f"{TODAY}\n"},
        {"business_date": "20261120"}, {"refreshed_at": "2026-W47-5T06:00:00+00:00"}, {"refreshed_at": "20261120T060000+0000"},
        {"refreshed_at": "2026-11-20T06:00:00Z\n"}, {"attempt": 2**31},
    ],
)  # fmt: skip
def test_a_pattern_and_a_format_mean_the_whole_text(changed: dict[str, Any]) -> None:
    with pytest.raises(BadEvent, match="refresh-event: /detail/"):
        require(refreshed("raw/rd1", **changed), "refresh-event")


def test_moments_are_read_as_producers_write_them() -> None:
    for moment in ("2026-11-20T06:00:00Z", "2026-11-20t06:00:00.123456789z", "2026-11-20 06:00:00-05:30"):
        require(refreshed("raw/rd1", refreshed_at=moment), "refresh-event")


def test_a_refusal_names_the_first_problems_and_no_more() -> None:
    many = {f"key {number}": number for number in range(5_000)}
    with pytest.raises(BadEvent) as refused:
        require({**refreshed("raw/rd1"), "detail": many}, "refresh-event")
    assert len(str(refused.value)) < 1_500
    assert str(refused.value).endswith("; and more")


@pytest.mark.parametrize("name", NAMES)
def test_the_checker_knows_every_keyword_of_the_contracts(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert contract.unknown(schema) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ({"minLength": 1}, "/detail/domain: minLength"),
        ({"items": {}}, "/detail/domain: items"),
        ({"$ref": "#/x"}, "/detail/domain: $ref"),
        ({"format": "uuid"}, "/detail/domain: format uuid"),
        ({"type": "tuple"}, "/detail/domain: type tuple"),
        ({"pattern": "^a$|^b$"}, "/detail/domain: pattern ^a$|^b$"),
        ({"pattern": "a$\n"}, "/detail/domain: pattern a$\n"),
        ({"additionalProperties": {"type": "string"}}, "/detail/domain: additionalProperties that is a schema"),
    ],
)
def test_a_keyword_that_the_checker_does_not_know_is_refused(
    planted: dict[str, Any], found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A contract that says more than is checked would let through what it forbids."""
    schema = json.loads((SCHEMAS / "refresh-event.schema.json").read_text("utf-8"))
    schema["properties"]["detail"]["properties"]["domain"].update(planted)
    assert contract.unknown(schema) == [found]
    (tmp_path / "planted.schema.json").write_text(json.dumps(schema))
    monkeypatch.setattr(contract, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"^planted\.schema\.json has what contract\.py does not check"):
        require(refreshed("raw/rd1"), "planted")


def test_text_that_postgresql_cannot_hold_never_loses_an_outcome(world: World, aws: FakeAws) -> None:
    """A machine's cause and a service's message are whatever the work printed."""
    run = day(world)
    invoke("refresh_events", sample("refresh_events"))
    invoke("job_tracker", job(run))
    text = "a\x00b \ud800 \\u0000 é"
    invoke("job_tracker", {**job(run, "end"), "type": "lambda", "state": "FAILED", "cause": text})
    invoke("outcome_recorder", {"status": "ERROR", "run_id": run, "attempt": 1, "error": "x", "cause": text})

    assert world.run("d1/ds1", TODAY)["cause"] == "a\ufffdb \ufffd \\u0000 é"
    assert world.sql("SELECT message FROM job_run") == [("a\ufffdb \ufffd \\u0000 é",)]
