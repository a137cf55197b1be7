"""The parts of an import: graphs as steps, texts of YAML, names, schedules, selections, and what an account is asked."""

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from headgate.cli.errors import UsageError
from headgate.cli.import_sources import SOURCES
from headgate.generator.metadata.files import MAX_NAME, NAME
from headgate.importing import schedules
from headgate.importing.airflow.templates import filled
from headgate.importing.calls import NotCarriedOver
from headgate.importing.dbt.commands import LONGEST, Launch, steps
from headgate.importing.dbt.grouping import Options, grouped
from headgate.importing.dbt.manifest import Manifest, parsed
from headgate.importing.dbt.selection import selected
from headgate.importing.names import Names, step_names
from headgate.importing.pipelines import WIDEST, arranged, without
from headgate.importing.result import Product
from headgate.importing.source_file import SourceError
from headgate.importing.yaml_text import product_text
from tests.conftest import Headgate
from tests.golden import FOLDER

Steps = list[dict[str, Any]]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, frozenset[str]]:
    """Tasks of which each waits for some of those before it."""
    count = draw(st.integers(1, 9))
    names = [f"t{number}" for number in range(count)]
    before = [draw(st.sets(st.sampled_from(names[:at]), max_size=3)) if at else set() for at in range(count)]
    return {name: frozenset(each) for name, each in zip(names, before, strict=True)}


def orders(items: Steps) -> tuple[list[str], set[tuple[str, str]]]:
    """The tasks of steps, and which of them run before which."""
    names: list[str] = []
    found: set[tuple[str, str]] = set()
    for item in items:
        inner: list[str] = []
        for member in item.get("parallel", [item]):
            own, pairs = ([member["name"]], set[tuple[str, str]]()) if "name" in member else orders(member.get("steps", [member]))  # fmt: skip
            inner += own
            found |= pairs
        found |= {(first, second) for first in names for second in inner}
        names += inner
    return names, found


def ancestors(graph: dict[str, frozenset[str]], task: str) -> set[str]:
    return set(graph[task]).union(*(ancestors(graph, each) for each in graph[task]))


@settings(deadline=None)
@given(graphs())
def test_steps_keep_every_order_of_a_graph_and_say_where_they_add_one(graph: dict[str, frozenset[str]]) -> None:
    made, waiting = arranged(graph, lambda task: {"name": task})

    names, found = orders(made)
    wanted = {(before, task) for task in graph for before in ancestors(graph, task)}
    assert sorted(names) == sorted(graph)
    assert wanted <= found
    assert (wanted == found) == (not waiting)


@settings(deadline=None)
@given(graphs(), st.data())
def test_what_is_left_out_keeps_the_order_of_the_others(graph: dict[str, frozenset[str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(sorted(graph))))

    kept = without(graph, gone)

    assert set(kept) == set(graph) - gone
    for task in kept:
        assert ancestors(kept, task) == ancestors(graph, task) - gone


def test_more_members_than_a_parallel_may_have_are_nested() -> None:
    made, _ = arranged({f"t{number}": frozenset() for number in range(100)}, lambda task: {"name": task})

    assert len(made[0]["parallel"]) <= WIDEST
    assert len(orders(made)[0]) == 100


texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\ufffe\uffff"), max_size=40
)


@settings(deadline=None)
@given(texts, st.dictionaries(texts.filter(bool), st.one_of(texts, st.integers(), st.booleans()), max_size=4))
def test_yaml_reads_a_product_back_as_it_is(text: str, arguments: dict[str, Any]) -> None:
    document = {
        "description": text,
        "schedule": {"frequency": "daily", "time": "10:30"},
        "pipeline": {"steps": [{"name": "on", "lambda": {"function": "null", "payload": {**arguments, "a": [text, {"b": arguments}]}}}]},
    }  # fmt: skip

    written = product_text(Product("d", "p", document, f"it\n{text}"), "# first")

    assert yaml.safe_load(written) == document


