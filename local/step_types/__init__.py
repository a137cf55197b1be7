"""The step types that the local runtime can run: one folder each, named as the type is in metadata.

`<type>/provision.py` creates in the endpoint what products' steps name: see `local.provisioning`.
`<type>/endpoint.py` is an adapter of the endpoint (see `local.adapters`) that runs the work and reports how it ended.
A new type is a new folder; nothing else names it. A project's own types have the two files in `steps/<type>/local/`.
"""

from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent
OWN = "steps"  # in the project


def names(project: Path) -> list[str]:
    """The types, in order of their names."""
    return sorted([*_built_in(), *(each.parent.parent.name for each in (project / OWN).glob("*/local/endpoint.py"))])


def endpoints(project: Path) -> list[ModuleType]:
    """The adapters of all types. To be called in the endpoint's process only."""
    return [_part(name, "endpoint", project) for name in names(project)]


def provisioner(name: str, project: Path) -> ModuleType:
    """The module that creates what steps of the type name."""
    return _part(name, "provision", project)


def script_of(name: str, scripts: Path | None) -> Path | None:
    """The script `<name>.py` in the folder, if there is one: what the work of that name does."""
    script = scripts / f"{name}.py" if scripts else None
    return script.resolve() if script and script.exists() else None


def _built_in() -> list[str]:
    return [each.parent.name for each in FOLDER.glob("*/endpoint.py")]


def _part(name: str, part: str, project: Path) -> ModuleType:
    if name in _built_in():
        return import_module(f"{__name__}.{name}.{part}")
    spec = spec_from_file_location(f"own_steps_{name}_{part}", project / OWN / name / "local" / f"{part}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
