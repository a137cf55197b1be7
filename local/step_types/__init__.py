"""The step types that the local runtime can run: one folder each, named as the type is in metadata.

`<type>/provision.py` creates in the endpoint what products' steps name: see `local.provisioning`.
`<type>/endpoint.py` is an adapter of the endpoint (see `local.adapters`) that runs the work and reports how it ended.
A new type is a new folder; nothing else names it.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The types, in order of their names."""
    return sorted(each.parent.name for each in FOLDER.glob("*/endpoint.py"))


def endpoints() -> list[ModuleType]:
    """The adapters of all types. To be called in the endpoint's process only."""
    return [import_module(f"{__name__}.{name}.endpoint") for name in names()]
