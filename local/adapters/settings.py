"""What adapters are told."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.local.clock import Clock


@dataclass
class Settings:
    """`url` is the endpoint's own; `jobs` says of the next runs of a Glue job how they are to behave (see glue_jobs); `incidents`
    collects the OpsItems that machines opened."""

    clock: Clock
    folder: Path
    url: str
    parallel_functions: int = 6
    incidents: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
