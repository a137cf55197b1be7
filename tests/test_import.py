"""`headgate import`: products that `headgate validate` accepts as they are, and a report of what was not carried over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Headgate
from tests.golden import FOLDER, expect

FIXTURES = FOLDER / "imports"
CASES = {
    "dbt-by-folder": ("dbt", "dbt/manifest.json", "--schedule", "weekdays 05:30 Europe/Berlin"),
    "dbt-by-model": ("dbt", "dbt/manifest.json", "--by", "model", "--select", "path:models/marts", "--sources", "table"),
    "dbt-by-tag": ("dbt", "dbt/manifest.json", "--by", "tag", "--domain-from", "schema", "--launch", "batch", "--task", "shop"),
    "airflow": ("airflow", "airflow/dags-3.1.json"),
    "airflow-2": ("airflow", "airflow/dags-2.json", "--domain-from", "tag"),
    "glue-workflow": ("glue", "glue/workflow.json", "glue/jobs.json", "--domain", "orders"),
    "glue-triggers": ("glue", "glue/triggers.json", "--schedule", "daily 04:00"),
    "glue-crawler": ("glue", "glue/template.yaml"),
    "stepfunctions": ("stepfunctions", "stepfunctions/described.json", "stepfunctions/schedule.json"),
    "stepfunctions-definition": (
        "stepfunctions", "stepfunctions/vendor-poll.asl.json", "stepfunctions/sam-load.asl.json", "stepfunctions/regions.asl.json",
        "--input", "stepfunctions/input.json", "--schedule", "cron(0 6 * * ? *) America/Chicago",
    ),
}  # fmt: skip
MESH = """\
--- raw/domain.yaml
owner: ingestion
--- raw/rd1.yaml
description: One
"""


def given(case: tuple[str, ...]) -> list[str]:
    return [str(FIXTURES / each) if (FIXTURES / each).is_file() else each for each in case]


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.is_file() and ".headgate" not in path.parts}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_products_are_accepted_as_they_are(name: str, project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("")

    code, printed = headgate("import", *given(CASES[name]))
    assert code == 0, printed
    written = "".join(f"--- {path}\n{text}" for path, text in files(root / "products").items())
    expect(FIXTURES / f"{name}.txt", f"{printed}\n{written}".encode())

    code, printed = headgate("validate")
    assert code == 0, printed
    assert "no errors" in printed


def test_a_second_import_changes_nothing(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("")
    headgate("import", *given(CASES["glue-workflow"]))
    before = files(root)

    code, printed = headgate("import", *given(CASES["glue-workflow"]), "--json")

    assert code == 0
    assert {each["state"] for each in json.loads(printed)["files"]} == {"unchanged"}
    assert files(root) == before


def test_what_people_changed_is_kept_and_shown_until_they_say_replace(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project("")
    case = given(CASES["stepfunctions"])
    headgate("import", *case)
    product = root / "products/machines/positions-nightly.yaml"
    imported = product.read_text()
    product.write_text(imported.replace("Positions of the day", "Positions, valued"))

    code, printed = headgate("import", *case)
    assert code == 1
    assert "-description: Positions, valued" in printed
    assert "+description: Positions of the day" in printed
    assert "overwrite them with --replace" in printed
    assert "Positions, valued" in product.read_text()

    assert headgate("import", *case, "--replace")[0] == 0
    assert product.read_text() == imported


def test_a_dry_run_writes_nothing(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    before = files(root)

    code, printed = headgate("import", *given(CASES["airflow"]), "--dry-run")

    assert code == 0
    assert "products/airflow/load-orders.yaml      would be written" in printed
    assert files(root) == before


def test_products_that_were_there_stay_beside_the_import(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    headgate("import", *given(CASES["glue-workflow"]))

    code, printed = headgate("validate")
    assert (code, "2 products in 2 domains" in printed) == (0, True), printed
    assert (root / "products/raw/rd1.yaml").read_text() == "description: One\n"


def test_a_product_that_is_no_folder_any_more_takes_the_place_of_the_folder(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """With steps a machine is one file; as a definition it was a folder with two."""
    root = project("")
    folder = root / "products/machines/positions-nightly"
    headgate("import", *given(CASES["stepfunctions"]))
    (root / "products/machines/positions-nightly.yaml").unlink()
    folder.mkdir()
    (folder / "product.yaml").write_text("description: By hand\n")

    code, _ = headgate("import", *given(CASES["stepfunctions"]))
    assert (code, (folder / "product.yaml").exists()) == (1, True)

    code, printed = headgate("import", *given(CASES["stepfunctions"]), "--replace")
    assert code == 0, printed
    assert not (folder / "product.yaml").exists()
    assert headgate("validate")[0] == 0


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("dbt", '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {', "given.json:1:"),
        ("dbt", "{}", "the manifest.json of dbt 1.5 or later"),
        ("dbt", '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}', "found     catalog v1"),
        ("dbt", '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v4.json"}}', "Run `dbt parse` with dbt 1.5 or later."),
        ("dbt", '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {"model.a.b": {}}, "sources": []}', "/nodes/model.a.b"),
        ("airflow", '[{"__version": 99, "dag": {}}, 7]', "/0/__version"),
        ("airflow", '{"__version": 1, "dag": {"dag_id": "x", "tasks": [{}]}}', "/dag/tasks/0"),
        ("glue", '{"Triggers": [{"Name": "a", "Type": "CONDITIONAL", "Actions": []}]}', "an object with Predicate"),
        ("glue", '{"Databases": []}', "an object with Databases"),
        ("stepfunctions", '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}', "the next state B"),
        ("stepfunctions", '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": ${Seconds}}}}', "A placeholder outside of quotes"),
        ("stepfunctions", "", "the end of the file inside a value"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_explained_with_its_place(
    project: Callable[[str], Path], headgate: Headgate, source: str, text: str, expected: str
) -> None:
    root = project("")
    (root / "given.json").write_text(text)

    code, printed = headgate("import", source, "given.json")

    assert code == 1
    assert "given.json" in printed
    assert expected in printed
    assert "nothing was written" in printed
    assert "Traceback" not in printed
    assert not (root / "products").exists() or not files(root / "products")
    code, printed = headgate("import", source, "given.json", "--json")
    assert (code, len(json.loads(printed)["findings"]) > 0) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dbt", "dbt/manifest.json", "--select", "tag:weekly"), "--select tag:weekly: no model, seed or snapshot"),
        (("dbt", "dbt/manifest.json", "--select", "state:modified"), "expected a name or one of tag:"),
        (("dbt", "dbt/manifest.json", "--schedule", "at dawn"), "--schedule at dawn: expected daily 06:00"),
        (("dbt", "dbt/manifest.json", "--schedule", "daily 06:00 Mars/North"), "the time zone Mars/North"),
        (("dbt", "dbt/manifest.json", "--domain", "A B"), "--domain A B: expected a name of lower-case letters"),
        (("dbt", "dbt/manifest.json", "--domain", "x", "--domain-from", "tag"), "give one of them"),
        (("dbt", "dbt/manifest.json", "--account", "12"), "--account 12: expected an AWS account id of twelve digits"),
        (("airflow", "airflow/dags-3.1.json", "--select", "nothing"), "no DAG in these files by that name"),
        (("glue", "glue/workflow.json", "--select", "x"), "--select x: nothing has this name"),
        (("stepfunctions", "stepfunctions/schedule.json"), "no state machine in these files"),
        (("stepfunctions", "stepfunctions/described.json", "--substitute", "x"), "--substitute x: expected NAME=VALUE"),
    ],
)
def test_mistakes_end_with_a_message(
    project: Callable[[str], Path], headgate: Headgate, arguments: tuple[str, ...], message: str
) -> None:
    project("")

    code, printed = headgate("import", *given(arguments))

    assert code == 2
    assert message in printed


def test_a_domain_needs_an_account_where_others_name_theirs(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH.replace("owner: ingestion", 'owner: ingestion\naccount: "111111111111"\nregion: us-east-1'))
    case = given(CASES["glue-workflow"])

    code, printed = headgate("import", *case)
    assert (code, "every domain needs one: give it with --account" in printed) == (2, True)

    code, printed = headgate("import", *case, "--account", "222222222222", "--region", "us-east-1")
    assert code == 0, printed
    assert 'account: "222222222222"' in (root / "products/orders/domain.yaml").read_text()
    assert headgate("validate")[0] == 0


def test_the_parts_of_a_project_can_be_imported_one_after_the_other(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """What was not selected is external until it is imported; what was imported is never made external again."""
    root = project("")
    manifest = str(FIXTURES / "dbt/manifest.json")
    staging = root / "products/shop/staging.yaml"

    assert headgate("import", "dbt", manifest, "--select", "path:models/marts/core")[0] == 0
    assert "pipeline" not in staging.read_text()
    assert headgate("import", "dbt", manifest, "--select", "path:models/staging", "--replace")[0] == 0
    assert "pipeline" in staging.read_text()
    assert headgate("import", "dbt", manifest, "--select", "path:models/marts/core")[0] == 0
    assert "pipeline" in staging.read_text()
    assert headgate("validate")[0] == 0


def test_the_json_report_says_why_a_product_stays_external(project: Callable[[str], Path], headgate: Headgate) -> None:
    project("")

    code, printed = headgate("import", *given(CASES["airflow"]), "--json")

    report: dict[str, Any] = json.loads(printed)
    assert code == 0
    assert list(report["external"]) == ["airflow/send-mails"]
    assert "PythonOperator" in report["external"]["airflow/send-mails"][0]
    assert {"product": "airflow/send-mails", "source": "DAG send_mails", "kind": "left out", "text": report["external"]["airflow/send-mails"][0]} in report["notes"]  # fmt: skip
