"""`headgate up` in a project: typed once for all tests that ask something of it, since it builds and deploys the whole application."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.headgate_command import headgate, lay_out, mentioning


@pytest.fixture(scope="package")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which it was typed, what it printed, and what was known of it then: a part that ends is started again elsewhere. Each test leaves it running."""
    folder = lay_out(tmp_path_factory.mktemp("project"))
    done = headgate("up", folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    shutil.copy(folder / ".headgate" / "local" / "runtime.json", folder / "known.json")
    yield folder
    assert headgate("down", folder=folder).stdout == "stopped\n"
    assert mentioning(str(folder)) == []
