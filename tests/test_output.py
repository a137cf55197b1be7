"""The output folder changes as a whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.generator import output
from headgate.generator.output import OutputError, opened, recover
from tests.conftest import Headgate

OLD = {
    "catalog/catalog.json": b"old",
    "d1/a.asl.json": b"a1",
    "d1/b.asl.json": b"b1",
    "d2/c.asl.json": b"c1",
    "template.json": b"t1",
}
NEW = {
    "catalog/catalog.json": b"new",
    "d1/a.asl.json": b"a2",
    "d1/b.asl.json": b"b1",
    "d3/d.asl.json": b"d1",
    "template.json": b"t2",
}


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def write(folder: Path, files: dict[str, bytes]) -> output.Changes:
    with opened(folder, write=True) as out:
        for path, data in files.items():
            out.put(path, data)
        return out.finish()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_what_changed_and_removes_what_is_gone(tmp_path: Path) -> None:
    write(tmp_path, OLD)
    untouched = (tmp_path / "d1/b.asl.json").stat()

    changes = write(tmp_path, NEW)

    assert tree(tmp_path) == NEW
    assert changes.created == ["d3/d.asl.json"]
    assert changes.changed == ["catalog/catalog.json", "d1/a.asl.json", "template.json"]
    assert changes.removed == ["d2/c.asl.json"]
    assert not (tmp_path / "d2").exists()
    assert (tmp_path / "d1/b.asl.json").stat().st_ino == untouched.st_ino


def test_a_crash_at_any_moment_leaves_the_old_or_the_new_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the disk is made to be the last one, as kill -9 would."""
    steps = [
        ("os", "replace"),
        ("os", "link"),
        ("Path", "unlink"),
        ("Path", "write_bytes"),
        ("Path", "mkdir"),
        ("output", "_write_durably"),
    ]
    crashes = 0
    for where, name in steps:
        for nth in range(20):
            folder = tmp_path / f"{name}-{nth}"
            write(folder, OLD)
            if _crashes_at(folder, where, name, nth, monkeypatch):
                crashes += 1
                with opened(folder, write=False):
                    pass
                assert tree(folder) in (OLD, NEW), (name, nth)
    assert crashes > 15


def _crashes_at(folder: Path, where: str, name: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    target: object = {"os": os, "Path": Path, "output": output}[where]
    original = getattr(target, name)
    calls = 0

    def dying(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls > nth:
            raise Killed  # and nothing that would tidy up works either
        return original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(target, name, dying)
        patched.setattr(output, "recover", lambda folder: None)
        patched.setattr("shutil.rmtree", lambda *arguments, **options: None)
        try:
            write(folder, NEW)
        except Killed:
            return True
    return False


def test_an_error_while_writing_puts_the_old_output_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, OLD)
    original, calls = os.replace, 0

    def full(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device; the old output is as it was"):
        write(tmp_path, NEW)

    assert tree(tmp_path) == OLD


def test_recovering_twice_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, OLD)
    recover(tmp_path)
    recover(tmp_path)

    assert tree(tmp_path) == OLD


def test_two_at_once_are_told_apart(tmp_path: Path) -> None:
    with (
        opened(tmp_path, write=True),
        pytest.raises(OutputError, match="another headgate is writing here"),
        opened(tmp_path, write=True),
    ):
        pass


def test_a_folder_of_somebody_elses_is_left_alone(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("--- d1/domain.yaml\nowner: x\n")
    (root / "src").mkdir()
    (root / "src" / "main.py").write_text("print()")

    code, printed = headgate("generate", "--out", "src")

    assert code == 2
    assert "src: not an output folder of Headgate" in printed
    assert (root / "src" / "main.py").exists()
