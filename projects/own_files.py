"""The files with which a project begins and that belong to it from then on: `start/` with names filled in.

In a path `dot-` stands for a leading dot, so that tools do not take the folder for a project of its own.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

START = Path(__file__).parent / "start"
PLACE = re.compile(r"@([A-Z_]+)@")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MOST = 40  # characters of a name: it is part of names of stacks and buckets
# NamePrefix is at most 16 characters long, and that of one environment must not begin that of another: IAM grants by it.
ENVIRONMENTS = ("dev", "prod")
PREFIX_ROOM = 16 - len("-prod-")


@dataclass(frozen=True)
class Names:
    """What is filled in: the name of the project, of its first domain, of the team that owns it, and the version of Headgate."""

    project: str
    domain: str
    owner: str
    version: str

    def prefix(self, environment: str) -> str:
        """The NamePrefix of an environment."""
        return f"{self.project[:PREFIX_ROOM].rstrip('-')}-{environment}-"


def files(names: Names) -> dict[str, bytes]:
    """The content of each file, by its path in the project."""
    values = {key.upper(): value for key, value in asdict(names).items()}
    values |= {f"PREFIX_{each.upper()}": names.prefix(each) for each in ENVIRONMENTS}

    def filled(text: str) -> str:
        return PLACE.sub(lambda match: values[match[1]], text)

    found = sorted(each for each in START.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    return {
        filled(each.relative_to(START).as_posix()).replace("dot-", "."): filled(each.read_text("utf-8")).encode()
        for each in found
    }
