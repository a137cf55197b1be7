"""Imported by Python first in every function of the local endpoint: it sets the functions' clock to the runtime's, and the folder
of their layers, which is not /opt."""

import datetime
import importlib
import json
import os
import struct
import sys
import time
from pathlib import Path
from types import ModuleType

_import = importlib.import_module


def _now() -> datetime.datetime:
    with open(os.environ["HEADGATE_CLOCK"], "rb") as file:
        (offset,) = struct.unpack("<d", file.read(8))
    return datetime.datetime.fromtimestamp(time.time() + offset, datetime.UTC)


def _handler(name: str, package: str | None = None) -> ModuleType:
    """Called by the worker to import the handler's module; afterwards what that imports is loaded as well."""
    for variable, address in json.loads(os.environ["HEADGATE_ADDRESSES"]).items():
        if not os.environ.get(variable):  # the worker has set the function's own variables by now
            os.environ[variable] = address
    module = _import(name, package)
    if "runtime" in sys.modules:
        assert callable(sys.modules["runtime"].now)
        sys.modules["runtime"].now = _now  # type: ignore[attr-defined]
    return module


if "HEADGATE_CLOCK" in os.environ and Path(sys.argv[0]).name == "_worker.py":
    importlib.import_module = _handler
    os.environ.setdefault("LAYERS", os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)[0] or "/opt")
