"""Where services keep what job runs printed: one module for each step type, named as in metadata. Adding a type is adding its module.
A project's own type has `steps/<type>/logs.py`.

A module has `places(job_run, client)`, which yields a `Stream` for each place in CloudWatch Logs, and a `Note` of what its service says itself.
`client` gives the client of a service with the permissions of who asks. It raises botocore's errors.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
Client = Callable[[str], Any]
Places = Callable[["JobRun", Client], Iterable["Place"]]


@dataclass(frozen=True)
class JobRun:
    """A job run of a history; `ended` and `status` are None while it runs. Moments are in milliseconds of Unix time. `number`: the first of two is (1, 2)."""

    product: str
    step: str
    type: str
    job: str
    id: str
    attempt: int
    started: int = 0
    ended: int | None = None
    status: str | None = None
    handle: dict[str, Any] = field(default_factory=dict, compare=False)
    number: tuple[int, int] = field(default=(1, 1), compare=False)


@dataclass(frozen=True)
class Stream:
    """A stream of a log group; without a name, all of the group between two moments."""

    group: str
    name: str = ""
    since: int = 0
    until: int | None = None

    def __str__(self) -> str:
        return f"{self.group} {self.name}".rstrip()


@dataclass(frozen=True)
class Note:
    """What a service says of the job run, under a title."""

    title: str
    text: str

    def __str__(self) -> str:
        return self.title


Place = Stream | Note


def places_of(kind: str, own: Path = Path("steps")) -> Places | None:
    """How the logs of a step type are found; None where Headgate does not know."""
    name = f"{__name__}.{kind}"
    if kind.isidentifier() and find_spec(name) is not None:
        found: Places = import_module(name).places
        return found
    file = own / kind / "logs.py"
    spec = spec_from_file_location(f"own_steps_{kind}_logs", file) if file.is_file() else None
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    places: Places = module.places
    return places