@settings(deadline=None)
@given(st.lists(texts, unique=True, max_size=8))
def test_names_are_different_valid_and_the_same_every_time(keys: list[str]) -> None:
    for make in (Names, step_names):
        made = [make().of(key) for key in keys], [names.of(key) for names in [make()] for key in keys]
        assert len(set(made[1])) == len(keys)
        assert all(NAME.fullmatch(each) and len(each) <= MAX_NAME for each in made[1])
        assert all(each[0].isalpha() and len(each) <= 40 for each in made[1] if make is step_names)


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("0 6 * * *", "UTC", {"frequency": "daily", "time": "06:00"}),
        ("30 5 * * 1-5", "Europe/Berlin", {"frequency": "weekdays", "time": "05:30", "timezone": "Europe/Berlin"}),
        ("0 6 * * 1", "UTC", {"frequency": "weekly", "day": "MON", "time": "06:00"}),
        ("0 6 15 * *", "UTC", {"frequency": "monthly", "day": 15, "time": "06:00"}),
        ("@weekly", "UTC", {"frequency": "weekly", "day": "SUN", "time": "00:00"}),
        ("*/30 8-18 * * 1-5", "UTC", {"cron": "*/30 8-18 ? * MON-FRI *"}),
        ("0 6 1 1,7 *", "UTC", {"cron": "0 6 1 1,7 ? *"}),
    ],
)
def test_unix_cron_becomes_a_schedule(expression: str, zone: str, expected: dict[str, Any]) -> None:
    assert schedules.from_unix(expression, zone) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [("0 6 1 * 1", "two schedules"), ("whenever", "no cron"), ("0 6 * *", "no cron"), ("61 6 * * *", "no cron")],
)
def test_a_schedule_that_cannot_be_said_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schedules.from_unix(expression, "UTC")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://b/{{ ds }}/{{ params.region }}", "s3://b/{business_date}/eu"),
        ({"a": ["{{ run_id }}", 1]}, {"a": ["{run_id}", 1]}),
        ("{{ti.try_number}}", "{attempt}"),
    ],
)
def test_templates_become_placeholders(value: Any, expected: Any) -> None:
    assert filled(value, {"region": "eu"}, dated=True) == expected


@pytest.mark.parametrize(
    "value", ["{{ ds_nodash }}", "{{ var.value.x }}", "{% if x %}a{% endif %}", "{{ params.none }}"]
)
def test_templates_without_a_placeholder_are_not_carried_over(value: str) -> None:
    with pytest.raises(NotCarriedOver):
        filled(value, {}, dated=True)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return parsed(json.loads((FOLDER / "imports/dbt/manifest.json").read_text()), "manifest.json")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["orders"], {"orders"}),
        (["+orders"], {"orders", "stg_orders", "stg_rates"}),
        (["orders+"], {"orders", "customers", "revenue", "customers_history"}),
        (["tag:nightly,path:models/staging"], {"stg_orders", "stg_customers"}),
        (["source:rates+"], {"stg_rates", "orders", "customers", "revenue", "customers_history"}),
        (["group:finance", "resource_type:seed"], {"orders", "revenue", "countries"}),
        (["stg_*"], {"stg_orders", "stg_customers", "stg_rates"}),
        (["marts.finance"], {"orders", "revenue"}),
    ],
)
def test_nodes_are_selected_as_dbt_does(manifest: Manifest, words: list[str], expected: set[str]) -> None:
    assert {manifest.nodes[each]["name"] for each in selected(manifest, words)} == expected


@settings(deadline=None)
@given(st.data())
def test_products_of_a_dbt_project_never_wait_for_each_other(data: st.DataObject) -> None:
    """Folders at random: whatever the parts, their stages have no cycle, and every node is in one product."""
    count = data.draw(st.integers(1, 10))
    keys = [f"model.p.m{number}" for number in range(count)]
    nodes = {}
    for at, key in enumerate(keys):
        folder = data.draw(st.sampled_from("abc"))
        before = data.draw(st.sets(st.sampled_from(keys[:at]), max_size=3)) if at else set()
        nodes[key] = {"resource_type": "model", "name": f"m{at}", "package_name": "p", "original_file_path": f"models/{folder}/m{at}.sql", "fqn": ["p", folder, f"m{at}"], "depends_on": {"nodes": sorted(before)}, "config": {}}  # fmt: skip
    made = parsed({"metadata": {"dbt_schema_version": "/dbt/manifest/v12.json"}, "nodes": nodes, "sources": {}}, "m")

    groups = grouped(made, set(keys), Options())

    of = {key: group for group, members in groups.items() for key in members}
    assert sorted(of) == sorted(keys)
    waits = {
        group: {of[parent] for key in members for parent in made.parents[key]} - {group}
        for group, members in groups.items()
    }
    done: set[Any] = set()
    while ready := [each for each in waits if each not in done and waits[each] <= done]:
        done.update(ready)
    assert done == set(waits)


