"""The step types. Each is two files here: `<type>.schema.json` and `<type>.asl.j2`. Adding a service is adding its two files.

The schema's `x-` keys tell the rest of the generator what it has to know of the type:

- `x-resource`: the property that names what is run (shown by `plan`, kept in the catalog);
- `x-arguments`: the property whose values may hold placeholders such as `{business_date}`;
- `x-work`: what people call it, for messages;
- `x-exclusive`: the property whose value must not run twice at the same moment, if there is one;
- `x-whole-minutes`: durations the service takes in minutes;
- `x-grants`: the IAM actions the machine needs; `{property}` is filled in from the step.

Every type has a `timeout` with a `default`. The template defines the macro `states(step, next, on_failure)`.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StepType:
    name: str
    schema: dict[str, Any]

    def note(self, key: str, default: Any = None) -> Any:
        """An `x-` key of the schema."""
        return self.schema.get("x-" + key, default)

    @property
    def template(self) -> str:
        return f"{self.name}.asl.j2"

    @property
    def default_timeout(self) -> str:
        return str(self.schema["properties"]["timeout"]["default"])


@cache
def step_types() -> dict[str, StepType]:
    """Every step type by its key in metadata, in alphabetical order."""
    suffix = ".schema.json"
    return {
        file.name.removesuffix(suffix): StepType(file.name.removesuffix(suffix), json.loads(file.read_text("utf-8")))
        for file in sorted(FOLDER.glob("*" + suffix))
    }
