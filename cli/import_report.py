"""What an import did: its files, what became external, and what was not carried over."""

from dataclasses import dataclass
from typing import Any

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS
from headgate.cli.formatting import plural, printable
from headgate.importing.folder import Change, State
from headgate.importing.result import Imported, Kind
from headgate.importing.source_file import SourceError

LINES = 60  # of all differences that are shown


@dataclass(frozen=True, slots=True)
class Report:
    """`kept` are the files that exist and differ, and were not replaced."""

    imported: Imported
    changes: list[Change]
    kept: list[Change]
    dry_run: bool

    def as_json(self) -> dict[str, Any]:
        external = {each.id: list(each.reasons) for each in self.imported.products if each.reasons}
        return {
            "products": [each.id for each in self.imported.products],
            "files": [{"path": each.path.as_posix(), "product": each.product or None, "state": self._state(each)} for each in self.changes],
            "external": external,
            "notes": [{"product": each.product or None, "source": each.source, "kind": each.kind.value, "text": each.text} for each in self.imported.notes],
            "findings": [],
        }  # fmt: skip

    def show(self) -> None:
        shown = [each for each in self.changes if each.state is not State.UNCHANGED]
        if shown:
            terminal.table([[each.path.as_posix(), self._state(each)] for each in shown])
            terminal.line()
        self._show_differences()
        self._show_notes()
        terminal.line(self._summary())
        if self.kept:
            terminal.line(
                "Files that exist and differ were kept: look at the differences, and overwrite them with --replace."
            )
        elif not self.dry_run:
            terminal.line("Check it with `headgate validate`, and see with `headgate plan` what would be deployed.")

    def _state(self, change: Change) -> str:
        if change.state is State.UNCHANGED:
            return "unchanged"
        if change in self.kept:
            return "kept" if change.state is State.DIFFERS else "not written"
        word = {State.NEW: "written", State.DIFFERS: "replaced"}[change.state]
        return f"would be {word}" if self.dry_run else word

    def _show_differences(self) -> None:
        lines = [
            line for each in self.changes if each.state is State.DIFFERS for line in each.difference().splitlines()
        ]
        for line in lines[:LINES]:
            print(printable(line))
        if len(lines) > LINES:
            terminal.line(f"... {len(lines) - LINES:,} more lines of the differences")
        if lines:
            terminal.line()

    def _show_notes(self) -> None:
        notes = self.imported.notes
        if notes:
            rows = [[each.kind.value, each.product or "-", printable(each.source), printable(each.text)] for each in sorted(notes, key=lambda each: (each.product, list(Kind).index(each.kind), each.source, each.text))]  # fmt: skip
            terminal.table([["", "product", "of", "note"], *rows], heading=True)
            terminal.line()

    def _summary(self) -> str:
        products = self.imported.products
        external = sum(bool(each.reasons) for each in products)
        feeds = sum("pipeline" not in each.document and not each.reasons for each in products)
        counted = f"{plural(len(products), 'product')} in {plural(len(self.imported.domains), 'domain')}"
        parts = [f"{len(products) - external - feeds} with a pipeline"]
        parts += [f"{feeds} refreshed elsewhere"] if feeds else []
        parts += [f"{external} that stay external until what their file says is done"] if external else []
        return f"{counted}: {', '.join(parts)}; {plural(len(self.imported.notes), 'note')}"


def refused(error: SourceError, as_json: bool) -> int:
    """Prints what is wrong with the files that were given, and returns the exit code."""
    if as_json:
        findings = [{"file": each.file, "place": each.place, "found": each.found, "expected": each.expected, "hint": each.hint} for each in error.problems]  # fmt: skip
        terminal.print_json({"products": [], "files": [], "external": {}, "notes": [], "findings": findings})
    else:
        for each in error.problems:
            terminal.line(printable(str(each)))
        terminal.line(f"{plural(len(error.problems), 'error')}; nothing was written")
    return FINDINGS
