"""The shapes of what an import reads, as JSON Schemas: a document that has one can be read without looking at each type again."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from headgate.importing.source_file import Problem, SourceError, described

MOST = 20  # problems that are shown
TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "null": "nothing",
}


def check(value: Any, shape: str, file: str, at: str = "") -> None:
    """Raises `SourceError` for a value that does not have the shape, with the first of its problems. `at` is the pointer of the value in the file."""
    validator = _validator(shape)
    if validator.is_valid(value):
        return
    problems = []
    for error in sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path]):
        deepest = best_match([error]) or error
        place = at + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in deepest.absolute_path)
        problem = Problem(
            file, place, described(deepest.instance), _expected(deepest.validator, deepest.validator_value)
        )
        if problem not in problems:
            problems.append(problem)
    raise SourceError(*problems[:MOST])


def _expected(keyword: Any, value: Any) -> str:
    match keyword:
        case "type":
            return " or ".join(TYPES[each] for each in ([value] if isinstance(value, str) else value))
        case "required":
            return f"an object with {', '.join(value)}"
        case "enum":
            return f"one of {', '.join(map(str, value))}"
        case "minItems" | "minProperties":
            return "one entry at least"
    return f"another value ({keyword})"


@cache
def _validator(shape: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(Path(__file__).with_name(f"{shape}.schema.json").read_text("utf-8")))
