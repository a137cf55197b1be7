"""A clone of a git repository with metadata, and its remote, as somebody has it who works on a project."""

import subprocess
from pathlib import Path

import pytest

from tests.test_board_editor import METADATA


def git(folder: Path, *arguments: str) -> str:
    settings = (
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.com",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    )
    return subprocess.run(
        ["git", "-C", str(folder), *settings, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clone `clone` of `remote.git`, which has the metadata in the folder `mesh`."""
    for name, value in (("AUTHOR", "Ann"), ("COMMITTER", "Ann")):
        monkeypatch.setenv(f"GIT_{name}_NAME", value)
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@example.com")
    remote, first, clone = (tmp_path / name for name in ("remote.git", "first", "clone"))
    git(tmp_path, "init", "--bare", str(remote))
    git(tmp_path, "init", str(first))
    for part in METADATA.split("\n-- ")[1:]:
        name, text = part.split("\n", 1)
        (first / "mesh" / name).parent.mkdir(parents=True, exist_ok=True)
        (first / "mesh" / name).write_text(text + "\n")
    (first / ".gitignore").write_text(".headgate\n")
    git(first, "add", ".")
    git(first, "commit", "-m", "the mesh")
    git(first, "push", str(remote), "HEAD:refs/heads/main")
    git(tmp_path, "clone", str(remote), str(clone))
    return clone
