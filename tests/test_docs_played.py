"""What the pages of the documentation show is what happens: the tutorial from its first command to its last, others on a day that goes on."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented import ROOT, Step, pages, steps
from tests.documented_day import on_a_recent_day, played, sample_project
from tests.headgate_command import headgate, mentioning, output_of
from tests.local_application import needs_sam
from tests.state_world import in_soak

pytestmark = pytest.mark.slow


def named(setting: str) -> list[str]:
    """The pages with commands that are executed there."""
    return [
        page.relative_to(ROOT).as_posix() for page in pages() if any(each.setting == setting for each in steps(page))
    ]


def of(page: str, setting: str) -> list[Step]:
    return [each for each in steps(ROOT / page) if each.setting == setting]


@pytest.fixture(autouse=True, scope="module")
def in_utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("page", named("project"))
def test_a_page_shows_what_happens_in_a_project(page: str, tmp_path: Path) -> None:
    folder = sample_project(tmp_path)
    wrong = played(of(page, "project"), folder)
    assert not wrong, "\n" + "\n".join(wrong)


def take_down(folder: Path) -> None:
    """Ends the application of the folder, if it runs, and waits for its processes."""
    headgate("down", folder=folder)
    deadline = time.monotonic() + 20
    while mentioning(str(folder)) and time.monotonic() < deadline:  # a process that prepares others ends after them
        time.sleep(0.1)
    assert mentioning(str(folder)) == []


@needs_sam
@in_soak
def test_the_tutorial_shows_what_happens(tmp_path: Path) -> None:
    """In an empty folder, with `headgate init` of this checkout."""
    wrong = played(of("docs/tutorial.md", "tutorial"), tmp_path)
    take_down(tmp_path / "my-mesh")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a project with the sample's metadata, whose application goes on: d1/ds2 is refreshed, and what needs d1/ds1 waits."""
    folder = sample_project(tmp_path_factory.mktemp("project"))
    (folder / "jobs").mkdir()
    (folder / "jobs" / "d1-ds2-build.py").write_text("print('12 prices cleaned')\n")
    output_of(folder, "up", "--jobs", "jobs", "--no-browser")
    on_the_sample(folder)
    yield folder
    take_down(folder)


def on_the_sample(folder: Path) -> None:
    date = on_a_recent_day("2026-11-20")
    output_of(folder, "backfill", "d1", "--date", date)
    output_of(folder, "event", "raw/rd3", "--date", date)


@needs_sam
@in_soak
@pytest.mark.parametrize("page", named("running day"))
def test_a_page_shows_what_happens_on_a_running_day(page: str, day: Path) -> None:
    wrong = played(of(page, "running day"), day)
    assert not wrong, "\n" + "\n".join(wrong)
