"""What has changed between versions in the files that belong to a project: metadata, samconfig.toml, requirements.txt. Each change is a function of a
text, so that everything else in the file, such as comments, stays as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMCONFIG, REQUIREMENTS = "samconfig.toml", "requirements.txt"
METADATA = ("*.yaml", "*.py")  # below products/
PIN = re.compile(r"^(headgate(?:\[[^\]\n]*\])?)==[^\s;#]+", re.MULTILINE)
GLUE_JOB_NAMES = re.compile(
    r""",?\s*"GlueJobNames=[^"\n]*"|[ ]?\bGlueJobNames=(?:\\"[^"\n]*\\"|'[^'\n]*'|[^\s"'\n]*)"""
)


@dataclass(frozen=True)
class Migration:
    """Brings files of the version before to `version`. `what` says to users what has changed; `rewrite` gives the new text of a file, by its path in the
    project and its text."""

    version: int
    what: str
    rewrite: Callable[[str, str], str]


@dataclass(frozen=True)
class Rewritten:
    """A file before and after."""

    path: str
    before: str
    after: str


def _without_glue_job_names(path: str, text: str) -> str:
    return GLUE_JOB_NAMES.sub("", text) if path == SAMCONFIG else text


MIGRATIONS = (
    Migration(
        1,
        "the parameter GlueJobNames is gone since Headgate 0.2.0: the policies name the jobs of the products",
        _without_glue_job_names,
    ),
)
CURRENT = MIGRATIONS[-1].version


def since(version: int, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """Those that files of that version need, in order."""
    return sorted((each for each in migrations if each.version > version), key=lambda each: each.version)


def rewritten(project: Path, needed: Sequence[Migration], headgate: str) -> list[Rewritten]:
    """The files of the project that change; `headgate` is the version that requirements.txt pins from now on."""
    found = []
    for path in _paths(project):
        text = before = path.read_text("utf-8", errors="surrogateescape")
        name = path.relative_to(project).as_posix()
        for each in needed:
            text = each.rewrite(name, text)
        if name == REQUIREMENTS:
            text = PIN.sub(rf"\g<1>=={headgate}", text)
        if text != before:
            found.append(Rewritten(name, before, text))
    return found


def _paths(project: Path) -> list[Path]:
    own = [project / SAMCONFIG, project / REQUIREMENTS]
    metadata = [path for pattern in METADATA for path in (project / "products").rglob(pattern)]
    return sorted(each for each in (*own, *metadata) if each.is_file() and not each.is_symlink())
