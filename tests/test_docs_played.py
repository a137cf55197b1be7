"""What the pages of the documentation show is what happens: the tutorial from its first command to its last, the others on the day that it leaves running."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.documented import ROOT, Step, pages, steps
from tests.documented_day import do, on_a_recent_day, sample_project
from tests.headgate_command import mentioning, output_of
from tests.local_application import needs_sam
from tests.state_world import in_soak

pytestmark = pytest.mark.slow
TUTORIAL = ROOT / "docs" / "tutorial.md"


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
    wrong = [found for each in of(page, "project") if (found := do(each, folder))]
    assert not wrong, "\n" + "\n".join(wrong)


@dataclass
class Day:
    """The folder of the tutorial's project, and what was not as the tutorial shows it."""

    folder: Path
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The tutorial was played, and its application goes on: d1/ds2 is refreshed, and what needs d1/ds1 waits."""
    found = Day(sample_project(tmp_path_factory.mktemp("project")))
    (found.folder / "jobs").mkdir()
    (found.folder / "jobs" / "d1-ds2-build.py").write_text("print('12 prices cleaned')\n")
    found.wrong = [wrong for each in of("docs/tutorial.md", "tutorial") if (wrong := do(each, found.folder))]
    if not found.wrong:
        on_the_sample(found.folder)
    yield found
    ends = [wrong for each in of("docs/tutorial.md", "at the end") if (wrong := do(each, found.folder))]
    assert not ends, "\n".join(ends)
    deadline = time.monotonic() + 20
    while (
        mentioning(str(found.folder)) and time.monotonic() < deadline
    ):  # a process that prepares others ends after them
        time.sleep(0.1)
    assert mentioning(str(found.folder)) == []


def on_the_sample(folder: Path) -> None:
    date = on_a_recent_day("2026-11-20")
    output_of(folder, "backfill", "d1", "--date", date)
    output_of(folder, "event", "raw/rd3", "--date", date)


@needs_sam
@in_soak
def test_the_tutorial_shows_what_happens(day: Day) -> None:
    assert not day.wrong, "\n" + "\n".join(day.wrong)


@needs_sam
@in_soak
@pytest.mark.parametrize("page", named("running day"))
def test_a_page_shows_what_happens_on_a_running_day(page: str, day: Day) -> None:
    wrong = [found for each in of(page, "running day") if (found := do(each, day.folder))]
    assert not wrong, "\n" + "\n".join(wrong)
