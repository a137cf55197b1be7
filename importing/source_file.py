"""Reads the files of other systems. What is wrong with one is said with its place, and never with a traceback."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 500_000_000  # bytes; the manifest of a dbt project with 10,000 models has about 200 MB


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a file. `place` is a line and column, a JSON pointer, or empty for the file as a whole."""

    file: str
    place: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"\n  hint      {self.hint}" if self.hint else ""
        where = f"{self.file}:{self.place}" if self.place[:1].isdigit() else f"{self.file}  {self.place}".rstrip()
        return f"{where}\n  found     {self.found}\n  expected  {self.expected}{hint}"


class SourceError(Exception):
    """A file that cannot be imported, with everything that is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_json(path: Path, expected: str) -> Any:
    """The JSON value of the file. Raises `SourceError`; `expected` is what the file should be."""
    name = path.as_posix()
    try:
        if path.stat().st_size > LARGEST:
            raise SourceError(
                Problem(name, "", f"{path.stat().st_size:,} bytes", f"{expected} of at most {LARGEST:,} bytes")
            )
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SourceError(Problem(name, "", error.strerror or str(error), expected)) from None
    except UnicodeDecodeError as error:
        raise SourceError(Problem(name, "", f"a byte that is not UTF-8 at {error.start}", expected)) from None
    except RecursionError:
        raise SourceError(Problem(name, "", "values nested too deeply", expected)) from None
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip())
        found = "the end of the file inside a value" if at_end else f"no JSON: {error.msg}"
        hint = "The file is cut off: write or download it again." if at_end and error.doc.strip() else ""
        if error.doc[error.pos :].lstrip(": \n").startswith("${"):
            hint = "A placeholder outside of quotes: write its value."
        raise SourceError(Problem(name, f"{error.lineno}:{error.colno}", found, expected, hint)) from None


def described(value: Any) -> str:
    """A value of a wrong form, in a few words."""
    if isinstance(value, dict):
        keys = ", ".join(list(value)[:6])
        return f"an object with {keys}{' and more' if len(value) > 6 else ''}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
