"""The functions that products' steps invoke, as real functions of the endpoint."""

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Any

from headgate.local import step_role
from headgate.local.stack import Stack
from headgate.local.step_types import script_of

TIMEOUT = 900  # seconds, the most that Lambda allows


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each function anew, with `handler(event, context)` in `<function>.py` as its handler and the folder's other modules
    beside it. A function without a script has nothing to do. The environment variable DATA names the data folder."""
    functions = stack.client("lambda")
    role = step_role.created(stack)
    wanted: dict[str, set[str]] = {}
    for each in steps:
        name, _, alias = each["resource"].partition(":")
        wanted.setdefault(name, set()).update({alias} - {""})
    for name, aliases in sorted(wanted.items()):
        code = {"ZipFile": _archive(scripts)} if scripts and script_of(name, scripts) else {}
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            functions.delete_function(FunctionName=name)  # of an earlier start: the code may have changed
        functions.create_function(
            FunctionName=name, Runtime="python3.13", Role=role, Handler=f"{name}.handler", Code=code, Timeout=TIMEOUT,
            Environment={"Variables": {"DATA": str(data)}},
        )  # fmt: skip
        for alias in sorted(aliases):
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)


def _archive(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.glob("*.py")):
            archive.write(each, each.name)
    return file.getvalue()
