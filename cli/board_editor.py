"""The metadata of the project, for the board: the text of a product, what a changed text would be, and the branch that proposes it. No file of the project is written."""

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from headgate.board.api import AnswerError
from headgate.cli.change_request import NOT_PROPOSED, Repository
from headgate.cli.findings import as_json
from headgate.cli.project import today
from headgate.generator.cache import Cache
from headgate.generator.plan import catalog
from headgate.generator.plan.changes import compare
from headgate.generator.project import Project
from headgate.generator.steps import own_folder

MOST = 100_000  # characters of a text


class MetadataEditor:
    """Texts are those of the products folder as it lies on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._repository = Repository(self._root)

    def source(self, product: str) -> dict[str, Any]:
        """{product, path, text, remote or not_proposed}: the file of a product that is described in YAML; `remote` and `base` where a change can be proposed there, otherwise
        the reason. Raises `AnswerError`."""
        path = self._path(product)
        try:
            base = self._repository.base()
            where = {"remote": base.remote, "base": base.branch}
        except AnswerError as error:
            where = {"not_proposed": str(error)}
        return {"product": product, "path": self._named(path), "text": path.read_text("utf-8"), **where}

    def draft(self, product: str, text: str) -> dict[str, Any]:
        """What `validate`, `plan` and `diff` say of this text: {findings, changes: [{product, kind, sentences}], patch}. Of the findings those in the file of
        the product, and those of other files that are there with this text only. Raises `AnswerError`."""
        path = self._path(product)
        if len(text) > MOST:
            raise AnswerError("BadEvent", f"the text has more than {MOST:,} characters")
        before = path.read_text("utf-8")
        with self._copied(None, "") as old, self._copied(path, text) as new:
            known = {self._key(each) for each in self._findings(old)}
            found = self._findings(new)
            own = self._named(path)
            findings = [each for each in found if each["file"] == own or self._key(each) not in known]
            changes = [] if any(each["severity"] == "error" for each in found) else self._changes(old, new)
        old_lines, new_lines = before.splitlines(keepends=True), text.splitlines(keepends=True)
        patch = "".join(difflib.unified_diff(old_lines, new_lines, f"a/{own}", f"b/{own}"))
        return {"findings": findings, "changes": changes, "patch": patch}

    def propose(self, product: str, text: str, title: str, expect: str | None) -> dict[str, Any]:
        """What would be pushed, {remote, base, branch, title, patch, digest}. With `expect`, the digest of that, it is pushed, and `link` is where the pull request is
        opened, if that is known. Raises `AnswerError`, also where the text has errors."""
        draft = self.draft(product, text)
        if not draft["patch"]:
            raise AnswerError(NOT_PROPOSED, "the text is the one of the project: there is nothing to propose")
        if any(each["severity"] == "error" for each in draft["findings"]):
            raise AnswerError(NOT_PROPOSED, "the text has errors; correct what the findings say first")
        request = self._repository.request(self._path(product), text, title)
        answer = {
            "remote": request.base.remote, "base": request.base.branch, "branch": request.branch, "title": request.title,
            "patch": draft["patch"], "digest": request.digest,
        }  # fmt: skip
        if expect is None:
            return answer
        if expect != request.digest:
            raise AnswerError("ChangedMeanwhile", "something else would be pushed by now; nothing has been")
        return {**answer, "pushed": True, "link": self._repository.push(request)}

    def _path(self, product: str) -> Path:
        domain, _, name = product.partition("/")
        for each in (self._root / domain / f"{name}.yaml", self._root / domain / name / "product.yaml"):
            if each.is_file() and each.resolve().is_relative_to(self._root.resolve()):
                return each
        raise AnswerError(
            "UnknownProduct",
            f"{self._root} has no YAML file of {product}; products in Python and of other repositories are changed there",
        )

    def _named(self, path: Path) -> str:
        return f"{self._root.name}/{path.relative_to(self._root).as_posix()}"

    @contextmanager
    def _copied(self, changed: Path | None, text: str) -> Iterator[Project]:
        """The project with this text in the changed file; all other files are the same ones under another name."""
        work = self._root.parent / ".headgate"
        work.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="draft-", dir=work) as folder:
            copy = Path(folder, self._root.name)
            shutil.copytree(self._root, copy, symlinks=True, copy_function=os.link)
            if changed is not None:
                target = copy / changed.relative_to(self._root)
                target.unlink()
                target.write_text(text, "utf-8")
            cache = Cache(self._root.parent / ".headgate" / f"cache-{self._root.name}", own_folder(self._root))
            yield Project(copy, cache, today())

    def _findings(self, project: Project) -> list[dict[str, Any]]:
        found = as_json(project.findings)
        folder = project.root.parent.as_posix() + "/"
        return [{**each, "file": str(each["file"]).removeprefix(folder)} for each in found]

    def _key(self, finding: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(finding[each] for each in ("id", "file", "pointer", "found"))

    def _changes(self, old: Project, new: Project) -> list[dict[str, Any]]:
        if old.errors:
            return []
        before, after = (orjson.loads(catalog.write(each.loaded.mesh)) for each in (old, new))
        return [
            {"product": each.product, "kind": each.kind, "sentences": list(each.sentences)}
            for each in compare(before, after)
        ]
