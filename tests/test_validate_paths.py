"""What `headgate validate` does with paths: parts of a products folder, other files, and what must not be opened."""

import os
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Headgate

MESH = """\
--- d1/domain.yaml
owner: team-one
--- d1/ds1.yaml
colour: blue
--- d1/ds2.yaml
description: Fine
--- d1/old/ds3.yaml
description: Out of place
--- calendars/banking.yaml
dates: []
colour: blue
"""


@pytest.fixture
def mesh(project: Callable[[str], Path]) -> Iterator[Path]:
    root = project(MESH)
    (root / "README.md").write_text("# About\n")
    (root / "products/d1/notes.txt").write_text("notes\n")
    (root / "docs").mkdir()
    yield root
    assert not (root / "products/.headgate").exists()
    assert not (root / "products/d1/.headgate").exists()


@pytest.mark.parametrize(
    ("folder", "path", "places"),
    [
        (".", "products", ["products/calendars/banking.yaml", "products/d1/ds1.yaml", "products/d1/old"]),
        (".", "products/d1", ["products/d1/ds1.yaml", "products/d1/old"]),
        (".", "products/d1/ds1.yaml", ["products/d1/ds1.yaml"]),
        (".", "products/d1/old", ["products/d1/old"]),
        (".", "products/d1/old/ds3.yaml", ["products/d1/old"]),
        (".", "products/calendars", ["products/calendars/banking.yaml"]),
        (".", "products/calendars/banking.yaml", ["products/calendars/banking.yaml"]),
        ("products", ".", ["calendars/banking.yaml", "d1/ds1.yaml", "d1/old"]),
        ("products", "d1", ["d1/ds1.yaml", "d1/old"]),
        ("products/d1", ".", ["ds1.yaml", "old"]),
        ("products/d1", "ds1.yaml", ["ds1.yaml"]),
        ("products/d1", "old", ["old"]),
        ("products/d1", "../d1/ds1.yaml", ["ds1.yaml"]),
        ("products/d1", "..", ["../calendars/banking.yaml", "ds1.yaml", "old"]),
        ("docs", "../products/d1/ds1.yaml", ["../products/d1/ds1.yaml"]),
    ],
)
def test_a_part_is_checked_from_every_folder(
    mesh: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate, folder: str, path: str, places: list[str]
) -> None:
    monkeypatch.chdir(mesh / folder)

    code, printed = headgate("validate", path)

    lines = printed.splitlines()
    named = [line.split()[0] for before, line in pairwise(lines) if " HG1" in before]
    assert code == 1
    assert list(dict.fromkeys(each.split(":")[0] for each in named)) == places


def test_a_part_without_errors_is_reported_as_a_part(mesh: Path, headgate: Headgate) -> None:
    assert headgate("validate", "products/d1/ds2.yaml") == (
        0,
        "products/d1/ds2.yaml: no errors (read with 2 products in 1 domain)\n",
    )


@pytest.mark.parametrize("path", ["README.md", "products/d1/notes.txt", "docs"])
def test_a_file_or_folder_without_metadata_is_refused(mesh: Path, headgate: Headgate, path: str) -> None:
    assert headgate("validate", path) == (
        2,
        f"headgate validate: {path}: no metadata; expected <domain>/<product>.yaml, <domain>/domain.yaml"
        " or calendars/<name>.yaml in a products folder\n",
    )


def test_pipes_and_sockets_are_not_opened(mesh: Path, headgate: Headgate) -> None:
    os.mkfifo(mesh / "products/d1/pipe.yaml")
    os.mkfifo(mesh / "products/beside.yaml")
    server = socket.socket(socket.AF_UNIX)
    server.bind("products/d1/socket.yaml")

    code, printed = headgate("validate")  # would wait for ever

    assert code == 1
    assert printed.count("  found     a pipe, socket or device\n  expected  a file or folder in products\n") == 3
    code, printed = headgate("validate", "products/d1/pipe.yaml")
    assert code == 2
    assert "products/d1/pipe.yaml: neither a file nor a folder; expected a products folder" in printed
    assert headgate("new", "domain", "d2")[0] == 0
    server.close()


def test_of_what_a_link_leads_to_outside_nothing_is_shown(mesh: Path, headgate: Headgate, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "private.yaml").write_text("password: hunter2\n")
    for name, target in (("out.yaml", secret), ("zero.yaml", Path("/dev/zero")), ("loop.yaml", Path("loop.yaml"))):
        (mesh / "products/d1" / name).symlink_to(target)
    (mesh / "products/d2").symlink_to(folder)
    (mesh / "products/d1/same.yaml").symlink_to("ds2.yaml")

    for arguments in ((), ("products/d1/out.yaml",), ("--json",)):
        code, printed = headgate("validate", *arguments)

        assert code == 1
        assert not {"hunter2", "password", "private"} & set(printed.replace(":", " ").replace("/", " ").split())
    code, printed = headgate("validate")
    assert printed.count("a link out of products") == 3
    assert printed.count("a link to what is no file") == 1
    assert "same.yaml" not in printed
