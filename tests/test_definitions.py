"""Definitions that products bring: what is taken from the file, how its changes are told, and how long its loops can go on."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.generator.lint.loops import longest_history, unpaced
from headgate.generator.plan.step_changes import step_changes
from headgate.generator.scenario_names import check
from tests.conftest import Headgate
from tests.golden import FOLDER

INPUT = (FOLDER / "output/definition/input.txt").read_text("utf-8")
RAW = "\n--- raw/domain.yaml\nowner: raw\n--- raw/rd1.yaml\ndescription: Raw\n"


@pytest.fixture
def flow(project: Callable[[str], Path], headgate: Headgate) -> Path:
    """The file of a product that has been generated."""
    root = project(INPUT)
    assert headgate("generate")[0] == 0
    return root / "products/d1/flow.asl.json"


def changed(flow: Path, change: Callable[[dict[str, Any]], None]) -> None:
    given = json.loads(flow.read_text("utf-8"))
    change(given)
    flow.write_text(json.dumps(given), "utf-8")


def test_plan_names_the_states_that_changed(flow: Path, headgate: Headgate) -> None:
    def change(given: dict[str, Any]) -> None:
        states = given["States"]
        states["Count"]["TimeoutSeconds"] = 90
        states["Pause"]["Next"] = "Log"
        states["Log"] = {"Type": "Pass", "Next": "Count"}
        inner = states["Aside"]["Branches"][1]["States"]["Each region"]["ItemProcessor"]
        inner["States"] = {"Tell region": inner["States"]["Report"]}
        inner["StartAt"] = "Tell region"

    changed(flow, change)
    code, printed = headgate("plan")
    assert (code, "definition changed: Count, Pause, Each region changed; Tell region, Log new; Report removed" in printed) == (0, True), printed  # fmt: skip
    assert headgate("generate", "--check")[0] == 1
    assert headgate("generate")[0] == 0
    assert headgate("generate", "--check")[0] == 0
    changed(flow, lambda given: given.update(StartAt="Pause", TimeoutSeconds=3600))
    printed = headgate("plan")[1]
    assert "definition changed: starts with Pause" in printed
    assert "pipeline timeout 2h -> 1h" in printed


def test_the_limit_of_a_pipeline_is_that_of_metadata_or_of_the_file_or_a_day(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    def limit(text: str) -> int:
        root = project(text)
        assert headgate("generate")[0] == 0
        catalog = json.loads((root / "statemachines/catalog/catalog.json").read_text("utf-8"))
        return int(catalog["products"]["d1/ds1"]["pipeline"]["timeout"])

    assert limit(INPUT) == 7200
    assert limit(INPUT.replace("pipeline:\n", "pipeline:\n  timeout: 90m\n")) == 5400
    assert limit(INPUT.replace('  "TimeoutSeconds": 7200,\n', "")) == 86400


def test_a_scenario_can_name_what_the_states_run(project: Callable[[str], Path], headgate: Headgate) -> None:
    from datetime import date

    from headgate.generator.cache import Cache
    from headgate.generator.metadata.inputs import Inputs
    from headgate.generator.metadata.load import load

    cache = Cache(None)
    mesh = load(Inputs(project(INPUT) / "products", cache), cache, date(2026, 11, 20)).mesh
    given: dict[str, Any] = {
        "runs": {"count": {}, "report": {}, "archive-counts": {}, "flow.asl.json": {}, "cuont": {}}
    }
    assert [each.found for each in check(given, mesh, Path("day.yaml"))] == ["`cuont`"]


def machine(start: str, **states: Any) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


WAIT, PASS = {"Type": "Wait", "Seconds": 60}, {"Type": "Pass"}


def test_a_loop_is_paced_by_a_wait() -> None:
    choice = {"Type": "Choice", "Choices": [{"Next": "a"}], "Default": "end"}
    paced = machine("a", a=PASS | {"Next": "w"}, w=WAIT | {"Next": "c"}, c=choice, end=PASS | {"End": True})
    assert list(unpaced(paced)) == []
    assert list(unpaced(machine("w", w={"Type": "Wait", "SecondsPath": "$.s", "Next": "w"}))) == ["w"]
    beside = {**paced["States"], "c": choice | {"Choices": [{"Next": "a"}, {"Next": "c"}]}}
    assert list(unpaced(machine("a", **beside))) == ["c"], "the Wait is on one way around, and not on the other"
    assert list(unpaced(machine("p", p={"Type": "Parallel", "Branches": [machine("a", a=PASS | {"Next": "a"})]}))) == ["a"]  # fmt: skip
    straight = longest_history(machine("a", **{name: paced["States"][name] for name in ("a", "w", "c", "end")}), 59)
    rounds = longest_history(paced, 3600)
    assert rounds == straight + 60 * 3 * 2, "60 more rounds of three states, each entered and left"


def test_no_nest_of_loops_takes_long_to_count() -> None:
    nested = machine("w", w={"Type": "Wait", "Seconds": 1, "Next": "w"})
    for _ in range(8):
        around = {"Type": "Map", "ItemProcessor": nested, "Next": "w"}
        nested = machine("m", m=around, w={"Type": "Wait", "Seconds": 1, "Next": "m"})
    assert longest_history(nested, 86400) > 25_000


def test_instances_and_nested_settings_change_by_meaning() -> None:
    def pipeline(**settings: Any) -> dict[str, Any]:
        step = {
            "name": "cluster",
            "type": "emr_cluster",
            "resource": "d1/x",
            "arguments": {},
            "timeout": 1800,
            "retry": None,
        }
        return step | {"settings": settings}  # fmt: skip

    old = {"primary": "m6g.xlarge", "core": {"type": "r6g.2xlarge", "count": 4}}
    new = {
        "primary": "m6g.xlarge",
        "core": {"type": "r6g.2xlarge", "count": 6, "spot": True, "disk": 100},
        "task": "m6g.large",
    }
    told = list(
        step_changes(
            pipeline(instances=old, configurations={"hive-site": {"a.b": "1"}}, tags=None),
            pipeline(instances=new, configurations={"hive-site": {"a.b": "2"}}, tags={"team": "d1"}),
        )
    )
    assert told == [
        "configurations.hive-site.a.b 1 -> 2",
        "core 4 x r6g.2xlarge -> 6 x r6g.2xlarge, spot, disk 100 GiB",
        "task none -> 1 x m6g.large",
        "tags.team none -> d1",
    ]


def test_configurations_in_a_file_make_the_same_machine(project: Callable[[str], Path], headgate: Headgate) -> None:
    def generated(configurations: str, *files: str) -> tuple[bytes, bytes]:
        cluster = f"{{release: emr-7.5.0, instances: {{primary: m6g.xlarge}}, configurations: {configurations}}}"
        product = f"description: Listings\npipeline:\n  cluster: {cluster}\n  steps: [{{name: clean, emr: {{command: [ls]}}}}]\n"
        root = project("".join(("--- d1/domain.yaml\nowner: team\n--- d1/ds1.yaml\n", product, *files)))
        assert headgate("generate")[0] == 0
        out = root / "statemachines"
        return (out / "d1/ds1.asl.json").read_bytes(), (out / "catalog/catalog.json").read_bytes()

    site = {"hive.metastore.uris": "thrift://x", "javax.jdo.option.ConnectionPassword": "secret:metastore"}
    inline = generated(json.dumps({"hive-site": site}))
    listed = [{"Classification": "hive-site", "Properties": site}]
    assert generated("site.json", f"--- d1/site.json\n{json.dumps(listed)}\n") == inline
    assert generated("site.json", f"--- d1/site.json\n{json.dumps({'hive-site': site})}\n") == inline


@pytest.mark.parametrize("seed", range(3))
def test_no_file_ends_in_a_traceback(project: Callable[[str], Path], headgate: Headgate, seed: int) -> None:
    """Parts of the file are replaced by values of other types, or lost."""
    chance = random.Random(seed)  # noqa: S311
    root = project(INPUT + RAW)
    flow = root / "products/d1/flow.asl.json"
    whole = flow.read_text("utf-8")
    for _ in range(12):
        given = json.loads(whole)
        part: Any = given
        for _ in range(chance.randint(0, 7)):
            inner = [
                each
                for each in (part.values() if isinstance(part, dict) else part)
                if isinstance(each, dict | list) and each
            ]
            if not inner:
                break
            part = chance.choice(inner)
        key: Any = chance.choice(list(part) if isinstance(part, dict) else range(len(part)))
        part[key] = chance.choice([None, 7, "text", [], {}, [1], {"a": 1}, True, ["text"], -1])
        flow.write_text(json.dumps(given), "utf-8")
        code, printed = headgate("validate")
        assert code in (0, 1)
        assert "Traceback" not in printed
        if code == 0:
            assert headgate("generate")[0] == 0
