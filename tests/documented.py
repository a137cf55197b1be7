"""The commands of the documentation: where they stand, in which setting they are executed, and what they print there.

A page says in a comment, `<!-- commands: SETTING -->`, where its blocks of commands are executed; the same comment before a block is about that block.
A block of commands has lines with `$ `, each followed by what it prints (`...` stands for anything in its line, a line of it for any lines), or commands
alone. `# exit code 1` after a command says how it ends. A block with `title="PATH"` is a file that the reader writes there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXECUTED = {
    "project": "in a project with the sample's metadata, of the page's own",
    "running day": "in an application that goes on, on the sample's mesh",
    "tutorial": "in their order, in an empty folder, with the package of this checkout",
}
NOT_EXECUTED = {
    "needs AWS": "a deployed stack",
    "needs make": "the environments that are being made here",
    "needs containers": "a container engine",
    "needs a wheel": "a package index that has Headgate: tests/test_new_project.py installs the wheel",
    "needs another system": "files of that system: tests/test_import.py has some",
    "needs a person": "a browser, or a shell in which somebody types",
    "needs the files of a day": "a whole day of files: tests/test_files_acceptance.py plays one",
}
SETTINGS = {**EXECUTED, **NOT_EXECUTED}
PROGRAMS = {"headgate", "make", "sam", "aws", "rm", "export", "eval", "git", "cd", "pip", "pipx", "uv", "python"}
SETTING = re.compile(r"^\s*<!-- commands: (.+) -->$")
FENCE = re.compile(r"^(\s*)```(\S*)(?: title=\"([^\"]+)\")?$")
GENERATED = "not edited by hand. -->"


@dataclass(frozen=True)
class Step:
    """One thing that a reader does: a command, or a file that is written. `output` is what the page shows of the command's; None where it shows nothing."""

    page: Path
    line: int
    setting: str
    command: str = ""
    output: str | None = None
    file: str = ""
    text: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """What is written by hand. What the changelog names belongs to its release."""
    written = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in written if GENERATED not in page.read_text("utf-8")[:300]]


def steps(page: Path) -> list[Step]:
    """What a reader of the page does, in its order."""
    found, general, once = [], "", ""
    lines = enumerate(page.read_text("utf-8").splitlines(), 1)
    for number, line in lines:
        if setting := SETTING.match(line):
            once = setting[1]
            general = general or once
        elif fence := FENCE.match(line):
            block = _block(lines, fence[1])
            if fence[3]:
                found.append(Step(page, number, once or general, file=fence[3], text="\n".join(block) + "\n"))
            elif fence[2] in ("", "console"):
                found += _commands(page, number, once or general, block)
            once = ""
        elif line.strip():
            once = ""
    return found


def _block(lines: Iterator[tuple[int, str]], indent: str) -> list[str]:
    """The lines up to the end of the block."""
    block: list[str] = []
    for _, line in lines:
        if line.strip() == "```":
            return block
        block.append(line.removeprefix(indent))
    raise ValueError("a block of code has no end")


def _commands(page: Path, start: int, setting: str, block: list[str]) -> Iterator[Step]:
    if not any(line.startswith("$ ") for line in block):
        if block and block[0].split(" ")[0] in PROGRAMS:
            for number, line in enumerate(block, start + 1):
                if line.strip():
                    yield Step(page, number, setting, line)
        return
    for number, line in enumerate(block, 1):
        if line.startswith("$ "):
            shown: list[str] = []
            for each in block[number:]:
                if each.startswith("$ "):
                    break
                shown.append(each)
            yield Step(page, start + number, setting, line[2:], "\n".join(shown).strip() or None)


def mentioned(page: Path) -> Iterator[tuple[int, str]]:
    """The commands in the sentences of a page, with their lines. They may leave out what they need."""
    fenced = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced:
            for text in re.findall(r"(?<!`)`(headgate [^`]+)`", line):
                yield number, text


def shows(shown: str, printed: str) -> bool:
    """Whether a page that shows this shows what was printed."""
    lines = [
        r"(?:[^\n]*\n)*" if line == "..." else r"[^\n]*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in shown.strip().splitlines()
    ]
    return re.fullmatch("".join(lines), printed.strip() + "\n") is not None
