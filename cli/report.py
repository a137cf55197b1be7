"""Findings for people and for programs."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from headgate.generator.findings import Finding, Severity


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


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_findings(findings: Sequence[Finding]) -> None:
    """Each finding with the line it is about, then how many there are."""
    colour = _Colour(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    texts: dict[Path, list[str]] = {}
    for each in findings:
        print(finding_text(each, texts, colour), end="\n\n")
    if findings:
        print(counted(findings))


def counted(findings: Sequence[Finding]) -> str:
    """`3 errors, 1 warning in 2 files`"""
    errors = sum(each.is_error for each in findings)
    files = len({each.file for each in findings})
    parts = [plural(errors, "error")] if errors else []
    parts += [plural(len(findings) - errors, "warning")] if len(findings) > errors else []
    return f"{', '.join(parts)} in {plural(files, 'file')}"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


class _Colour:
    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._on else text


def finding_text(finding: Finding, texts: dict[Path, list[str]], colour: _Colour | None = None) -> str:
    """The finding as printed; `texts` keeps the lines of files read so far."""
    colour = colour or _Colour(False)
    tint = "31;1" if finding.rule.severity is Severity.ERROR else "33;1"
    place = finding.file.as_posix() + (f":{finding.line}:{finding.column}" if finding.line else "")
    lines = [f"{colour(tint, f'{finding.rule.severity.value} {finding.rule.id}')} {colour('1', finding.rule.title)}"]
    lines.append(f"  {place}" + (f"  {finding.pointer}" if finding.pointer else ""))
    line = _line(finding, texts)
    if line is not None:
        number = str(finding.line)
        lines.append(f"  {number} | {line}")
        lines.append(f"  {' ' * len(number)} | {' ' * (finding.column - 1)}{colour(tint, '^')}")
    lines.append(f"  found     {finding.found}")
    lines.append(f"  expected  {finding.expected}")
    if finding.hint:
        lines.append(f"  hint      {finding.hint}")
    return "\n".join(lines)


def _line(finding: Finding, texts: dict[Path, list[str]]) -> str | None:
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
    return text if len(text) <= 160 and text.isprintable() else None
