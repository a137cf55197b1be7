"""The Jinja2 environment: everything rendered is JSON, and every value goes through `tojson`."""

from pathlib import Path
from typing import Any

import jinja2
import orjson

from headgate.generator import steps
from headgate.generator.plan.grants import referenced

TEMPLATES = Path(__file__).parent.parent / "templates"


def _tojson(value: Any) -> str:
    # not Jinja2's own, which escapes for HTML
    return orjson.dumps(value).decode()


def _own(name: str) -> str | None:
    """The template of a project's own step type."""
    kind = steps.step_types().get(name.removesuffix(".asl.j2"))
    return kind.template.read_text("utf-8") if kind else None


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
    return made
