"""`headgate plan` says by meaning what will change."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.main import main
from headgate.generator.plan.open_runs import open_run_changes
from tests.conftest import Headgate
from tests.golden import lay_out

MESH = """\
--- raw/domain.yaml
owner: ingestion
--- raw/rd1.yaml
description: One
--- raw/rd9.yaml
description: Nine
--- d1/domain.yaml
owner: team-one
--- d1/ds3.yaml
description: Positions
depends_on: {all_of: [raw/rd1]}
wait: {deadline: 4h}
pipeline:
  steps:
    - {name: build, glue: {job: build, arguments: {"--mode": full}}, retry: {attempts: 2}}
--- d1/ds4.yaml
description: Exposure
depends_on: {all_of: [d1/ds3]}
pipeline:
  steps:
    - {name: build, glue: {job: build-ds4}}
--- d1/ds5.yaml
description: Report
depends_on: {all_of: [d1/ds4]}
pipeline:
  steps:
    - {name: build, glue: {job: build-ds5}}
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with the mesh and what is generated for it, for tests to copy."""
    root = tmp_path_factory.mktemp("mesh")
    lay_out(MESH, root / "products")
    with contextlib.chdir(root):
        assert main(["generate"]) == 0
    return root


@pytest.fixture
def generated(mesh: Path, project: Callable[[str], Path]) -> Path:
    root = project("")
    shutil.copytree(mesh, root, dirs_exist_ok=True)
    return root


def edit(root: Path, product: str, old: str, new: str) -> None:
    path = root / "products" / f"{product}.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_says_what_changed_and_who_is_affected(generated: Path, headgate: Headgate) -> None:
    edit(generated, "d1/ds3", "[raw/rd1]", "[raw/rd1, raw/rd9]")
    edit(generated, "d1/ds3", "attempts: 2", "attempts: 3")

    code, printed = headgate("plan")

    assert code == 0
    assert printed.splitlines() == [
        "~ d1/ds3 now also waits for raw/rd9; retry attempts 2 -> 3",
        "waiting runs of d1/ds3 will take the new condition at deployment; --stack NAME or --local counts them",
        "2 machines unchanged; downstream affected: 2 (d1/ds4, d1/ds5)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[raw/rd1]", "[{product: raw/rd1, offset: -1}]", "waits for raw/rd1 with offset 0 -> -1"),
        ("[raw/rd1]", "[{product: raw/rd1, max_age: 7d}]", "waits for raw/rd1 with max_age none -> 7d"),
        ("[raw/rd1]", "[raw/rd9]", "now also waits for raw/rd9; no longer waits for raw/rd1"),
        ("all_of: [raw/rd1]", "any_of: [raw/rd1, raw/rd9]", "now also waits for raw/rd9; waits for any of them"),
        ("deadline: 4h", "deadline: 90m", "deadline 4h -> 90m"),
        ("deadline: 4h", "deadline: 4h, on_deadline: skip", "on_deadline fail -> skip"),
        ("job: build", "job: rebuild", "runs build -> rebuild"),
        ('"--mode": full', '"--mode": "delta"', "argument --mode full -> delta"),
        (
            "description: Positions",
            "description: Positions by account",
            'description Positions -> "Positions by account"',
        ),
        ("wait:", "publish: {visibility: domain}\nwait:", "visibility mesh -> domain"),
        ("wait:", 'schedule: {frequency: daily, time: "06:00"}\nwait:', "opens by events -> daily at 06:00 UTC"),
        ("wait:", 'notify: [{on: [ERROR], slack: ["#a"]}]\nwait:', "notify: + slack ERROR to #a"),
        ("    - {name: build", "    - {name: load, glue: {job: load}}\n    - {name: build", "step load is new"),
        (", retry: {attempts: 2}", "", "retry attempts 2 -> 0"),
        ("pipeline:", "pipeline:\n  timeout: 3d", "pipeline timeout none -> 3d"),
    ],
)
def test_one_sentence_a_change(generated: Path, headgate: Headgate, old: str, new: str, sentence: str) -> None:
    edit(generated, "d1/ds3", old, new)

    _, printed = headgate("plan")

    line = printed.splitlines()[0]
    assert line.removeprefix("~ d1/ds3 ").removesuffix(" (data only: its machine does not change)") == sentence


def test_what_is_only_data_leaves_the_machine_alone(generated: Path, headgate: Headgate) -> None:
    edit(generated, "d1/ds3", "[raw/rd1]", "[raw/rd1, raw/rd9]")

    _, printed = headgate("plan")
    assert "(data only: its machine does not change)" in printed
    machine = (generated / "statemachines/d1/ds3.asl.json").read_bytes()
    headgate("generate")
    assert (generated / "statemachines/d1/ds3.asl.json").read_bytes() == machine


def test_added_and_removed_products(generated: Path, headgate: Headgate) -> None:
    (generated / "products/d1/ds5.yaml").unlink()
    (generated / "products/d1/ds6.yaml").write_text(
        "description: New\ndepends_on: {any_of: [raw/rd1, {product: d1/ds3, status: [ERROR]}]}\n"
        "pipeline: {steps: [{name: build, glue: {job: build-ds6}}]}\n"
    )

    _, printed = headgate("plan")

    assert "- d1/ds5 the product and its machine are removed" in printed
    assert "+ d1/ds6 opens by events; waits for any of raw/rd1, d1/ds3 (ERROR)" in printed
    assert "2 machines unchanged" in printed


def test_nothing_is_written(generated: Path, headgate: Headgate) -> None:
    before = {path: path.stat().st_mtime_ns for path in (generated / "statemachines").rglob("*")}
    edit(generated, "d1/ds3", "attempts: 2", "attempts: 3")

    headgate("plan")

    assert {path: path.stat().st_mtime_ns for path in (generated / "statemachines").rglob("*")} == before


def test_json_says_the_same(generated: Path, headgate: Headgate) -> None:
    edit(generated, "d1/ds3", "attempts: 2", "attempts: 3")

    plan = json.loads(headgate("plan", "--json")[1])

    assert plan["changes"] == [
        {
            "product": "d1/ds3",
            "kind": "changed",
            "what": ["retry attempts 2 -> 3"],
            "machine_changes": True,
            "downstream": ["d1/ds4", "d1/ds5"],
        }
    ]
    assert plan["files"]["changed"] == ["catalog/catalog.json", "d1/ds3.asl.json"]
    assert (plan["machines_unchanged"], plan["downstream"]) == (2, ["d1/ds4", "d1/ds5"])


def test_counts_the_open_runs_that_a_running_application_has(
    generated: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def inquire(arguments: object, question: str) -> dict[str, object]:
        asked.append(question)
        return {"products": [{"product": name, "waiting": 2, "released": 1} for name in ("d1/ds3", "d1/ds4", "d1/ds5")]}

    monkeypatch.setattr("headgate.cli.commands.plan.inquire", inquire)
    edit(generated, "d1/ds3", "[raw/rd1]", "[raw/rd9]")
    edit(generated, "d1/ds4", "description: Exposure", "description: Exposures")
    (generated / "products/d1/ds5.yaml").unlink()

    printed = headgate("plan", "--local")[1].splitlines()

    assert printed[-3:-1] == [
        "2 waiting runs will take the new condition at deployment: d1/ds3 2",
        "2 waiting runs will end CANCELLED at deployment: d1/ds5 2",
    ]
    assert json.loads(headgate("plan", "--local", "--json")[1])["open_runs"] == {
        "new_condition": [{"product": "d1/ds3", "waiting": 2, "released": 1}],
        "cancelled": [{"product": "d1/ds5", "waiting": 2, "released": 1}],
    }
    assert asked == ["open_runs", "open_runs"]


def test_open_runs_follow_the_cycles_of_an_upstream_whose_metadata_alone_changed() -> None:
    def catalog(*times: str, account: str = "1") -> dict[str, Any]:
        upstream = {"machine": "m", "schedule": {"fires": {"times": list(times)}}}
        waits = {"machine": "m", "depends_on": {"all_of": [{"product": "d/i", "cycle": "last", "offset": 0}]}}
        any_cycle = {"machine": "m", "depends_on": {"all_of": [{"product": "d/i", "cycle": "any", "offset": 0}]}}
        return {
            "domains": {"d": {"account": account}},
            "products": {"d/any": any_cycle, "d/i": upstream, "d/last": waits},
        }

    changes = open_run_changes(catalog("06:00"), catalog("06:00", "18:00"))
    assert (changes.conditions, changes.cancelled) == (("d/last",), ())
    assert open_run_changes(catalog("06:00"), catalog("07:00")).conditions == ()
    assert open_run_changes(catalog("06:00"), catalog("06:00", account="2")).cancelled == ("d/any", "d/i", "d/last")
