"""The process of a function of the local endpoint: it sets the function's clock to the runtime's, its addresses, and the folder of its
layers, which is not /opt.

`run` is called in a process that a fork server made, which has loaded the SDK (`function_sdk`).
"""

import datetime
import importlib
import json
import os
import runpy
import struct
import sys
import time
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import ModuleType
from typing import Any

SDK = ("boto3", "botocore")
_import = importlib.import_module


class Streams:
    """The descriptors of standard input, output and error for another process; they are duplicated on their way there."""

    def __init__(self, *descriptors: int) -> None:
        self.descriptors = descriptors

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, tuple(DupFd(each) for each in self.descriptors)


def _received(*duplicates: Any) -> Streams:
    return Streams(*(each.detach() for each in duplicates))


def run(script: Path, folder: Path, environment: dict[str, str], streams: Streams) -> None:
    """Runs the endpoint's script for a function, as a process started for it would: in `folder`, with that environment, and with
    `streams` as its standard input, output and error."""
    for number, received in enumerate(streams.descriptors):
        os.dup2(received, number)
        os.close(received)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, encoding="utf-8") for number in (1, 2))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    layers = [each for each in environment.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if each]
    os.environ.setdefault("LAYERS", layers[0] if layers else "/opt")
    if any((place / name).is_dir() for name in SDK for place in _places(folder, layers)):
        for name in [each for each in sys.modules if each.split(".")[0] in SDK]:
            del sys.modules[name]  # the function comes with an SDK of its own
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent))
    importlib.import_module = _import_handler
    runpy.run_path(str(script), run_name="__main__")


def _places(folder: Path, layers: list[str]) -> list[Path]:
    return [folder, *(Path(each, part) for each in layers for part in ("", "python"))]


def _import_handler(name: str, package: str | None = None) -> ModuleType:
    """Called by the endpoint's script to import the handler's module; afterwards what that imports is loaded as well."""
    for variable, address in json.loads(os.environ["HEADGATE_ADDRESSES"]).items():
        if not os.environ.get(variable):  # the script has set the function's own variables by now
            os.environ[variable] = address
    module = _import(name, package)
    if "runtime" in sys.modules:
        assert callable(sys.modules["runtime"].now)
        sys.modules["runtime"].now = _now  # type: ignore[attr-defined]
    return module


def _now() -> datetime.datetime:
    with open(os.environ["HEADGATE_CLOCK"], "rb") as file:
        (offset,) = struct.unpack("<d", file.read(8))
    return datetime.datetime.fromtimestamp(time.time() + offset, datetime.UTC)
