"""Fixtures every test may use."""

from collections.abc import Callable
from pathlib import Path

import pytest

from generator.commands.main import main
from tests.golden import lay_out

Headgate = Callable[..., tuple[int, str]]


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
def headgate(capsys: pytest.CaptureFixture[str]) -> Headgate:
    """Runs the command; gives its exit code and everything it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run
