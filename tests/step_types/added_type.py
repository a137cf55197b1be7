"""Step types that a test adds by their file sets, in folders of its own beside the built-in ones."""

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import step_types
from headgate.generator import steps
from headgate.generator.metadata import schema
from headgate.generator.render import environment, shapes

CACHES = (
    steps.step_types,
    schema.schemas,
    schema._registry,
    schema._compiled,
    schema._explainer,
    environment.environment,
    step_types.step_types,
)


@contextmanager
def added(name: str, folder: Path, notes: dict[str, Any], template: str, module: str = "") -> Iterator[None]:
    """The project with the step type `name`, whose schema has `notes` besides what every schema has."""
    generator, functions = folder / "generator", folder / "functions"
    shutil.copytree(steps.FOLDER, generator, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    functions.mkdir()
    frame = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://headgate.dev/schemas/steps/{name}.schema.json",
        "type": "object",
        "additionalProperties": False,
    }
    (generator / f"{name}.schema.json").write_text(json.dumps(frame | notes))
    (generator / f"{name}.asl.j2").write_text(template)
    (generator / f"{name}.example.yaml").write_text(f"name: added\n{name}: {{}}\n")
    (functions / f"{name}.py").write_text(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "FOLDER", generator)
        patch.setattr(step_types, "__path__", [*step_types.__path__, str(functions)])
        patch.setattr(shapes, "_shapes", {})
        _forget(name)
        yield
    _forget(name)


def _forget(name: str) -> None:
    for cached in CACHES:
        cached.cache_clear()
    sys.modules.pop(f"step_types.{name}", None)
    importlib.invalidate_caches()
