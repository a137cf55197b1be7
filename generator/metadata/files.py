"""The files of a products folder."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from headgate.generator.findings import Finding
from headgate.generator.metadata.reading_rules import NO_DOMAIN, UNREADABLE, WRONG_PLACE

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_NAME = 64
CALENDARS = "calendars"
BUCKETS = "buckets"  # of a domain
CONTRACTS = "contracts"  # of other repositories; a domain of this name is one all the same
CONTRACT = ".odcs.yaml"
MESH = "mesh.yaml"  # beside the domains
PRODUCT = "product.yaml"  # of a product that is a folder
RESERVED = ("catalog", "template", "layout", "mesh")


@dataclass
class Files:
    """Paths by what they are; `misplaced` are findings. `python` yields products; files that begin with `_` are what these import. `beside` are the files
    in the folder of a product, beside its metadata: what ships with it. `json` are the JSON files of domains, which their products name."""

    domains: dict[str, Path] = field(default_factory=dict)
    products: dict[tuple[str, str], Path] = field(default_factory=dict)
    beside: dict[tuple[str, str], tuple[Path, ...]] = field(default_factory=dict)
    calendars: dict[str, Path] = field(default_factory=dict)
    buckets: dict[str, Path] = field(default_factory=dict)  # by domain
    contracts: list[Path] = field(default_factory=list)
    python: list[Path] = field(default_factory=list)
    imported: list[Path] = field(default_factory=list)
    json: list[Path] = field(default_factory=list)
    mesh: Path | None = None
    misplaced: list[Finding] = field(default_factory=list)

    def paths(self) -> Iterator[Path]:
        """Every file that has to be read."""
        mesh = (self.mesh,) if self.mesh else ()
        return chain(
            mesh,
            self.domains.values(),
            self.calendars.values(),
            self.buckets.values(),
            self.contracts,
            self.products.values(),
            self.python,
            self.imported,
            self.json,
            *self.beside.values(),
        )


def find(root: Path) -> Files:
    """Every metadata file under `root`, sorted. Files that are neither YAML, Python nor JSON and hidden ones are left alone."""
    files = Files()
    for entry in _entries(root):
        unusable = _unusable(entry, root)
        if unusable:
            files.misplaced.append(unusable)
        elif _is_folder(entry) and entry.name == CONTRACTS and not Path(entry.path, "domain.yaml").exists():
            _contracts(root, Path(entry.path), files)
        elif _is_folder(entry):
            _folder(root, Path(entry.path), entry.name, files)
        elif entry.name == MESH:
            files.mesh = Path(entry.path)
        elif entry.name == "mesh.yml":
            files.misplaced.append(_renamed(Path(entry.path)))
        elif _yaml(entry.name):
            expected = "products/<domain>/<product>.yaml"
            files.misplaced.append(
                _misplaced(Path(entry.path), "a file beside the domains", expected, "Move it into its domain's folder.")
            )
    return files


def _contracts(root: Path, folder: Path, files: Files) -> None:
    """The contracts of other repositories, in folders or not."""
    for path in _below(root, folder, files):
        if path.name.endswith(CONTRACT):
            files.contracts.append(path)
        elif _yaml(path.name):
            files.misplaced.append(
                _misplaced(path, f"`{path.name}`", f"a contract <name>{CONTRACT}", "Rename it, or move it away.")
            )


def _folder(root: Path, folder: Path, name: str, files: Files) -> None:
    if name != CALENDARS and not _good(name):
        files.misplaced.append(
            _misplaced(
                folder,
                f"a folder named `{name}`",
                "lower-case letters, digits and single dashes, at most 64",
                "Rename the folder.",
            )
        )
        return
    if name in RESERVED:
        files.misplaced.append(
            _misplaced(
                folder, f"a domain named `{name}`", "another name: Headgate writes a folder of this name itself", ""
            )
        )
        return
    for entry in _entries(folder):
        path, stem = Path(entry.path), entry.name.rpartition(".")[0]
        unusable = _unusable(entry, root)
        if unusable:
            files.misplaced.append(unusable)
        elif _is_folder(entry):
            _product_folder(root, path, name, files)
        elif entry.name.endswith(".py") and name != CALENDARS:
            (files.imported if entry.name.startswith("_") else files.python).append(path)
        elif entry.name.endswith(".json") and name != CALENDARS:
            files.json.append(path)
        elif not _yaml(entry.name):
            continue
        elif entry.name.endswith(".yml"):
            files.misplaced.append(_renamed(path))
        elif not _good(stem):
            files.misplaced.append(
                _misplaced(
                    path,
                    f"the name `{stem}`",
                    "lower-case letters, digits and single dashes, at most 64",
                    _lowered(stem),
                )
            )
        elif name == CALENDARS:
            files.calendars[stem] = path
        elif stem == "domain":
            files.domains[name] = path
        elif stem == BUCKETS:
            files.buckets[name] = path
        elif stem in RESERVED:
            files.misplaced.append(
                _misplaced(
                    path, f"a product named `{stem}`", "another name: Headgate writes files of this name itself", ""
                )
            )
        elif (name, stem) in files.products:
            files.misplaced.append(
                _misplaced(
                    path,
                    f"a second description of {name}/{stem}, which is the folder {stem}/ as well",
                    f"one of {stem}.yaml and {stem}/{PRODUCT}",
                    "Remove one of them.",
                )
            )
        else:
            files.products[name, stem] = path
    if name not in files.domains and (
        any(domain == name for domain, _ in files.products) or any(each.parent.name == name for each in files.python)
    ):
        files.misplaced.append(
            Finding(
                NO_DOMAIN,
                folder / "domain.yaml",
                "",
                "no domain.yaml",
                "a file with the domain's `owner`",
                f"`headgate new domain {name}` writes one.",
            )
        )


def _product_folder(root: Path, folder: Path, domain: str, files: Files) -> None:
    """A folder with product.yaml is a product, and what else is in it ships with the product."""
    names = os.listdir(folder)
    if domain == CALENDARS or PRODUCT not in names:
        if any(map(_yaml, names)):
            expected = f"products/<domain>/<product>.yaml or products/<domain>/<product>/{PRODUCT}"
            hint = f"Move its files up, or name the one that describes the product {PRODUCT}."
            files.misplaced.append(_misplaced(folder, "a folder inside a domain", expected, hint))
    elif not _good(folder.name) or folder.name in (*RESERVED, "domain"):
        what = "lower-case letters, digits and single dashes, at most 64; not a name that Headgate uses itself"
        files.misplaced.append(_misplaced(folder, f"a product named `{folder.name}`", what, "Rename the folder."))
    else:
        read = list(_below(root, folder, files))
        if folder / PRODUCT in read:
            files.products[domain, folder.name] = folder / PRODUCT
        files.beside[domain, folder.name] = tuple(each for each in read if each != folder / PRODUCT)


def _below(root: Path, folder: Path, files: Files) -> Iterator[Path]:
    """The files in the folder and in those below it; what cannot be opened is misplaced."""
    for entry in _entries(folder):
        unusable = _unusable(entry, root, anything=True)
        if unusable:
            files.misplaced.append(unusable)
        elif not _is_folder(entry):
            yield Path(entry.path)
        elif entry.name != "__pycache__":
            yield from _below(root, Path(entry.path), files)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)


def _unusable(entry: os.DirEntry[str], root: Path, anything: bool = False) -> Finding | None:
    """What must not be opened: reading a pipe waits for a writer, and a link may lead to a file that is none of the metadata."""
    path, folder = Path(entry.path), _is_folder(entry)
    read = anything or _yaml(entry.name) or entry.name.endswith((".py", ".json"))
    if not (read or folder) or (folder and not entry.is_symlink()):
        return None
    if entry.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        found, hint = f"a link out of {root.as_posix()}", "Put a copy in its place, or remove the link."
    elif folder or path.is_file():
        return None
    elif entry.is_symlink():
        found, hint = "a link to what is no file", "Remove the link."
    else:
        found, hint = "a pipe, socket or device", "Remove it."
    return Finding(UNREADABLE, path, "", found, f"a file or folder in {root.as_posix()}", hint)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _good(name: str) -> bool:
    return len(name) <= MAX_NAME and NAME.fullmatch(name) is not None


def _lowered(stem: str) -> str:
    better = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:MAX_NAME].strip("-")
    return f"Rename it to `{better}.yaml`." if _good(better) else "Rename it."


def _renamed(path: Path) -> Finding:
    return _misplaced(path, f"`{path.name}`", f"`{path.stem}.yaml`", "Rename it: only .yaml is read.")


def _misplaced(path: Path, found: str, expected: str, hint: str) -> Finding:
    return Finding(WRONG_PLACE, path, "", found, expected, hint)
