"""Tries an import beside the products that are there already: what the rules find decides what is written."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from headgate.cli.project import today
from headgate.generator.cache import Cache
from headgate.generator.findings import Finding
from headgate.generator.project import Project
from headgate.generator.steps import own_folder
from headgate.importing.folder import Change
from headgate.importing.result import Imported
from headgate.importing.settle import settled

Choose = Callable[[Imported], list[Change]]  # the files that would be written


def tried(imported: Imported, into: Path, choose: Choose) -> tuple[Imported, list[Finding]]:
    """The import with every product external that would not validate, and the errors that are left: of an import that went well there are none."""
    known = {_key(each) for each in _errors(into, [])}
    while True:
        chosen = choose(imported)
        errors = [each for each in _errors(into, chosen) if _key(each) not in known]
        written = {each.path: each.product for each in chosen if each.product}
        found: dict[str, list[Finding]] = {}
        for each in errors:
            if each.file in written:
                found.setdefault(written[each.file], []).append(each)
        after = settled(imported, found)
        if after == imported:
            return imported, errors
        imported = after


def _errors(into: Path, chosen: list[Change]) -> list[Finding]:
    """Of the folder with these files; the findings name the files as they are in the folder."""
    with tempfile.TemporaryDirectory(prefix="headgate-import-") as folder:
        root = Path(folder, "products")
        if into.is_dir():
            shutil.copytree(into, root)
        root.mkdir(exist_ok=True)
        own = own_folder(into.absolute())
        if own.is_dir():
            shutil.copytree(own, root.parent / own.name)
        for each in chosen:
            path = root / each.path.relative_to(into)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.text, "utf-8")
            if each.removes:
                (root / each.removes.relative_to(into)).unlink(missing_ok=True)
        project = Project(root, Cache(Path(folder, "cache"), own_folder(root)), today())
        return [replace(each, file=into / each.file.relative_to(root)) for each in project.errors if each.file.is_relative_to(root)]  # fmt: skip


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return finding.rule.id, finding.file.as_posix(), finding.pointer, finding.found
