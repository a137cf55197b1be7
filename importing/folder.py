"""The files of an import in a products folder: what would change, and the writing of it. Nothing that people wrote is overwritten unasked."""

import difflib
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from headgate.generator.metadata.files import PRODUCT
from headgate.importing.result import Imported, Product
from headgate.importing.yaml_text import product_text


class State(StrEnum):
    """How a file of the import stands to the folder."""

    NEW = "new"
    UNCHANGED = "unchanged"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Change:
    """One file of the import. `removes` is the other form of the product (a file or a folder), which it takes the place of."""

    path: Path
    text: str
    state: State
    product: str
    removes: Path | None = None

    def difference(self) -> str:
        """What is in the folder, and what would be there, as a unified diff."""
        old = self.removes or self.path
        before = old.read_text("utf-8", "replace") if old.is_file() else ""
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), self.text.splitlines(keepends=True), old.as_posix(), self.path.as_posix()
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def changes(imported: Imported, folder: Path, first_line: str, domains: dict[str, str]) -> list[Change]:
    """Every file of the import, in the order of their paths. `domains` are the texts of domain.yaml, for domains that have none."""
    found = []
    for name, text in domains.items():
        path = folder / name / "domain.yaml"
        if name in imported.domains and not path.exists():
            found.append(Change(path, text, State.NEW, ""))
    for product in imported.products:
        if not (product.stand_in and described(folder, product.id)):
            found += _of(product, folder, first_line)
    return sorted(found, key=lambda each: each.path)


def described(folder: Path, product: str) -> Path | None:
    """The file that describes the product in the folder, if there is one."""
    return next((each for each in (folder / f"{product}.yaml", folder / product / PRODUCT) if each.exists()), None)


def write(chosen: list[Change]) -> None:
    """Each file as a whole or not at all. Raises OSError."""
    for each in chosen:
        each.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=each.path.parent, prefix=".", delete=False) as file:
            file.write(each.text)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(each.path)
        if each.removes:
            each.removes.unlink()


def _of(product: Product, folder: Path, first_line: str) -> list[Change]:
    own = folder / product.domain / product.name
    alone, inside = own.with_name(f"{product.name}.yaml"), own / PRODUCT
    path, other = (inside, alone) if product.files else (alone, inside)
    deeper = first_line.replace("../../", "../../../") if product.files else first_line
    text = product_text(product, deeper)
    removes = other if other.exists() else None
    state = State.DIFFERS if removes else _state(path, text)
    files = [Change(path, text, state, product.id, removes)]
    return files + [Change(own / name, each, _state(own / name, each), product.id) for name, each in sorted(product.files.items())]  # fmt: skip


def _state(path: Path, text: str) -> State:
    if not path.exists():
        return State.NEW
    return State.UNCHANGED if path.read_bytes() == text.encode() else State.DIFFERS