def test_a_command_that_is_too_long_is_divided_in_the_order_of_the_nodes() -> None:
    names = [f"model_with_a_rather_long_name_{number:04}" for number in range(400)]
    nodes = {f"model.p.{name}": {"resource_type": "model", "name": name, "package_name": "p", "original_file_path": f"models/{name[-1]}/{name}.sql", "fqn": ["p", name[-1], name], "config": {}} for name in names}  # fmt: skip
    made = parsed({"metadata": {"dbt_schema_version": "/dbt/manifest/v12.json"}, "nodes": nodes, "sources": {}}, "m")

    found = steps(made, list(made.nodes)[:399], Launch())

    commands = [each["ecs"]["command"][5:] for each in found]
    assert [each["name"] for each in found] == ["build", "build-2", "build-3"]
    assert [word for each in commands for word in each] == names[:399]
    assert all(len(" ".join(each)) <= LONGEST for each in commands)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for key, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(key, value)
    with mock_aws():
        yield boto3.client("glue")


def test_an_account_is_imported_as_its_export_is(
    account: Any, project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project("")
    export = FOLDER / "imports/glue"
    jobs = json.loads((export / "jobs.json").read_text())["Jobs"]
    workflow = json.loads((export / "workflow.json").read_text())["Workflow"]
    for job in jobs:
        account.create_job(**{**job, "Role": "etl", "Command": {"Name": "glueetl"}})
    account.create_workflow(**{key: workflow[key] for key in ("Name", "Description", "DefaultRunProperties")})
    for node in workflow["Graph"]["Nodes"][:3]:
        trigger = {key: each for key, each in node["TriggerDetails"]["Trigger"].items() if key != "State"}
        account.create_trigger(**trigger, WorkflowName=workflow["Name"], StartOnCreation=True)

    code, printed = headgate("import", "glue", "--domain", "orders")
    assert code == 0, printed
    of_account = (root / "products/orders/orders-nightly.yaml").read_text()
    code, printed = headgate("import", "glue", str(export / "workflow.json"), str(export / "jobs.json"), "--domain", "orders", "--json")  # fmt: skip
    assert code == 0, printed
    assert {each["state"] for each in json.loads(printed)["files"]} == {"unchanged"}
    assert "name: orders-mart" in of_account


def test_an_account_that_cannot_be_asked_is_a_message(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    code, printed = headgate("import", "glue", "--profile", "nobody")

    assert code == 2
    assert "Glue could not be asked: The config profile (nobody) could not be found" in printed


FIXTURES = {
    "dbt": ("dbt/manifest.json",), "airflow": ("airflow/dags-3.1.json", "airflow/dags-2.json"),
    "glue": ("glue/workflow.json", "glue/triggers.json", "glue/jobs.json"), "stepfunctions": ("stepfunctions/regions.asl.json", "stepfunctions/vendor-poll.asl.json"),
}  # fmt: skip


@pytest.mark.parametrize("source", FIXTURES)
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_file_is_imported_or_explained(source: str, data: st.DataObject, tmp_path: Path) -> None:
    """A value somewhere in a file is another one, or is gone: no traceback, whatever it is."""
    value = json.loads((FOLDER / "imports" / data.draw(st.sampled_from(FIXTURES[source]))).read_text())
    places = list(inside(value))
    parent, key = places[data.draw(st.integers(0, len(places) - 1))]
    parent[key] = data.draw(st.sampled_from([None, "text", "", 7, [], {}, ["text"], [{}], {"text": 1}]))
    file = tmp_path / "given.json"
    file.write_text(json.dumps(value))
    parser = argparse.ArgumentParser()
    SOURCES[source].add(parser)
    arguments = parser.parse_args([str(file)])
    arguments.select, arguments.schedule, arguments.domain, arguments.region, arguments.profile = [], {}, "", "", None

    with contextlib.suppress(SourceError, UsageError):
        for product in SOURCES[source].read(arguments).products:
            assert yaml.safe_load(product_text(product, "# first")) == product.document


def inside(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from inside(value[key])
