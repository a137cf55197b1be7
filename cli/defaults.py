"""`headgate.toml` in the folder of the project: which stack the commands ask and operate on where no option names one."""

import difflib
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from headgate.cli.errors import UsageError

FILE = Path("headgate.toml")


@dataclass(frozen=True)
class Defaults:
    """The options of that name, None where the file has none."""

    stack: str | None = None
    region: str | None = None
    profile: str | None = None


def read_defaults(file: Path = FILE) -> Defaults:
    """What the file holds; nothing if there is none. Raises `UsageError` with everything that is wrong in it."""
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Defaults()
    except (OSError, ValueError) as error:  # of TOML and of UTF-8 as well
        raise UsageError(f'{file}: {error}; expected TOML, such as `stack = "headgate"`') from None
    problems = [text for key, value in found.items() if (text := _problem(key, value))]
    if problems:
        raise UsageError(f"{file}: {'; '.join(problems)}")
    return Defaults(**found)


def _problem(key: str, value: Any) -> str | None:
    known = [each.name for each in fields(Defaults)]
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        return f"`{key}` is not known, expected {', '.join(known)}" + (f"; did you mean `{near[0]}`?" if near else "")
    return None if isinstance(value, str) and value else f"`{key}` is {value!r}, expected text that is not empty"
