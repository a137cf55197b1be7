"""What every adapter receives."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.deployment.central import PREFIX
from headgate.local.clock import Clock

Behaviour = dict[str, Any]


@dataclass
class Settings:
    """`url` is the endpoint's own, `project` the folder whose own step types have stand-ins. `incidents` has the OpsItems, `unsaved` the services whose state could not be
    saved at the end.

    `away`: `stepfunctions`, and what is part of the names of functions, as long as they are away.

    `behaviours` decides how the next runs of a job or a function go, by its name; `*` is for all names that have none of their own.
    A behaviour is `{"fails": <message>}` (the work ends as a script does that raises), `{"takes": <seconds>}` (it takes that long by
    the clock), `{"hangs": true}` (it never ends by itself) or a combination. Of several, each run uses up one; the last stays.
    A call of machines may have some as well (`sdk_calls`).
    """

    clock: Clock
    folder: Path
    url: str
    project: Path = Path()
    parallel_functions: int = 6
    incidents: list[dict[str, Any]] = field(default_factory=list)
    unsaved: list[str] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    behaviours: dict[str, list[Behaviour]] = field(default_factory=lambda: defaultdict(list))

    def next_behaviour(self, name: str) -> Behaviour:
        """How the run that starts now goes; empty if nothing is set for it. Scenarios name what is deployed with products without the prefix of the
        deployment."""
        remaining = (
            self.behaviours.get(name)
            or self.behaviours.get(name.removeprefix(PREFIX))
            or self.behaviours.get("*")
            or [{}]
        )
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]
