"""What is generated is proven before it is written, and a linter's verdict on one shape holds for all of it."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.generator.cache import Cache
from headgate.generator.lint.linters import cfn_lint, cfn_lint_problems, statelint_problems
from headgate.generator.lint.machine_checks import history, problems
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.metadata.load import load
from headgate.generator.model import build
from headgate.generator.plan import grants
from headgate.generator.plan.asl import all_states
from headgate.generator.plan.layout import SHARED, Template
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.outline import MachineOutline, outline
from headgate.generator.plan.resources import among_others, resources_of
from headgate.generator.render.canonical import canonical
from headgate.generator.render.domain import parameters_of, render_domain, write_domain
from headgate.generator.render.machine import render_machine
from headgate.generator.render.resource_shapes import resource_shape
from headgate.generator.render.shapes import machine_texts, shape_of
from tests.conftest import Headgate
from tests.golden import FOLDER, files, lay_out

ROOT = Path(__file__).parent.parent
GENERATED = files([ROOT / "statemachines", FOLDER / "output"])  # each content once: links to it are left out
MACHINES = [path for path in GENERATED if path.name.endswith(".asl.json")]
TEMPLATES = [path for path in GENERATED if path.name.startswith("template")]


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: "/".join(path.parts[-4:]))
def test_every_machine_passes_every_check(path: Path) -> None:
    machine = read(path)
    from_file = [state for name, state in all_states(machine) if name == "Run the states of the file"]
    inside = [name for each in from_file for branch in each["Branches"] for name, _ in all_states(branch)]
    assert statelint_problems(machine) == []
    assert problems(machine, inside) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-4:]))
def test_every_template_passes_cfn_lint_as_a_whole(path: Path) -> None:
    assert cfn_lint_problems(read(path)) == []


def one_step() -> dict[str, Any]:
    return read(FOLDER / "output/one-step-retry/statemachines/d1/ds1.asl.json")


WAIT = "Wait for dependencies"


def _without_retry(states: dict[str, Any]) -> None:
    del states[WAIT]["Retry"]


def _without_timeout(states: dict[str, Any]) -> None:
    del states[WAIT]["TimeoutSeconds"]


def _without_catch(states: dict[str, Any]) -> None:
    del states["Run build"]["Catch"]


def _unreached(states: dict[str, Any]) -> None:
    states["Nowhere"] = {"Type": "Succeed"}


def _dangling(states: dict[str, Any]) -> None:
    states[WAIT]["Next"] = "Nowhere"


def _unrecorded(states: dict[str, Any]) -> None:
    states[WAIT]["Catch"][1]["Next"] = "Run failed"


def _placeholder(states: dict[str, Any]) -> None:
    states[WAIT]["Comment"] = "${Elsewhere}"


def _endless(states: dict[str, Any]) -> None:
    states["Run build"]["Retry"][0]["MaxAttempts"] = 2000


def _twice(states: dict[str, Any]) -> None:
    inner = states["Run build"]["Branches"][0]
    inner["States"][WAIT] = inner["States"].pop("Launch build")
    inner["StartAt"] = WAIT


def _long(states: dict[str, Any]) -> None:
    states["x" * 81] = states.pop("Run build")
    states["Start the pipeline"]["Next"] = "x" * 81


@pytest.mark.parametrize(
    ("breaking", "words"),
    [
        (_without_retry, f"`{WAIT}` has no Retry"),
        (_without_timeout, f"`{WAIT}` has no TimeoutSeconds"),
        (_without_catch, "`Launch build` has no Catch, and nothing around it has one"),
        (_unreached, "`Nowhere` is never reached"),
        (_dangling, f"`{WAIT}` is followed by `Nowhere`, which does not exist"),
        (_unrecorded, "the machine can end in `Run failed` without a recorded outcome"),
        (_placeholder, "the placeholder ${Elsewhere} has no parameter"),
        (_endless, "history events at worst"),
        (_twice, f"two states are called `{WAIT}`"),
        (_long, "is longer than 80 characters"),
    ],
)
def test_a_broken_machine_is_found(breaking: Callable[[dict[str, Any]], None], words: str) -> None:
    definition = one_step()
    breaking(definition["States"])

    assert any(words in problem for problem in problems(definition)), problems(definition)


def with_map(distributed: bool = False, key: str = "ItemProcessor") -> dict[str, Any]:
    """The machine of one step, its work inside a Map."""
    definition = one_step()
    group = definition["States"]["Run build"]
    del group["Retry"]
    inner = group.pop("Branches")[0]
    mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if distributed else {"Mode": "INLINE"}
    group |= {
        "Type": "Map",
        "ItemsPath": "$.items",
        key: inner | ({"ProcessorConfig": mode} if key != "Iterator" else {}),
    }
    return definition


def _work(definition: dict[str, Any]) -> dict[str, Any]:
    group = definition["States"]["Run build"]
    inner: dict[str, Any] = group.get("ItemProcessor") or group["Iterator"]
    return inner


def _inner_without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda definition: _work(definition)["States"]["Launch build"].pop(key)


def _map_without_catch(definition: dict[str, Any]) -> None:
    del definition["States"]["Run build"]["Catch"]


def _inner_unreached(definition: dict[str, Any]) -> None:
    _work(definition)["States"]["Nowhere"] = {"Type": "Succeed"}


def _inner_dangling(definition: dict[str, Any]) -> None:
    _work(definition)["States"]["Launch build"]["Next"] = WAIT


def _inner_twice(definition: dict[str, Any]) -> None:
    states = _work(definition)["States"]
    states[WAIT] = states.pop("Wait for build")
    states["Launch build"]["Next"] = WAIT


def _inner_long(definition: dict[str, Any]) -> None:
    inner = _work(definition)
    inner["States"]["x" * 81] = inner["States"].pop("Launch build")
    inner["StartAt"] = "x" * 81


def _inner_placeholder(definition: dict[str, Any]) -> None:
    _work(definition)["States"]["Launch build"]["Comment"] = "${Elsewhere}"


def _inner_endless(definition: dict[str, Any]) -> None:
    _work(definition)["States"]["Launch build"]["Retry"][0]["MaxAttempts"] = 9_000


def _inner_recorder(definition: dict[str, Any]) -> None:
    """The outcome is recorded for each item instead of for the run."""
    recorder = definition["States"].pop("Record failure")
    definition["States"] = json.loads(json.dumps(definition["States"]).replace("Record failure", "Run failed"))
    _work(definition)["States"]["Launch build"] |= {
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Record failure"}]
    }
    _work(definition)["States"]["Record failure"] = recorder | {"Next": "Check how build ended"}


@pytest.mark.parametrize(
    ("distributed", "key"), [(False, "ItemProcessor"), (True, "ItemProcessor"), (False, "Iterator")]
)
@pytest.mark.parametrize(
    ("breaking", "words"),
    [
        (_inner_without("Retry"), "`Launch build` has no Retry"),
        (_inner_without("TimeoutSeconds"), "`Launch build` has no TimeoutSeconds"),
        (_map_without_catch, "`Launch build` has no Catch, and nothing around it has one"),
        (_map_without_catch, "`Run build` has no Catch, and nothing around it has one"),
        (_inner_unreached, "`Nowhere` is never reached"),
        (_inner_dangling, f"`Launch build` is followed by `{WAIT}`, which does not exist"),
        (_inner_twice, f"two states are called `{WAIT}`"),
        (_inner_long, "is longer than 80 characters"),
        (_inner_placeholder, "the placeholder ${Elsewhere} has no parameter"),
        (_inner_endless, "history events at worst"),
        (_inner_recorder, "the machine can end in `Run failed` without a recorded outcome"),
    ],
)
def test_a_broken_machine_inside_a_map_is_found(
    breaking: Callable[[dict[str, Any]], None], words: str, distributed: bool, key: str
) -> None:
    definition = with_map(distributed, key)
    assert problems(definition) == []
    breaking(definition)

    assert any(words in problem for problem in problems(definition)), problems(definition)


def test_a_call_inside_a_map_needs_a_grant() -> None:
    planned = plan_machine(_outline("ds1", "build", 3600, 2))
    granted = [each for each in grants.statements(planned.calls()) if each["Action"] != "glue:StartJobRun"]

    assert grants.ungranted(with_map(), planned, granted) == ["Launch build", "Launch build again"]


def test_each_item_of_a_distributed_map_writes_a_history_of_its_own() -> None:
    inline, distributed, group = with_map(), with_map(distributed=True), one_step()
    group["States"]["Run build"].pop("Retry")

    assert history(distributed) < history(group) < history(inline)


def test_a_task_nobody_granted_is_found() -> None:
    definition = one_step()
    planned = plan_machine(_outline("ds1", "build", 3600, 2))
    granted = grants.statements(planned.calls())
    assert grants.ungranted(definition, planned, granted) == []

    assert grants.ungranted(
        definition, planned, [each for each in granted if each["Action"] != "glue:StartJobRun"]
    ) == ["Launch build", "Launch build again"]
    other = [{**each, "Resource": "other"} if each["Action"] == "glue:StartJobRun" else each for each in granted]
    assert grants.ungranted(definition, planned, other) == ["Launch build", "Launch build again"]


def test_a_call_that_is_in_no_plan_is_found() -> None:
    definition = one_step()
    planned = plan_machine(_outline("ds1", "build", 3600, 2))
    work = definition["States"]["Run build"]["Branches"][0]["States"]["Launch build"]
    work["Resource"] = "arn:aws:states:::aws-sdk:glue:batchStopJobRun"

    assert grants.ungranted(definition, planned, grants.statements(planned.calls())) == ["Launch build"]


def test_nothing_broken_is_written(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project((FOLDER / "output/one-step/input.txt").read_text("utf-8"))
    monkeypatch.setattr(
        "headgate.generator.lint.proof.statelint_problems", lambda definition: ["State Machine.States is wrong"]
    )
    monkeypatch.setattr("headgate.generator.lint.linters.cfn_lint_problems", lambda template: ["E0000 wrong"])

    code, printed = headgate("generate")

    assert code == 1
    assert "HG901 statelint refuses the machine" in printed
    assert "HG903 cfn-lint refuses the template" in printed
    assert printed.endswith("The linters found errors in the output. Nothing was written.\n")
    assert not list((root / "statemachines").rglob("*.json"))
    monkeypatch.undo()
    monkeypatch.chdir(root)
    assert headgate("generate")[0] == 0, "what was refused is not remembered as accepted"


def test_history_counts_every_retry() -> None:
    once, again = one_step(), one_step()
    del once["States"]["Run build"]["Retry"]

    assert history(once) < history(again) < 3 * history(once)


def _outline(product: str, job: str, timeout: int, attempts: int, text: str = "x") -> MachineOutline:
    step: dict[str, Any] = {"name": "build", "glue": {"job": job, "timeout": f"{timeout}s"}}
    if attempts:
        step["retry"] = {"attempts": attempts}
    document = {
        "description": text,
        "owner": text,
        "depends_on": {"all_of": ["raw/rd1"]},
        "pipeline": {"steps": [step]},
    }
    return outline(build.product("d1", product, document))


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
jobs = st.from_regex(r"[A-Za-z0-9_.-]{1,40}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(
    product=slugs, job=jobs, text=words, timeout=st.integers(1, 9) | st.just(100_000_000), attempts=st.integers(0, 99)
)
def test_machines_of_one_shape_differ_in_texts_only(
    product: str, job: str, text: str, timeout: int, attempts: int
) -> None:
    """So a shape is rendered once and filled in, and a linter's verdict on one of its machines holds for all."""
    plain, odd = _outline("p", "j", timeout, attempts), _outline(product, job, timeout, attempts, text)
    texts = machine_texts(odd)
    shape = shape_of(odd, texts)

    assert shape_of(plain, machine_texts(plain)).key == shape.key
    assert shape.text(texts) == canonical(render_machine(odd))
    assert grants.statements(shape.calls_of(texts)) == grants.statements(plan_machine(odd).calls())
    verdicts = [(statelint_problems(each), problems(each)) for each in (render_machine(plain), render_machine(odd))]
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("case", sorted((FOLDER / "output").iterdir()), ids=lambda case: case.name)
def test_every_kind_of_machine_is_filled_in_as_it_would_be_rendered(case: Path, tmp_path: Path) -> None:
    lay_out((case / "input.txt").read_text("utf-8"), tmp_path)
    resources = []
    for product in load(Inputs(tmp_path, Cache(None)), Cache(None), date(2026, 11, 21)).mesh.machines():
        given = outline(product)
        texts = machine_texts(given)
        shape = shape_of(given, texts)
        assert shape.text(texts) == canonical(render_machine(given))
        made = resources_of(product, shape.placeholders, shape.calls_of(texts))
        resources.append(replace(made, tags={**made.tags, "owner": 'a "team" \\ äöü'}))

    for template, members in ((Template("d", 2), resources), (Template(SHARED), [*map(among_others, resources)])):
        text, parameters = write_domain(template, members, [resource_shape(each) for each in members])
        assert text == canonical(render_domain(template, members))
        assert parameters == parameters_of(members)


def test_cfn_lint_in_a_process_of_its_own_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Name": [1]}}}}
    problems = cfn_lint_problems(wrong)
    assert cfn_lint_problems({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}) == []
    assert cfn_lint_problems(wrong) == problems, "no template leaves anything behind for the next"
    with monkeypatch.context() as patched, cfn_lint(beside=True) as lint:
        patched.setattr("headgate.generator.lint.linters.cfn_lint_problems", None)
        assert lint(wrong) == problems != []
        assert lint({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}) == []
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with cfn_lint(beside=True) as lint:
        assert lint(wrong) == problems, "where the process ends, the template is linted without it"
