"""Step types that installed Python packages offer: the entry points of the group `headgate.steps`, each naming the package that is the type's folder."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from headgate.cli.errors import UsageError

GROUP = "headgate.steps"
ORIGIN = "origin.json"


@dataclass(frozen=True)
class Offer:
    """A type that a package of this version offers in a folder."""

    name: str
    package: str
    version: str
    folder: Path | None


def offers() -> list[Offer]:
    """What the installed packages offer, by name. A folder is None where the entry point names no package."""
    return [
        Offer(
            each.name, each.dist.name if each.dist else "", each.dist.version if each.dist else "", _folder(each.module)
        )
        for each in sorted(entry_points(group=GROUP), key=lambda each: each.name)
    ]


def origin(folder: Path) -> str:
    """The package and version that a type of the project was added from; empty for one of its own."""
    try:
        read = json.loads((folder / ORIGIN).read_text("utf-8"))
    except OSError:
        return ""
    return f"{read['package']} {read['version']}"


def add(name: str, into: Path) -> Path:
    """Copies the type into the project's folder of types: what is deployed is what its repository holds. Raises `UsageError`."""
    found = [each for each in offers() if each.name == name]
    if not found:
        raise UsageError(f"no installed package offers a step type {name}; {_offered()}")
    if len(found) > 1:
        raise UsageError(f"{name} is offered by {', '.join(each.package for each in found)}; uninstall all but one")
    offer, target = found[0], into / name
    if offer.folder is None:
        raise UsageError(f"{offer.package} {offer.version}: its entry point {name} names no package that can be found")
    if target.exists():
        raise UsageError(f"{target} exists; delete it first, so that no change of yours is lost unseen")
    shutil.copytree(offer.folder, target, ignore=shutil.ignore_patterns("__pycache__", "__init__.py", "*.pyc"))
    text = json.dumps({"package": offer.package, "version": offer.version}, indent=2)
    (target / ORIGIN).write_text(text + "\n", "utf-8")
    return target


def _offered() -> str:
    names = ", ".join(each.name for each in offers())
    return f"offered are {names}" if names else f"none has an entry point of the group {GROUP}"


def _folder(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    places: Iterator[str] = iter((spec.submodule_search_locations or ()) if spec else ())
    return next((Path(each) for each in places), None)
