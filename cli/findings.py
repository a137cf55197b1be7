"""Findings for users and for programs."""

from collections.abc import Sequence
from pathlib import Path

from headgate.cli import terminal
from headgate.cli.formatting import plural
from headgate.cli.terminal import Part
from headgate.generator.findings import Finding, Severity

LABEL_WIDTH = 12  # where the text after `found`, `expected` and `hint` begins
HIDDEN = "(not shown)"


def as_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "id": each.rule.id,
            "title": each.rule.title,
            "severity": each.rule.severity.value,
            "file": each.file.as_posix(),
            "line": each.line,
            "column": each.column,
            "pointer": each.pointer,
            "found": each.found,
            "expected": each.expected,
            "hint": each.hint,
        }
        for each in findings
    ]


def print_findings(findings: Sequence[Finding]) -> None:
    """Each finding with its line of the file, then how many there are."""
    texts: dict[Path, list[str]] = {}
    for each in findings:
        for parts, indent in _lines(each, texts):
            terminal.line(*parts, indent=indent)
        terminal.line()
    if findings:
        terminal.line(counted(findings))


def counted(findings: Sequence[Finding]) -> str:
    """`3 errors, 1 warning in 2 files`"""
    errors = sum(each.is_error for each in findings)
    files = len({each.file for each in findings})
    parts = [plural(errors, "error")] if errors else []
    parts += [plural(len(findings) - errors, "warning")] if len(findings) > errors else []
    return f"{', '.join(parts)} in {plural(files, 'file')}"


def _lines(finding: Finding, texts: dict[Path, list[str]]) -> list[tuple[list[Part], int | None]]:
    """The lines of a finding with the columns at which they continue; `texts` keeps the lines of files read so far."""
    style = "bad" if finding.rule.severity is Severity.ERROR else "warning"
    place = finding.file.as_posix() + (f":{finding.line}:{finding.column}" if finding.line else "")
    lines: list[tuple[list[Part], int | None]] = [
        ([(f"{finding.rule.severity.value} {finding.rule.id}", style), (f" {finding.rule.title}", "title")], None),
        ([(f"  {place}" + (f"  {finding.pointer}" if finding.pointer else ""), "")], None),
    ]
    source = _source_line(finding, texts)
    if source is not None:
        number = str(finding.line)
        shown, before = _fitting(source, finding.column - 1, len(number) + 8)
        lines.append(([(f"  {number} | ", "quiet"), (shown, "")], None))
        lines.append(([(f"  {' ' * len(number)} | ", "quiet"), (" " * before, ""), ("^", style)], None))
    for label, text in (("found", finding.found), ("expected", finding.expected), ("hint", finding.hint)):
        if text or label != "hint":
            lines.append(([(f"  {label:{LABEL_WIDTH - 2}}", "quiet"), (text, "")], LABEL_WIDTH))
    return lines


def _fitting(source: str, position: int, margin: int) -> tuple[str, int]:
    """The part of a line around a position that fits the terminal, and where the position is in it."""
    width = terminal.width()
    room = len(source) if width is None else max(width - margin, 20)
    if len(source) <= room:
        return source, position
    start = min(max(position - room // 2, 0), len(source) - room)
    return source[start : start + room], position - start


def _source_line(finding: Finding, texts: dict[Path, list[str]]) -> str | None:
    if not finding.line:
        return None
    if finding.file not in texts:
        try:
            texts[finding.file] = finding.file.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            texts[finding.file] = []
    lines = texts[finding.file]
    if finding.line > len(lines):
        return None
    text = lines[finding.line - 1].expandtabs(1)
    if finding.rule.credential:
        text = text[: max(finding.column - 1, 0)] + HIDDEN
    return text if len(text) <= 160 and text.isprintable() else None
