"""The terminal: the one module that decides how output looks.

Where a terminal reads the output, rich adds colour and fits lines and tables to its width; COLUMNS and NO_COLOR are honoured.
Pipes, files and TERM=dumb get plain lines, the same on every machine, and rich is not imported for them.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Part = str | tuple[str, str]  # text in which known words get a colour, or text with the name of its style
Rows = Sequence[Sequence[str]]

GAP = "  "
DETAIL_WIDTH = 30  # a last column that would be narrower than this goes below its row
STYLES = {
    "good": "green", "bad": "bold red", "warning": "bold yellow", "running": "cyan", "waiting": "yellow", "quiet": "dim",
    "command": "bold", "title": "bold", "added": "green", "removed": "red", "changed": "yellow",
}  # fmt: skip
KNOWN_WORDS = [
    r"\b(?P<good>COMPLETED|REFRESHED|SUCCEEDED)\b",
    r"\b(?P<bad>ERROR|FAILED|TIMEOUT|STOPPED|LATE|AT RISK)\b",
    r"\b(?P<running>PROCESSING|STARTED)\b",
    r"\b(?P<waiting>WAITING|EXPECTED|RELEASED)\b",
    r"\b(?P<quiet>SKIPPED|CANCELLED|NOT OPENED|EXTERNAL)\b",
    r"(?P<command>`[^`]+`)",
]


def is_terminal(stream: TextIO) -> bool:
    """Whether a person reads the stream at a terminal that can show more than plain lines."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


@lru_cache(maxsize=4)
def console(stream: TextIO) -> "Console":
    """rich's console on that stream, with the styles of this module."""
    from rich.console import Console
    from rich.theme import Theme

    theme = Theme({f"headgate.{name}": style for name, style in STYLES.items()})
    return Console(file=stream, theme=theme, highlight=False, emoji=False, markup=False)


def width() -> int | None:
    """The columns of the terminal; None where output is plain and nothing has to fit."""
    return console(sys.stdout).width if is_terminal(sys.stdout) else None


def print_json(value: object) -> None:
    """The answer for programs, the same on a terminal and elsewhere."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def line(*parts: Part, indent: int | None = None, stream: TextIO | None = None) -> None:
    """One line of output. On a terminal it is wrapped at words, and continued at `indent` (default: two columns deeper than
    it begins). What has no blank, such as an ARN, stays in one piece."""
    out = stream or sys.stdout
    plain = "".join(part if isinstance(part, str) else part[0] for part in parts)
    if not is_terminal(out):
        print(plain, file=out)
        return
    begins = len(plain) - len(plain.lstrip(" "))
    _wrapped(console(out), _text(parts), begins, begins + 2 if indent is None else indent)


def table(rows: Rows, heading: bool = False) -> None:
    """Rows of equal length; with `heading` the first one holds the names of the columns. The last column takes the room that
    is left. Where there is too little, the columns after the second go below each row."""
    if not is_terminal(sys.stdout):
        for text in columns(rows):
            print(text)
        return
    out = console(sys.stdout)
    rows = _without_empty_columns(rows, heading)
    widths = _widths(rows)
    fixed = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    if fixed + min(widths[-1], DETAIL_WIDTH) <= out.width:
        _beside(out, rows, heading, fixed)
    else:
        _below(out, rows, heading)


def columns(rows: Rows) -> Iterator[str]:
    """The plain form of a table: columns as wide as their widest cell, nothing cut."""
    widths = _widths(rows)
    for row in rows:
        yield GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def clear() -> None:
    """Empties the terminal."""
    console(sys.stdout).clear()


def error(command: str, message: str) -> None:
    """What is printed on standard error when a command ends with a message."""
    if is_terminal(sys.stderr):
        line((f"headgate {command}:", "bad"), f" {message}", stream=sys.stderr)
    else:
        print(f"headgate {command}: {message}", file=sys.stderr)


def _beside(out: "Console", rows: Rows, heading: bool, indent: int) -> None:
    for number, text in enumerate(columns(rows)):
        part: Part = (text, "title") if heading and number == 0 else text
        _wrapped(out, _text([part]), 0, indent)


def _below(out: "Console", rows: Rows, heading: bool) -> None:
    names = rows[0][2:-1] if heading else [""] * (len(rows[0]) - 3)
    body = rows[1:] if heading else rows
    width = max((len(row[0]) for row in body), default=0)
    for row in body:
        _wrapped(out, _text([f"{row[0].ljust(width)}{GAP}{row[1]}".rstrip()]), 0, 4)
        details = [f"{name} {cell}".strip() for name, cell in zip(names, row[2:-1], strict=True) if cell]
        text = "; ".join(filter(None, [", ".join(details), row[-1]]))
        if text:
            _wrapped(out, _text([f"    {text}"]), 4, 4)


def _wrapped(out: "Console", text: "Text", begins: int, indent: int) -> None:
    """Prints a text in lines: the first one as it is, `begins` blanks before its first word, the others at `indent`."""
    from rich.text import Text

    for source in text.split("\n", allow_blank=True):
        for number, part in enumerate(source.divide(_breaks(source.plain, begins, indent, out.width))):
            part.rstrip()
            out.print(Text(" " * (indent if number else 0)) + part, soft_wrap=True)


def _breaks(text: str, begins: int, indent: int, width: int) -> list[int]:
    """Where the lines after the first begin. A word, or a command in backticks, is not divided even where it is too long."""
    room, line_begin = max(width, indent + 20), 0
    found: list[int] = []
    for word in re.finditer(r"`[^`]+`\S*|\S+", text[begins:]):
        start, end = word.start() + begins, word.end() + begins
        if (indent if found else 0) + end - line_begin > room and start > max(line_begin, begins):
            found.append(start)
            line_begin = start
    return found


def _text(parts: Sequence[Part]) -> "Text":
    from rich.text import Text

    text = Text()
    for part in parts:
        text.append(
            _highlighted(part) if isinstance(part, str) else Text(part[0], f"headgate.{part[1]}" if part[1] else "")
        )
    return text


def _highlighted(words: str) -> "Text":
    from rich.text import Text

    text = Text(words)
    for pattern in KNOWN_WORDS:
        text.highlight_regex(pattern, style_prefix="headgate.")
    return text


def _widths(rows: Rows) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _without_empty_columns(rows: Rows, heading: bool) -> Rows:
    body = rows[1:] if heading else rows
    last = len(rows[0]) - 1
    kept = [number for number in range(last + 1) if number in (0, 1, last) or any(row[number] for row in body)]
    return [[row[number] for number in kept] for row in rows]
