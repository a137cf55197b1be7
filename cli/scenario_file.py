"""A scenario file for `headgate run`: read, checked against its schema and the mesh, with findings as `validate` has them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from headgate.cli.errors import UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.generator import scenario_names
from headgate.generator.findings import Finding
from headgate.generator.metadata import places, schema
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.model.mesh import Mesh

if TYPE_CHECKING:
    from headgate.local.scenario import Scenario


def read_scenario(path: Path, mesh: Mesh, as_data: bool) -> "Scenario":
    """The scenario in the file. Prints what is wrong with it, unless that goes into JSON. Raises `UsageError` for errors."""
    from headgate.local import scenario

    findings = sorted(places.resolve(_findings(path, mesh), Path.read_bytes), key=Finding.order)
    errors = [each for each in findings if each.is_error]
    if findings and not as_data:
        print_findings(findings)
    if errors:
        raise UsageError("the scenario has errors; nothing was started", findings=as_json(errors))
    try:
        return scenario.read(path)
    except scenario.ScenarioError as error:
        raise UsageError(str(error)) from None


def _findings(path: Path, mesh: Mesh) -> list[Finding]:
    from headgate.local.scenario import SCHEMA

    try:
        document = read(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ReadError as error:
        return error.findings(path)
    found = schema.explain(document, _validator(SCHEMA), path)
    return found or list(scenario_names.check(document, mesh, path))


def _validator(file: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(file.read_text("utf-8")))
