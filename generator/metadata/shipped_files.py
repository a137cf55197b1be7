"""The files that ship with a product: its steps name them relative to the product's folder."""

import ast
import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import schema
from headgate.generator.metadata.files import PRODUCT
from headgate.generator.metadata.json_files import named
from headgate.generator.metadata.reading_rules import SHIPPED_FILE, SYNTAX, UNUSED_FILE
from headgate.generator.model.product import Code
from headgate.generator.steps import StepType, in_pipelines, of_types

Document = dict[str, Any]
LARGEST = 5_000_000  # bytes of a file: all files of a project are unpacked into 250 MB, the limit of Lambda's layers
DIGITS = 12  # of the digest, in the key of an object
EXPECTED = "a file in the folder of the product"


@dataclass
class Shipped:
    """`code`: the files of steps, by the place of the step. `objects`: the files by the key of their object."""

    document: Document
    code: dict[str, tuple[Code, ...]] = field(default_factory=dict)
    objects: dict[str, Path] = field(default_factory=dict)


class ShippedFiles:
    """Of one product, described in `file`; `beside` are the files in its folder, None where it has none. `read` gives the content of a file, and
    `digest` that of the content; both raise OSError."""

    def __init__(
        self,
        identity: str,
        file: Path,
        beside: Sequence[Path] | None,
        read: Callable[[Path], bytes],
        digest: Callable[[Path], str],
    ) -> None:
        self._identity, self._file, self._digest, self._read = identity, file, digest, read
        self._known = {each.relative_to(file.parent).as_posix(): each for each in beside or ()}
        self._is_folder = beside is not None

    def of(self, document: Document, findings: list[Finding], whole: bool = True) -> Shipped:
        """The document with the texts of files and the names of the jobs that are deployed; what keeps a file from being used is added to the findings.
        Where the document is not `whole`, parts are missing that may name files."""
        shipped = Shipped(document)
        used = {name for name, *_ in named(document)}
        if any(self._named(step) for _, step in _steps(document)):
            shipped.document = document | {"pipeline": _copied(document["pipeline"])}
            for place, step in _steps(shipped.document):
                self._step(place, step, shipped, used, findings)
        if self._is_folder and whole:
            findings += [
                Finding(UNUSED_FILE, self._known[name], "", name, "a file that a step names", "Remove it, or name it.")
                for name in sorted(self._known.keys() - used)
                if PurePosixPath(name).suffix not in (".md", ".txt")
            ]
        return shipped

    @staticmethod
    def _named(step: Document) -> list[tuple[StepType, str, str, str]]:
        """The type, the property, the place within the step and the name of each file."""
        found = []
        for kind in (each for name, each in _types().items() if name in step):
            for key in kind.ships:
                value = step[kind.name].get(key, ())
                names = enumerate(value) if isinstance(value, list) else [(None, value)] if value else ()
                for index, name in names:
                    at = pointer(kind.name, key) if index is None else pointer(kind.name, key, index)
                    found.append((kind, key, at, name))
        return [each for each in found if "://" not in each[3] and not each[3].startswith("local:")]

    def _step(self, place: str, step: Document, shipped: Shipped, used: set[str], findings: list[Finding]) -> None:
        code = []
        for kind, key, at, name in self._named(step):
            used.add(name)
            if kind.resources.exists():
                step[kind.name].setdefault(kind.resource, f"{self._identity.replace('/', '_')}_{step['name']}")
            path, problem = self._found(name)
            if path is None:
                findings.append(Finding(SHIPPED_FILE, self._file, place + at, *problem))
                continue
            if key in kind.note("texts", ()):
                step[kind.name] = self._with_text(kind, key, step[kind.name], path, findings)
                continue
            findings += self._syntax(kind, step[kind.name], path)
            document = self._document(kind, key, path, findings)
            made = Code(key, name, f"{self._identity}/{self._digest(path)[:DIGITS]}/{path.name}", document)
            shipped.objects |= {made.key: path}
            code.append(made)
        if code:
            shipped.code[place] = tuple(code)

    def _found(self, name: str) -> tuple[Path | None, tuple[str, str, str]]:
        """The file, or what was found instead, what was expected, and a hint."""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            return None, (f"`{name}`, which is outside of the product's folder", EXPECTED, "Move it into the folder.")
        folder = self._file.parent.as_posix()
        if not self._is_folder:
            stem = self._file.stem
            hint = f"Move {self._file.name} to {stem}/{PRODUCT}, and put `{name}` beside it."
            if self._file.suffix != ".yaml":
                hint = f"What Python yields ships no files: describe the product in {stem}/{PRODUCT}."
            return None, (f"`{name}`, and the product is no folder", EXPECTED, hint)
        path = self._known.get(name)
        if path is None:
            near = difflib.get_close_matches(name, self._known, n=3)
            return None, (f"no file `{name}` in {folder}", EXPECTED, f"Did you mean `{'`, `'.join(near)}`?" if near else "")  # fmt: skip
        size = path.stat().st_size
        if not size:
            return None, (f"`{name}`, which is empty", "a file with content", "")
        if size > LARGEST:
            large = f"`{name}` with {size:,} bytes"
            return None, (large, f"at most {LARGEST:,} bytes", "Put what is larger into S3, and name it there.")
        return path, ("", "", "")

    def _document(self, kind: StepType, key: str, path: Path, findings: list[Finding]) -> Document | None:
        """What the file holds, where it is JSON that is deployed as it stands."""
        if key not in kind.note("documents", ()):
            return None
        try:
            found = json.loads(self._read(path))
        except ValueError as error:
            line = getattr(error, "lineno", 0)
            found = getattr(error, "msg", str(error))
            findings.append(Finding(SHIPPED_FILE, path, "", found, "a JSON object").on(line))
            return None
        if isinstance(found, dict):
            return found
        findings.append(Finding(SHIPPED_FILE, path, "", f"a {type(found).__name__}", "a JSON object"))
        return None

    def _with_text(self, kind: StepType, key: str, settings: Document, path: Path, findings: list[Finding]) -> Document:
        """The settings with the text of the file, which has to be as one in the metadata."""
        try:
            text = self._read(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            findings.append(
                Finding(SHIPPED_FILE, path, "", f"bytes that are no UTF-8: {error.reason}", "a text in UTF-8")
            )
            return settings
        filled = settings | {kind.note("texts")[key]: text}
        written = {name: value for name, value in filled.items() if name != key}
        wrong = schema.check(written, f"steps/{kind.name}.schema.json", path)
        at = pointer(kind.note("texts")[key])
        findings += [replace(each, pointer="").on(1) for each in wrong if each.pointer == at]
        return filled

    def _syntax(self, kind: StepType, settings: Document, path: Path) -> Iterator[Finding]:
        minor = next((each["minor"] for each in kind.note("python", ()) if each["when"].items() <= settings.items()), 0)
        if not minor or path.suffix != ".py":
            return
        try:
            ast.parse(self._read(path), path.name, feature_version=(3, minor))
        except SyntaxError as error:
            line = min(error.lineno or 1, self._read(path).count(b"\n") + 1)
            yield Finding(SYNTAX, path, "", error.msg, f"what Python 3.{minor} reads, as the job has it").on(line)
        except ValueError as error:
            yield Finding(SYNTAX, path, "", str(error), f"what Python 3.{minor} reads, as the job has it")


@of_types
def _types() -> dict[str, StepType]:
    """The types whose steps may ship files."""
    return {name: each for name, each in in_pipelines().items() if each.ships}


def _steps(document: Document) -> Iterator[tuple[str, Document]]:
    """The steps with their places."""
    found = [("/pipeline/steps", each) for each in [document.get("pipeline", {}).get("steps", [])]]
    for at, items in found:
        for index, item in enumerate(items):
            place = f"{at}/{index}"
            if "parallel" in item:
                found.append((f"{place}/parallel", item["parallel"]))
            elif "steps" in item:
                found.append((f"{place}/steps", item["steps"]))
            else:
                yield place, item


def _copied(value: Any) -> Any:
    """The value, which may belong to the cache, as one that may be changed."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
