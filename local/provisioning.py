"""Creates in the endpoint what products' steps name: jobs, functions, the buckets of others. On AWS those belong to the products' teams, not to the application."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.local import step_types
from headgate.local.buckets import make_buckets
from headgate.local.stack import Stack, StartError


def provision(stack: Stack, catalog: dict[str, Any], scripts: Path | None, data: Path) -> None:
    """`scripts` is a folder (or None) with `<resource>.py` for each resource that has real work to do; `data` is the folder where
    that work reads and writes. Each type's own `provision` receives its steps as the catalog has them. Raises `StartError`."""
    make_buckets(stack, catalog)
    project = stack.places.project
    known = step_types.names(project)
    steps: dict[str, list[dict[str, Any]]] = {}
    for product, each in _steps(catalog):
        if each["type"] not in known:
            raise StartError(
                f"step {each['name']} of {product} has the type {each['type']}, which the local runtime cannot run. "
                f"It has {', '.join(known)}; a type of the project has its stand-in in steps/{each['type']}/local/."
            )
        steps.setdefault(each["type"], []).append(each)
    for name, of_type in steps.items():
        step_types.provisioner(name, project).provision(stack, of_type, scripts, data)


SCRIPTED = ("batch", "ecs", "glue", "lambda")  # the types whose work is a script of the name that the step says


def scripted(catalog: dict[str, Any], scripts: Path | None) -> tuple[int, int, int]:
    """Of the jobs, functions and tasks that steps name, how many have a script in the folder, how many others run what ships with their product, and how
    many there are. Containers do not run here."""
    steps = [each for _, each in _steps(catalog) if each["type"] in SCRIPTED]
    names = {each["resource"].partition(":")[0] for each in steps}
    found = {name for name in names if step_types.script_of(name, scripts)}
    shipped = {each["resource"] for each in steps if each.get("deployed") and each["type"] == "glue"}
    return len(found), len(shipped - found), len(names)


def _steps(catalog: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    def walk(items: list[Any]) -> Iterator[dict[str, Any]]:
        for each in items:
            if "parallel" in each:
                for branch in each["parallel"]:
                    yield from walk(branch)
            else:
                yield each

    for product, entry in catalog["products"].items():
        for each in walk(entry.get("pipeline", {}).get("steps", [])):
            yield product, each
            yield from ((product, called) for called in _called(each))


def _called(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the states of a definition run, as steps would."""
    work = step["settings"].get("machine", {}).get("work", {}) if step["type"] == "definition" else {}
    for kind, names in work.items():
        for name in names:
            yield {"name": name, "type": kind, "resource": name, "arguments": {}, "settings": {}, "timeout": None}
