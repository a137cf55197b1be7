"""Facts that the parts of the project state side by side, because they share no code: every copy is the same.

What the database, the functions and the contracts of events state together is compared in `test_state_facts.py`.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import event_dates
import refresh_events
from benchmarks import costs
from headgate import VERSION
from headgate.cli.commands import event
from headgate.deployment import sam_environment
from headgate.generator import steps
from headgate.generator.metadata import files
from headgate.generator.plan import forwarding, retries
from headgate.generator.rules import date_too_far_ahead, placeholders
from headgate.generator.schemas import schema
from headgate.local import producer
from headgate.local import step_types as local_types
from headgate.projects import upgrading
from state import errors

ROOT = Path(__file__).parent.parent
TRANSITIONS = ROOT / "functions" / "state" / "transitions"
PRODUCT = schema("product")


def contract(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "events" / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def found_under(value: Any, key: str) -> Iterator[Any]:
    """Every value of that key, at any depth."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == key:
                yield part
            yield from found_under(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from found_under(part, key)


def sql() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(TRANSITIONS.glob("*.sql")))


class _Template(yaml.SafeLoader):
    """Reads template.yaml; CloudFormation's tags become plain values."""


_Template.add_multi_constructor(
    "!", lambda loader, suffix, node: loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode)
    else loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node, deep=True),
)  # fmt: skip


def template() -> Any:
    return yaml.load((ROOT / "template.yaml").read_text("utf-8"), Loader=_Template)  # noqa: S506 - a SafeLoader


def test_the_name_of_a_product() -> None:
    identity = PRODUCT["$defs"]["identity"]["pattern"]
    part = identity.split("/")[0].removeprefix("^")
    assert f"^{files.NAME.pattern}$" == f"^{part}$"
    copies = {
        **{name: contract(name)["properties"]["product"]["pattern"] for name in ("operate", "inquire")},
        "scenario": json.loads((ROOT / "local" / "scenario.schema.json").read_text("utf-8"))["$defs"]["product"][
            "pattern"
        ],
    }
    assert copies == dict.fromkeys(copies, identity)
    detail = contract("refresh-event")["properties"]["detail"]["properties"]
    for name in ("domain", "product"):
        assert detail[name]["pattern"] == f"^{part}$"
    for name in ("operate", "inquire"):
        assert contract(name)["properties"]["domain"]["pattern"] == f"^{part}$"
    lengths = {
        each for name in ("operate", "inquire") for each in [contract(name)["properties"]["product"]["maxLength"]]
    }
    assert lengths == {PRODUCT["$defs"]["identity"]["maxLength"]} == {2 * files.MAX_NAME + 1}


def test_the_statuses_that_a_refresh_reports() -> None:
    statuses = set(PRODUCT["$defs"]["dependency"]["properties"]["status"]["items"]["enum"])
    reported = set(contract("refresh-event")["properties"]["detail"]["properties"]["status"]["enum"])
    assert reported == statuses | {"REOPENED"}, "nothing waits for the beginning of an attempt that is made again"


def test_the_detail_types_of_our_events() -> None:
    types = set(forwarding.DETAIL_TYPES)
    assert set(contract("refresh-event")["properties"]["detail-type"]["enum"]) == types
    in_template = [set(each) for each in found_under(template(), "detail-type") if "Data Product Refreshed" in each]
    assert in_template
    assert all(each == types for each in in_template)
    generated = "\n".join(path.read_text("utf-8") for path in (ROOT / "statemachines").rglob("*.asl.json"))
    for text in (sql(), generated, Path(producer.__file__).read_text("utf-8")):
        assert set(re.findall(r"Data Product [A-Z][a-z]+", text)) <= types


def test_the_kinds_of_alerts() -> None:
    kinds = set(PRODUCT["$defs"]["notification"]["properties"]["on"]["items"]["enum"])
    assert set(contract("alert")["properties"]["kind"]["enum"]) == kinds


def test_the_placeholders_of_arguments() -> None:
    known = {f"{{{name}}}" for name in placeholders.PLACEHOLDERS}
    assert set(re.findall(r"'(\{\w+\})'", sql())) == known
    for kind in steps.step_types().values():
        for name in kind.arguments:
            described = kind.schema["properties"][name]["description"]
            assert set(re.findall(r"\{\w+\}", described)) in (known, set()), kind.name


def test_the_errors_that_machines_know() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    named = {
        error
        for retriers in (retries.FUNCTION, [retries.REFUSED])
        for each in retriers
        for error in each["ErrorEquals"]
        if "." not in error
    }
    for kind in steps.step_types().values():
        named |= {error for error in kind.note("retried-errors", ()) if "." not in error}
    assert named
    assert named <= ours


def test_every_part_has_the_same_step_types() -> None:
    in_functions = {path.stem for path in (ROOT / "functions" / "step_types").glob("*.py")} - {"__init__"}
    in_local = set(local_types.names(ROOT))
    assert set(steps.step_types()) == in_functions == in_local


def test_how_far_ahead_events_may_be_dated_and_what_their_types_say() -> None:
    parameters = template()["Parameters"]
    ahead = {event.DAYS_AHEAD, date_too_far_ahead.DAYS_AHEAD, int(event_dates.DEFAULT_DAYS_AHEAD)}
    assert ahead == {parameters["EventDaysAhead"]["Default"]}
    assert int(event_dates.DEFAULT_YEARS_BACK) == parameters["EventYearsBack"]["Default"]
    says = {status: kind for kind, status in refresh_events.STATUS_OF.items()}
    assert says == producer.DETAIL_TYPES
    allowed = contract("refresh-event")["properties"]
    assert allowed["detail-type"]["enum"] == list(says.values())
    assert allowed["detail"]["properties"]["status"]["enum"] == list(says)


def test_the_package_says_the_version_of_its_metadata() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION


def test_a_project_is_built_with_the_version_of_sam_that_the_tests_use() -> None:
    assert f"\nSAM_VERSION := {sam_environment.VERSION}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_the_fixed_costs_of_a_template_are_those_of_the_table_of_costs() -> None:
    priced = {
        "AWS::CloudWatch::Alarm": costs.ALARM,
        "AWS::KMS::Key": costs.KEY,
        "AWS::SecretsManager::Secret": costs.SECRET,
    }
    assert priced == upgrading.MONTHLY
