"""The application on the local runtime, for tests: deployed once a test process, or once a test that breaks it."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headgate.local import player, runtime, scenario
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import Places

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "local" / "samples"
HAVE_SAM = (ROOT / ".venv-sam" / "bin" / "sam").exists()
needs_sam = pytest.mark.skipif(not HAVE_SAM, reason="aws-sam-cli is not in .venv-sam: run `make setup`")
CATALOG: dict[str, Any] = json.loads((ROOT / "statemachines" / "catalog" / "catalog.json").read_text("utf-8"))


@dataclass
class Application:
    """A deployed application and the folder of its data."""

    runtime: Runtime
    data: Path

    def play(self, day: scenario.Scenario, meanwhile: Callable[[datetime], None] = lambda moment: None) -> player.Day:
        """Plays the day; `meanwhile` is called whenever everything is quiet."""
        return player.play(self.runtime, day, self.data, meanwhile)


def sample(name: str) -> scenario.Scenario:
    return scenario.read(SAMPLES / name / "day.yaml")


@contextlib.contextmanager
def deployed(day: scenario.Scenario, folder: Path, keep: bool = False, project: Path = ROOT) -> Iterator[Application]:
    """The project as it stands, deployed at the beginning of the day."""
    places = Places(project, ROOT / "statemachines", folder)
    with runtime.running(places, keep, day.starts) as running:
        running.deploy(lambda line: None)
        provision(running, CATALOG, day.jobs, folder / "data")
        yield Application(running, folder / "data")
