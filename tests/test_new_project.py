"""A new user in an empty folder outside this repository: from the installed wheel to a day, and to a day with a changed product, by five commands."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from headgate.deployment.sam import sam
from tests.local_application import needs_sam
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]


class Shell:
    """Commands in one folder after the other, as a person types them in an environment of their own."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder, self.typed, self._environment = folder, 0, environment
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "HEADGATE_TEST_SESSION")
        inherited = {key: value for key, value in os.environ.items() if key not in hidden}
        path = [str(environment / "bin"), str(Path(sam()).parent), os.environ["PATH"]]
        self._variables = {**inherited, "PATH": os.pathsep.join(path), "TZ": "UTC"}

    def __call__(self, *command: str) -> str:
        self.typed += 1
        done = self.asked(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def asked(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.folder, env=self._variables, capture_output=True, text=True, timeout=900, check=False
        )

    def install(self, wheel: Path) -> None:
        """With the dependencies of this environment, which stand for those that pip would download."""
        self("pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel))
        (site,) = self._environment.glob("lib/python*/site-packages")
        here = next(each for each in sys.path if each.endswith("site-packages"))
        (site / "dependencies.pth").write_text(
            f"{here}\n"
        )  # of which .pth files, such as that of this repository, are not read

    def cd(self, folder: str) -> None:
        self.typed += 1
        self.folder = self.folder / folder


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A new environment, and an empty folder."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    (tmp_path / "work").mkdir()
    return Shell(environment, tmp_path / "work")


@in_soak
def test_five_commands_lead_to_a_day_with_a_changed_product(shell: Shell, wheel: Path) -> None:
    shell.install(wheel)
    shell("headgate", "init", "my-mesh")
    shell.cd("my-mesh")
    first = shell("headgate", "run", "tests/day.yaml")
    assert re.search(r"sales/revenue +COMPLETED", first), first

    script = shell.folder / "products/sales/revenue/add_up.py"
    script.write_text(script.read_text().replace("date,orders,revenue", "date,orders,turnover") + 'print("changed")\n')
    second = shell("headgate", "run", "tests/day.yaml", "--keep", "kept")
    assert re.search(r"sales/revenue +COMPLETED", second), second
    assert shell.typed == 5

    made = shell.folder / "kept/data/sales/revenue/2026-11-20.csv"
    assert made.read_text() == "date,orders,turnover\n2026-11-20,2,28.25\n"
    plan = shell("headgate", "plan")
    assert "add_up.py" in plan, plan
    shell("headgate", "generate")
    shell("headgate", "generate", "--check")
    shell("sam", "build", "--build-dir", "built")
    assert (shell.folder / "built/template.yaml").is_file()
    checks = {
        each["name"]: each
        for each in json.loads(shell.asked("headgate", "doctor", "--no-aws", "--json").stdout)["checks"]
    }
    assert {name: each for name, each in checks.items() if each["state"] == "missing"} == {}


@in_soak
def test_the_test_of_a_new_project_passes_and_can_fail(shell: Shell, wheel: Path) -> None:
    shell.install(wheel)
    shell("headgate", "init", "my-mesh")
    shell.cd("my-mesh")
    test = ("python", "-m", "unittest", "discover", "tests")
    assert shell.asked(*test).returncode == 0
    (shell.folder / "products/sales/revenue/add_up.py").write_text('raise SystemExit("no orders")\n')
    failed = shell.asked(*test)
    assert (failed.returncode, "sales/revenue is ERROR" in failed.stderr) == (1, True), failed.stderr


def newest_python() -> str | None:
    """Of the environments of pyenv, or on the PATH."""
    candidates = [
        *Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"),
        *map(Path, filter(None, [shutil.which("python3.13")])),
    ]
    return next((str(each) for each in candidates if _runs(each)), None)


def _runs(python: Path) -> bool:
    return subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0


@in_soak
@pytest.mark.skipif(newest_python() is None, reason="there is no Python 3.13 on this machine")
def test_a_new_project_plays_its_day_on_python_3_13(wheel: Path, tmp_path: Path) -> None:
    """With dependencies of its own, which pip gets for that version."""
    python = newest_python()
    assert python is not None
    environment = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", str(environment)], check=True, timeout=300)
    (tmp_path / "work").mkdir()
    shell = Shell(environment, tmp_path / "work")
    shell("pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[local]")
    assert "Python 3.13" in shell.asked("headgate", "doctor", "--no-aws").stdout
    shell("headgate", "init", "my-mesh")
    shell.cd("my-mesh")
    day = shell("headgate", "run", "tests/day.yaml")
    assert re.search(r"sales/revenue +COMPLETED", day), day
