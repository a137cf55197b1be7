"""The Jinja2 environment: everything rendered is JSON, and every value goes through `tojson`."""

from pathlib import Path
from typing import Any

import jinja2
import orjson

from headgate.generator import steps
from headgate.generator.plan.grants import referenced
from headgate.generator.plan.task_definition import properties

RESOURCES = ".resources.j2"
TEMPLATES = Path(__file__).parent.parent / "templates"


def _tojson(value: Any) -> str:
    # not Jinja2's own, which escapes for HTML
    return orjson.dumps(value).decode()


def _own(name: str) -> str | None:
    """The templates of a project's own step type."""
    kind = steps.step_types().get(name.partition(".")[0])
    if kind is None:
        return None
    return (kind.resources if name.endswith(RESOURCES) else kind.template).read_text("utf-8")


@steps.of_types
def environment() -> jinja2.Environment:
    """A misspelt variable is an error, and nothing is escaped: every value goes through `tojson`."""
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader([TEMPLATES, steps.FOLDER]), jinja2.FunctionLoader(_own)]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - JSON, and every value passes through `tojson`
        auto_reload=False,
    )
    made.filters["tojson"] = _tojson
    made.filters["substituted"] = referenced
    made.filters["properties"] = properties
    return made
