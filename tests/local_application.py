"""The application on the local runtime, for tests: deployed once a session, and started from a snapshot by each test."""

import contextlib
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from headgate.local import player, scenario, snapshot
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import Places

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "local" / "samples"
HAVE_SAM = (ROOT / ".venv-sam" / "bin" / "sam").exists()
needs_sam = pytest.mark.skipif(not HAVE_SAM, reason="aws-sam-cli is not in .venv-sam: run `make setup`")
CATALOG: dict[str, Any] = json.loads((ROOT / "statemachines" / "catalog" / "catalog.json").read_text("utf-8"))
BY_FILES = ("raw/positions", "d1/exposure")  # products of the sample that files start


@dataclass
class Application:
    """A deployed application and the folder of its data."""

    runtime: Runtime
    data: Path

    def play(self, day: scenario.Scenario, meanwhile: player.Progress = lambda moment: None) -> player.Day:
        """Plays the day; `meanwhile` is called whenever everything is quiet."""
        return player.play(self.runtime, day, self.data, meanwhile)


def whole_sample(name: str) -> scenario.Scenario:
    return scenario.read(SAMPLES / name / "day.yaml")


def sample(name: str) -> scenario.Scenario:
    """A sample's day without its files: their jobs take as much time as all others together."""
    day = whole_sample(name)
    return dataclasses.replace(
        day,
        moments=tuple(each for each in day.moments if each.landing is None),
        expect={key: value for key, value in day.expect.items() if key not in BY_FILES},
    )


def shared(name: str) -> Path:
    """A folder that the processes of this test session share: see conftest."""
    return Path(os.environ["HEADGATE_TEST_SESSION"], name)


def snapshots() -> Path:
    return shared("snapshots")


@cache
def project_folder() -> Path:
    """A project folder of this process for commands; `headgate run` shares its deployments with the other processes."""
    folder = Path(tempfile.mkdtemp(prefix="project-", dir=shared("")))
    for name in ("template.yaml", "samconfig.toml", "functions", "board", "products", "events"):
        (folder / name).symlink_to(ROOT / name)
    shared("deployments").mkdir(exist_ok=True)
    (folder / ".headgate").mkdir()
    (folder / ".headgate" / "deployments").symlink_to(shared("deployments"))
    return folder


def deploy(running: Runtime) -> None:
    running.deploy(lambda line: None)


@contextlib.contextmanager
def deployed(day: scenario.Scenario, folder: Path, project: Path = ROOT) -> Iterator[Application]:
    """The project as it stands, deployed at the beginning of the day."""
    places = Places(project, ROOT / "statemachines", folder)
    with snapshot.running(places, snapshots(), day.starts, deploy) as running:
        provision(running, CATALOG, day.jobs, folder / "data")
        yield Application(running, folder / "data")
