"""Every handler under the real Lambda runtime, fed from events/*.json: cold, warm, an error by its name, a timeout."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lambda_runtime import emulator, running
from tests.state_world import World, at, external, product

ROOT = Path(__file__).parent.parent
CATALOG = ROOT / "statemachines" / "catalog"  # on AWS a layer of the metadata loader
PAGE = ROOT / "board" / "page"  # and one of the hosted board
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(emulator() is None, reason="aws-sam-cli is not in .venv-sam: run `make setup`"),
]
RUN = "0b4e6f1c-9f57-4b7e-8f0e-3d2f5a7c9e11"

# What the sample does to a day on which d1/ds1's run is open and released, with the id the samples name. AWS is not
# there, so what is due stays in the outbox; that, too, is part of the contract: the answer does not depend on it.
ANSWERS: dict[str, Any] = {
    "scheduler": lambda answer: answer["due"] == 0,
    "refresh_events": lambda answer: answer == {"batchItemFailures": []},
    "dependency_gate": lambda answer: answer["released"] is True,
    "pipeline_configuration": lambda answer: answer["steps"]["build"]["job"] == "job-build",
    "job_tracker": lambda answer: answer == {"state": "STARTED"},
    "job_status": lambda answer: answer == {"batchItemFailures": []},
    "file_batches": lambda answer: answer["errorType"] == "IllegalTransition",  # the run has not begun
    "landing": lambda answer: answer == {"batchItemFailures": []},
    "outcome_recorder": lambda answer: "recorded_at" in answer,
    "monitor": lambda answer: answer["late"] == 0,
    "retention": lambda answer: answer["archived"]["runs"] == 0,  # nothing is old enough
    "alerts": lambda answer: answer == {"batchItemFailures": []},  # this day's d1/ds1 tells nobody of failures
    "inquire": lambda answer: answer["errorType"] == "UnknownProduct",  # d1/ds4 is not in this day's catalog
    "board_snapshot": lambda answer: "errorType" in answer,  # S3 is not there
    "hosted_board": lambda answer: answer["statusCode"] == 200,
    "operate": lambda answer: answer["errorType"] == "IllegalTransition",
    "metadata_loader": lambda answer: answer["Status"] == "SUCCESS",
    "schema_migration": lambda answer: answer["Data"] == {"migrations": 0},
    "database_protection": lambda answer: answer["Status"] == "FAILED",  # RDS is not there
    "code_publisher": lambda answer: answer["Status"] == "FAILED",  # S3 is not there
}


@pytest.fixture
def open_day(world: World) -> dict[str, str]:
    """The environment of functions that use a database on which the samples make sense."""
    world.load(
        {"raw/rd1": external(), "raw/rd2": external(), "d1/ds1": product(["raw/rd1"], name="ds1")},
        at("2026-11-20 00:00"),
    )
    world.state.open_due_runs(at("2026-11-20 06:00"), "scheduler")
    world.sql("UPDATE effect SET done_at = now()")
    world.sql("UPDATE data_product_schedule SET opened_until = '2100-01-01Z'")
    for table in ("data_product_dependencies_events_status", "data_product_status"):
        world.sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        world.sql(f"UPDATE {table} SET run_id = %s", RUN)
        world.sql(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    world.event("raw/rd1", "2026-11-20", at("2026-11-20 06:10"))
    nowhere = {
        f"AWS_ENDPOINT_URL_{name}": "http://127.0.0.1:1"
        for name in ("STEPFUNCTIONS", "SFN", "EVENTBRIDGE", "EVENTS", "SNS", "GLUE", "RDS", "S3")
    }
    # what `sam local invoke --env-vars events/env.json` sets, but for the address of this test's database
    given = json.loads((ROOT / "events" / "env.json").read_text("utf-8"))["Parameters"]
    del given["AWS_ENDPOINT_URL"]
    return {**given, **nowhere, "AWS_ENDPOINT_URL_RDS_DATA": world.url, "AWS_MAX_ATTEMPTS": "1", "LAYERS": str(CATALOG)}


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))


def test_every_function_has_a_sample_and_an_answer() -> None:
    handlers = {path.stem for path in (ROOT / "functions").glob("*.py") if "def handler(" in path.read_text("utf-8")}
    assert handlers == ANSWERS.keys() == {path.stem for path in (ROOT / "events").glob("*.json")} - {"env"}


@pytest.mark.parametrize("name", ANSWERS)
def test_cold_and_warm(name: str, open_day: dict[str, str], tmp_path: Path) -> None:
    layer = {"LAYERS": str(PAGE)} if name == "hosted_board" else {}
    with running(f"{name}.handler", open_day | layer, tmp_path / "log") as function:
        cold = function.invoke(sample(name))
        assert ANSWERS[name](cold), (cold, (tmp_path / "log").read_text()[-3000:])
        warm = function.invoke(sample(name))
        assert "errorType" not in warm or warm["errorType"] == cold.get("errorType"), warm


def test_an_error_goes_by_its_name_and_the_function_lives_on(open_day: dict[str, str], tmp_path: Path) -> None:
    with running("pipeline_configuration.handler", open_day, tmp_path / "log") as function:
        assert function.invoke({})["errorType"] == "BadEvent"
        assert function.invoke({"run_id": RUN.replace("0b4e", "ffff"), "attempt": 1})["errorType"] == "UnknownRun"
        assert function.invoke(sample("pipeline_configuration"))["steps"]["build"]["job"] == "job-build"


def test_a_function_that_takes_too_long_is_ended(open_day: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(30)\n")
    with running("slow.handler", open_day, tmp_path / "log", timeout=1, code=tmp_path) as function:
        answer = function.invoke({})
    assert "Task timed out after 1.00 seconds" in str(answer)


def test_no_secret_and_no_token_is_logged(open_day: dict[str, str], tmp_path: Path) -> None:
    with running("dependency_gate.handler", open_day, tmp_path / "log") as function:
        function.invoke(sample("dependency_gate"))
        function.invoke({**sample("dependency_gate"), "attempt": 7})
    log = (tmp_path / "log").read_text()
    assert sample("dependency_gate")["task_token"] not in log
