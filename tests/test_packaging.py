"""The wheel and the sdist: what they hold, and that what is installed from them works outside the repository."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2]))"

pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path) -> str:
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, project: Path, into: Path) -> Path:
    """The archive that the build backend makes of the project, in this environment."""
    into.mkdir(parents=True, exist_ok=True)
    return into / run(sys.executable, "-c", BUILD, kind, str(into), cwd=project).splitlines()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git knows of the project, as it stands here; links stay links."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        source, target = ROOT / name, folder / name
        if not os.path.lexists(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            target.write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"))


def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_one_package_with_its_data(wheel: Path, checkout: Path) -> None:
    names = files(wheel).keys()
    info = f"headgate-{PROJECT['project']['version']}.dist-info"
    links = [each for each in (checkout / "src" / "headgate").iterdir() if each.is_symlink()]
    expected = {
        f"headgate/{link.name}/{path.relative_to(checkout / link.name).as_posix()}"
        for link in links
        for path in (checkout / link.name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name.split("/")[0] for name in names} == {"headgate", info}
    assert expected == {name for name in names if name.count("/") > 1 and name.startswith("headgate/")}
    assert {
        "headgate/py.typed",
        "headgate/generator/schemas/product.schema.json",
        "headgate/generator/steps/glue.schema.json",
        "headgate/generator/templates/domain.json.j2",
        "headgate/local/samples/stifel/day.yaml",
        "headgate/local/scenario.schema.json",
        "headgate/local/function_process.py",
        f"{info}/licenses/LICENSE",
    } <= names


def test_the_metadata_names_the_licence_the_authors_and_the_versions(wheel: Path) -> None:
    info = f"headgate-{PROJECT['project']['version']}.dist-info/METADATA"
    metadata = Parser().parsestr(files(wheel)[info].decode())

    assert (metadata["Name"], metadata["License-Expression"]) == ("headgate", "Apache-2.0")
    assert (metadata["Author"], metadata["License-File"]) == ("The Headgate developers", "LICENSE")
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert all("==" in each for each in metadata.get_all("Requires-Dist") or ()), "every dependency is pinned"


def test_the_sdist_builds_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", checkout, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        assert not [each.name for each in archive.getmembers() if each.issym() or each.islnk()]
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    assert files(build("wheel", source, tmp_path / "again")) == files(wheel)
    assert (source / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs the `headgate` of a new environment, in an empty folder. Its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # noqa: S202 - the wheel just built
    here = next(Path(each) for each in sys.path if each.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{here}\n")
    command = [str(folder / "venv" / "bin" / "python"), "-m", "headgate.cli.main"]

    def call(*arguments: str) -> str:
        return run(*command, *arguments, cwd=folder)

    origin = run(command[0], "-c", "import headgate; print(headgate.__file__)", cwd=folder)
    assert origin.startswith(str(site)), "the wheel's package is tested, not the repository's"
    return call


def test_what_is_installed_works_outside_the_repository(installed: Callable[..., str], tmp_path: Path) -> None:
    assert installed("--version") == f"headgate {PROJECT['project']['version']}\n"
    products, made, committed = tmp_path / "products", tmp_path / "statemachines", ROOT / "statemachines"
    shutil.copytree(ROOT / "products", products)
    assert "no errors" in installed("validate", str(products))
    installed("generate", "--products", str(products), "--out", str(made))

    assert contents(made) == contents(committed)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
