"""Snapshots of deployed applications: when one is used, when it is not, and what is left on the disk."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headgate.local import snapshot
from headgate.local.stack import Places

STARTS = datetime(2026, 11, 20, 6, tzinfo=UTC)
MOMENT = STARTS.timestamp() + 13


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for name in (
        "template.yaml",
        "samconfig.toml",
        "functions/gate.py",
        "board/template.yaml",
        "statemachines/d1/ds1.asl.json",
    ):
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text("x")
    return Places(tmp_path / "project", tmp_path / "project" / "statemachines", tmp_path / "run")


@pytest.mark.parametrize(
    "file",
    [
        "template.yaml",
        "samconfig.toml",
        "functions/gate.py",
        "functions/new.py",
        "board/template.yaml",
        "statemachines/d1/ds1.asl.json",
    ],
)
def test_changed_content_has_another_name(places: Places, file: str) -> None:
    before = snapshot.digest(places, STARTS)
    assert snapshot.digest(places, STARTS) == before

    (places.project / file).write_text("y")

    assert snapshot.digest(places, STARTS) != before


def test_another_moment_or_variant_has_another_name(places: Places) -> None:
    names = {
        snapshot.digest(places, starts, variant)
        for starts in (STARTS, STARTS.replace(hour=7))
        for variant in ("", "central")
    }
    assert len(names) == 4


class Endpoints:
    """Stands for `runtime.running`: writes what an endpoint saves, and keeps where and when it was started."""

    def __init__(self) -> None:
        self.started: list[tuple[Path, datetime]] = []
        self.prepared = 0
        self.executions: dict[str, Any] = {}

    @contextlib.contextmanager
    def running(self, places: Places, keep: bool = False, starts: datetime = STARTS) -> Iterator[Any]:
        self.started.append((places.folder, starts))
        for part in snapshot.PARTS:
            (places.folder / part).mkdir(parents=True, exist_ok=True)
        idle = SimpleNamespace(wait_until_idle=lambda: {"now": MOMENT})
        yield SimpleNamespace(control=idle, places=places, stop_endpoint=lambda: 0)
        state = {"payload": {"executions": {"data": self.executions}}}
        (places.folder / "endpoint" / "stepfunctions.json").write_text(json.dumps(state))

    def prepare(self, running: Any) -> None:
        self.prepared += 1
        (running.places.folder / "s3" / "code").write_text("deployed")


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    made = Endpoints()
    monkeypatch.setattr("headgate.local.runtime.running", made.running)
    return made


Use = Callable[..., str]


@pytest.fixture
def use(places: Places, endpoints: Endpoints, tmp_path: Path) -> Use:
    """Starts the application in a folder of its own; gives what is deployed there."""

    def use(number: int, variant: str = "") -> str:
        here = Places(places.project, places.statemachines, tmp_path / f"run{number}")
        with snapshot.running(here, tmp_path / "snapshots", STARTS, endpoints.prepare, variant):
            return (here.folder / "s3" / "code").read_text()

    return use


def test_the_same_content_is_deployed_once_and_goes_on_from_that_moment(
    use: Use, endpoints: Endpoints, tmp_path: Path
) -> None:
    assert [use(1), use(2)] == ["deployed"] * 2

    assert endpoints.prepared == 1
    assert [(folder.name, starts.timestamp()) for folder, starts in endpoints.started] == [
        ("runtime", STARTS.timestamp()),
        ("run1", MOMENT),
        ("run2", MOMENT),
    ]
    assert [each.suffix for each in (tmp_path / "snapshots").iterdir() if each.is_dir()] == [""]


def test_what_the_deployment_started_is_not_kept(use: Use, endpoints: Endpoints) -> None:
    """An execution does not survive the stop, so such a deployment is made anew each time."""
    endpoints.executions = {"arn": {"status": "RUNNING"}}

    assert [use(1), use(2)] == ["deployed"] * 2

    assert endpoints.prepared == 3, "once to find out, then once a use"
    assert [folder.name for folder, _ in endpoints.started] == ["runtime", "run1", "run2"]
    assert endpoints.started[-1][1] == STARTS


def test_the_last_used_are_kept_and_the_remains_of_killed_processes_deleted(
    use: Use, endpoints: Endpoints, tmp_path: Path
) -> None:
    killed = tmp_path / "snapshots" / ("0" * 32 + ".taking")
    (killed / "runtime").mkdir(parents=True)
    for number in range(snapshot.KEPT + 2):
        use(number, variant=str(number))

    assert not killed.exists()
    assert len([each for each in (tmp_path / "snapshots").iterdir() if each.is_dir()]) == snapshot.KEPT
    use(100, variant=str(snapshot.KEPT + 1))
    assert endpoints.prepared == snapshot.KEPT + 2, "the last one was there"
