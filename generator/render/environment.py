"""The Jinja2 environment: everything rendered is JSON, and every value goes through `tojson`."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import orjson

from headgate.generator import steps

TEMPLATES = Path(__file__).parent.parent / "templates"


def _tojson(value: Any) -> str:
    # not Jinja2's own, which escapes for HTML
    return orjson.dumps(value).decode()


@cache
def environment() -> jinja2.Environment:
    """A misspelt variable is an error, and nothing is escaped: every value goes through `tojson`."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, steps.FOLDER]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - JSON, and every value passes through `tojson`
        auto_reload=False,
    )
    made.filters["tojson"] = _tojson
    return made
