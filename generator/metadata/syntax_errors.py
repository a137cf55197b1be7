"""What is wrong where YAML does not parse, and what its author most likely meant.

libyaml reports the place where it cannot go on; the mistake is often before it: a value without quotes, or a line that is
indented differently from the keys beside it.
"""

import re

import yaml

from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.reading_rules import NOT_YAML

# `cron:` with four to six fields that are not in quotes, also inside {...}
_FIELD = r"[^\s{}\"']*[^\s{}\"',]"
_CRON = re.compile(rf"\bcron:\s+({_FIELD}(?:\s+{_FIELD}){{3,5}})")
_COMMENT_AS_VALUE = re.compile(r"[\[,{:]\s*(#[^\s#,\]}]+)")
_KEY = re.compile(r"([ ]*)((?:-[ ]+)*)([\w-]+):(?:\s|$)")
_INDENTATION = ("mapping values are not allowed", "did not find expected key", "did not find expected '-'")


def syntax_error(error: yaml.YAMLError, text: str) -> ReadError:
    """The error of the parser as a finding's content."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    lines = text.splitlines()
    if "single document" in str(error):
        hint = "Give each product its own file."
        return ReadError(NOT_YAML, "a second document (`---`)", "one document a file", hint, line, column)
    if any("\t" in each[: len(each) - len(each.lstrip())] for each in lines[max(0, line - 2) : line]):
        hint = "YAML does not allow tabs for indentation: use spaces."
        return ReadError(NOT_YAML, problem, "valid YAML", hint, line, column)
    return (
        _unquoted_cron(lines, line)
        or _unquoted_hash(lines, line)
        or _indentation(lines, line, column, problem)
        or ReadError(NOT_YAML, problem, "valid YAML", _hint(problem), line, column)
    )


def comment_as_value(line: str) -> str:
    """The unquoted `#...` that stands where the line's value should; empty if there is none."""
    match = re.search(r"(?:^\s*-|:)\s+(#[^\s#,\]}]+)", line)
    return match[1] if match else ""


def _unquoted_cron(lines: list[str], line: int) -> ReadError | None:
    match = _CRON.search(lines[line - 1]) if 0 < line <= len(lines) else None
    if match is None:
        return None
    hint = f'Put quotes around it: cron: "{match[1]}".'
    found = f"`{match[1]}` without quotes"
    return ReadError(NOT_YAML, found, "a cron expression in quotes", hint, line, match.start(1) + 1)


def _unquoted_hash(lines: list[str], line: int) -> ReadError | None:
    """A list or mapping whose rest is a comment: `[#alerts]`. The parser notices it lines later."""
    for number in range(min(line, len(lines)), 0, -1):
        text = lines[number - 1]
        match = _COMMENT_AS_VALUE.search(text)
        if match and text.count("[", 0, match.start(1)) + text.count("{", 0, match.start(1)):
            hint = f'Put quotes around it: "{match[1]}". An unquoted # begins a comment.'
            found = f"`{match[1]}` without quotes"
            return ReadError(NOT_YAML, found, "text with # in quotes", hint, number, match.start(1) + 1)
    return None


def _indentation(lines: list[str], line: int, column: int, problem: str) -> ReadError | None:
    """A key that is aligned with none of the keys above it, or with the dash of its list."""
    match = _KEY.match(lines[line - 1]) if 0 < line <= len(lines) else None
    if match is None or match[2] or not problem.startswith(_INDENTATION):
        return None
    if problem.startswith(_INDENTATION[0]) and column != match.end(3) + 1:
        return None  # the second `: ` of the line
    at, key = len(match[1]), match[3]
    open_keys: list[tuple[int, str, int]] = []  # the keys above that may go on: column, key, line
    for number, text in enumerate(lines[: line - 1], 1):
        above = _KEY.match(text)
        if above:
            of_key = len(above[1]) + len(above[2])
            open_keys = [each for each in open_keys if each[0] < of_key] + [(of_key, above[3], number)]
    if not open_keys or at in (each[0] for each in open_keys):
        return None
    nearest, beside, number = min(reversed(open_keys), key=lambda each: abs(each[0] - at))
    found = f"`{key}` indented by {_spaces(at)}"
    expected = f"{_spaces(nearest)}, as `{beside}` in line {number}"
    return ReadError(NOT_YAML, found, expected, f"Align `{key}` with `{beside}`.", line, at + 1)


def _spaces(count: int) -> str:
    return "1 space" if count == 1 else f"{count} spaces"


def _hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "A `: ` inside a value needs quotes around the value; or the line is indented too far."
    if "special characters are not allowed" in problem:
        return "The file holds a control character; remove it."
    return ""
