"""Fixtures every test may use."""

import atexit
import gc
import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from headgate.cli import application, operate
from headgate.cli.main import main
from headgate.generator.lint import linters
from headgate.local.postgres import Postgres
from tests.alert_night import night  # noqa: F401 - a fixture
from tests.alert_world import day, service, ses  # noqa: F401 - fixtures
from tests.fake_aws import FakeAws
from tests.golden import lay_out
from tests.handler_steps import invoke
from tests.lent_worlds import Worlds
from tests.lint_economy import kept
from tests.local_application import shared
from tests.local_endpoint import endpoint  # noqa: F401 - a fixture
from tests.packages import checkout, wheel  # noqa: F401 - fixtures
from tests.running_up import up  # noqa: F401 - a fixture
from tests.scheduling import Scheduling, distributed
from tests.state_server import migrated
from tests.state_world import ENVIRONMENT, SOAK, World

Headgate = Callable[..., tuple[int, str]]

# The usual run draws the same examples each time, so that a change is judged by what it changes. `make soak` draws others each time.
# How long an example takes depends on what else the machine does.
settings.register_profile(
    "headgate", derandomize=SOAK == 1, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("headgate")


def pytest_configure(config: pytest.Config) -> None:
    """A folder for what the processes of a session share. The workers of pytest-xdist inherit the variable. A shell starts a command in the
    background with SIGINT ignored, which every process that a test starts and interrupts would inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="headgate-tests-")
        os.environ["HEADGATE_TEST_SESSION"] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_collection(session: pytest.Session) -> None:
    """What collection makes stays to the end, a million objects. The garbage collector would look through them again and again."""
    gc.disable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A worker of pytest-xdist does not choose what it runs: the order of its items is that in which they are distributed."""
    if hasattr(config, "workerinput"):
        items[:] = distributed(config.rootpath, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries of C++ complain of what is left at the end
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def linted_once() -> Iterator[None]:
    """cfn-lint looks once a session at templates of the same text, which many tests generate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linters, "cfn_lint_problems", kept(linters.cfn_lint_problems, shared("linted")))
        yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Lays metadata out in a project folder of its own, which becomes the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def make(text: str) -> Path:
        lay_out(text, tmp_path / "products")
        return tmp_path

    return make


@pytest.fixture
def headgate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Headgate:
    """Runs the command; gives its exit code and everything it printed. It checks metadata as of a date that never changes."""
    monkeypatch.setattr("headgate.cli.project.today", lambda: date(2026, 11, 21))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL for the whole session, with a migrated database to copy."""
    os.environ.update(ENVIRONMENT)
    with migrated() as server:
        yield server


@pytest.fixture(scope="session")
def worlds(postgres: Postgres) -> Worlds:
    return Worlds(postgres)


@pytest.fixture
def world(worlds: Worlds) -> Iterator[World]:
    """A state database of the test's own."""
    with worlds.lend() as made:
        yield made


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """AWS as the handlers see it; they use the test's database."""
    import lost_machines
    import retention
    import runtime
    import ticks
    from effects import Performer
    from step_types import definition, glue

    fake = FakeAws()
    performer = Performer(world.state, fake.client)
    monkeypatch.setattr(runtime, "database", lambda: world.database)
    monkeypatch.setattr(runtime, "state", lambda: world.state)
    monkeypatch.setattr(runtime, "performer", lambda: performer)
    monkeypatch.setattr(glue, "glue", lambda: fake)
    monkeypatch.setattr(definition, "stepfunctions", lambda: fake)
    monkeypatch.setattr(ticks, "scheduler", lambda: fake)
    monkeypatch.setattr(ticks, "_seen", {})
    monkeypatch.setattr(lost_machines, "machines", lambda: fake)
    monkeypatch.setattr(retention, "objects", lambda: fake)
    return fake


@pytest.fixture
def running(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands call these functions, through JSON as Lambda does."""

    class Running:
        name = "the functions"

        def call(self, output: str, event: dict[str, Any]) -> Any:
            function = {"OperateFunctionName": "operate", "InquireFunctionName": "inquire"}[output]
            return json.loads(json.dumps(invoke(function, json.loads(json.dumps(event)))))

    for module in (operate, application):
        monkeypatch.setattr(module, "application", lambda arguments: Running())
    monkeypatch.setattr(operate, "actor", lambda: "ann")
    monkeypatch.setenv("TZ", "UTC")
