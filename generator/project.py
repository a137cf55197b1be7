"""A products folder: its findings and its output, computed again only where a file has changed.

What commands need on every run is imported at once, everything else when it turns out to be needed: with nothing changed,
loading the parsers, the linters and the template engine would take longer than all the rest.
"""

from dataclasses import asdict
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.generator.cache import Cache
from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.metadata.files import Files
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.output import Changes, Generated, Output
from headgate.generator.progress import Progress, silent

if TYPE_CHECKING:
    from headgate.generator.metadata.load import Loaded


class Project:
    """The metadata under `root`, checked as of `today`."""

    def __init__(self, root: Path, cache: Cache, today: date, progress: Progress = silent) -> None:
        self.root, self.cache, self._today = root, cache, today
        self._progress = progress
        self._inputs = Inputs(root, cache)

    @property
    def files(self) -> Files:
        """The metadata files, and what is out of place."""
        return self._inputs.files

    @cached_property
    def loaded(self) -> "Loaded":
        from headgate.generator.metadata.load import load

        return load(self._inputs, self.cache, self._today, self._progress)

    @cached_property
    def findings(self) -> list[Finding]:
        """All findings, in reading order, with lines."""
        return [_finding(each) for each in self._checked["findings"]]

    @property
    def errors(self) -> list[Finding]:
        return [each for each in self.findings if each.is_error]

    @property
    def products(self) -> int:
        """How many products could be read."""
        return int(self._checked["products"])

    @property
    def domains(self) -> int:
        """How many domains could be read."""
        return int(self._checked["domains"])

    @property
    def deployment(self) -> dict[str, Any]:
        """What a first deployment would hold: `accounts`, and `sentences` about those that need several stacks."""
        found: dict[str, Any] = self._checked["deployment"]
        return found

    @property
    def _key(self) -> str:
        """Findings depend on the date where there are calendars."""
        return f"{self._inputs.digest} {self._today}" if self.files.calendars else self._inputs.digest

    @cached_property
    def _checked(self) -> dict[str, Any]:
        known: dict[str, Any] | None = self.cache.get("findings", self._key)
        if known is None:
            from headgate.generator.lint.definitions import check_definitions
            from headgate.generator.metadata import places
            from headgate.generator.plan.deployment import estimated, stack_sentences
            from headgate.generator.rules import check_mesh

            mesh = self.loaded.mesh
            self._progress("checking rules", 0, 1)
            # one in the defaults of a domain is found in each of its products
            every = [*self.loaded.findings, *check_mesh(mesh), *check_definitions(mesh)]
            found = set(places.resolve(every, self._inputs.data))
            values = [asdict(each) | {"file": str(each.file)} for each in sorted(found, key=Finding.order)]
            expected = estimated(mesh)
            deployment = {
                "accounts": [each.as_json() for each in expected],
                "sentences": list(stack_sentences(expected)),
            }
            known = {
                "findings": values,
                "products": len(mesh.products),
                "domains": len(mesh.domains),
                "deployment": deployment,
            }
            self.cache.put("findings", self._key, known)
        return known

    def generate(self, out: Output, progress: Progress) -> Generated:
        """Brings `out` up to date, unless a linter objects. Metadata with errors must not get this far."""
        known = self.cache.get("output", self._inputs.digest)
        if known is not None and out.keep_all(known["files"]):
            return Generated([], Changes(unchanged=len(out.files)), known["machines"], known["deployment"])
        from headgate.generator.generate import generate

        generated = generate(self.loaded, out, self.cache, progress)
        # the templates that products are in depend on those they were in; a product never moves: `layout.place`
        if generated.changes is not None:
            known = {"files": out.files, "machines": generated.machines, "deployment": generated.deployment}
            self.cache.put("output", self._inputs.digest, known)
        return generated


def _finding(value: dict[str, Any]) -> Finding:
    rule = Rule(**value["rule"] | {"severity": Severity(value["rule"]["severity"])})
    return Finding(**value | {"rule": rule, "file": Path(value["file"])})
