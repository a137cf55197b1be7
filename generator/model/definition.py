"""A pipeline whose states a file holds: to all else it is one step, which runs them."""

from collections.abc import Mapping
from typing import Any

from headgate.generator.model.duration import seconds
from headgate.generator.model.product import DEFINITION, Pipeline, Step
from headgate.generator.steps import step_types

NAME = TYPE = "definition"
CONTENT = "machine"  # the setting that holds what the file does


def settings_of(given: str | dict[str, Any]) -> dict[str, Any]:
    """The keys of the definition; the name of a file alone is their short form."""
    return {"file": given} if isinstance(given, str) else given


def pipeline(given: str | dict[str, Any], files: Mapping[str, Any], timeout: int | None) -> Pipeline:
    """The pipeline that the file defines. It has a limit in any case: that of metadata, or of the file, or the default."""
    settings = step_types()[TYPE].defaults() | settings_of(given)
    content = files[settings["file"]]
    stated = content.get("TimeoutSeconds")
    longest = timeout or (stated if type(stated) is int and stated > 0 else seconds(settings["timeout"]))
    machine = {key: content[key] for key in ("StartAt", "States")}
    known = settings | {CONTENT: machine}
    return Pipeline((Step(NAME, TYPE, known, longest, None, DEFINITION),), longest)
