"""A template that does more with a name than write it is refused, and named: machines of one shape are rendered once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Headgate
from tests.step_types.added_type import added

ARN = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:{name}"
SCHEMA: dict[str, Any] = {
    "title": "Function",
    "description": "A function.",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "Its name."},
        "arguments": {"type": "object", "description": "Its payload."},
        "label": {"type": "string", "description": "A setting."},
        "timeout": {"$ref": "../product.schema.json#/$defs/duration", "default": "5m", "description": "x"},
    },
    "x-resource": "name",
    "x-arguments": "arguments",
    "x-work": "function",
    "x-pattern": "invoke",
    "x-retried-errors": ["States.ALL"],
    "x-launch-retry": [
        {"errors": ["Lambda.TooManyRequestsException"], "interval": 2, "attempts": 6, "backoff": 2, "max_delay": 60}
    ],
    "x-grants": [{"action": "lambda:InvokeFunction", "call": "lambda:invoke", "resource": ARN}],
}
TEMPLATE = """\
{
  "Type": "Task",
  "Resource": "arn:aws:states:::lambda:invoke",
  "Parameters": {"FunctionName.$": {{ (step.path ~ ".name")|tojson }}, "Payload": {"step": WRITTEN}},
  "ResultPath": null
}
"""
PRODUCT = """\
--- d1/NAME.yaml
description: Positions
schedule: {frequency: daily, time: "06:00"}
pipeline: {steps: [{name: STEP, function: {name: f-NAME}}]}
"""


def generated(
    written: str, folder: Path, project: Callable[[str], Path], headgate: Headgate, products: str
) -> tuple[int, str]:
    with added("function", folder, SCHEMA, TEMPLATE.replace("WRITTEN", written)):
        root = project("--- d1/domain.yaml\nowner: team-one\n" + products)
        code, printed = headgate("generate")
        machines = [path.read_text() for path in (root / "statemachines").rglob("*.asl.json")]
        assert not any("@@" in text for text in machines)
        assert bool(machines) == (code == 0), "nothing is written when a template is refused"
        return code, printed


@pytest.mark.parametrize(
    "written",
    [
        "{{ step.name|upper|tojson }}",
        "{{ step.name|title|tojson }}",
        "{{ step.name[2:6]|tojson }}",
        "{{ step.name|length }}",
        "{{ step.name|truncate(20)|tojson }}",
        "{{ step.name|replace('-', '_')|tojson }}",
        "{{ step.path|upper|tojson }}",
        "{{ (step.name ~ '!')|upper|tojson }}",
        "{{ step.name|center(60)|tojson }}",
        "{% if step.name == 'check' %}1{% else %}2{% endif %}",
    ],
)
def test_a_template_that_changes_a_text_is_refused_by_name(
    written: str, tmp_path: Path, project: Callable[[str], Path], headgate: Headgate
) -> None:
    code, printed = generated(
        written, tmp_path / "types", project, headgate, PRODUCT.replace("NAME", "ds1").replace("STEP", "check")
    )

    assert code == 1
    assert "HG906 a template changes a text" in printed
    assert "function.asl.j2" in printed


@pytest.mark.parametrize("written", ["{{ step.name|tojson }}", "{{ ('of ' ~ step.name ~ ' at ' ~ step.path)|tojson }}"])
def test_a_template_that_writes_texts_is_not(
    written: str, tmp_path: Path, project: Callable[[str], Path], headgate: Headgate
) -> None:
    products = "".join(PRODUCT.replace("NAME", f"ds{n}").replace("STEP", f"step-{n}") for n in range(3))

    assert generated(written, tmp_path / "types", project, headgate, products)[0] == 0


def test_a_setting_that_looks_like_a_token_is_a_text_like_any_other(
    tmp_path: Path, project: Callable[[str], Path], headgate: Headgate
) -> None:
    products = PRODUCT.replace("NAME", "ds1").replace("{name: f-ds1}", '{name: f-ds1, label: "@@product@@"}')
    products += PRODUCT.replace("NAME", "ds2").replace("Positions", '"@@step0@@"').replace("f-ds2}", "f-ds2, label: x}")
    with added("function", tmp_path / "types", SCHEMA, TEMPLATE.replace("WRITTEN", "{{ step.settings.label|tojson }}")):
        root = project("--- d1/domain.yaml\nowner: team-one\n" + products.replace("STEP", "check"))
        assert headgate("generate")[0] == 0
        text = (root / "statemachines/d1/ds1.asl.json").read_text()
        other = (root / "statemachines/d1/ds2.asl.json").read_text()
    assert '"Payload": {"step": "@@product@@"}' in text
    assert '"Comment": "Refreshes d1/ds2: @@step0@@"' in other
