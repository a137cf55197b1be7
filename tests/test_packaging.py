"""The wheel and the sdist: what they hold, and that what is installed from them works outside the repository."""

import shutil
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

from headgate.projects import brought
from tests.packages import build, run

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

pytestmark = pytest.mark.slow


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
    expected |= {f"headgate/application/{path}" for path in ("__init__.py", *brought.files())}

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
        "headgate/board/page/index.html",
        "headgate/application/template.yaml",
        "headgate/application/functions/state/migrations/0001_tables.sql",
        "headgate/application/events/schemas/refresh-event.schema.json",
        "headgate/projects/start/README.md",
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
