"""What a test says when a golden file is not as expected."""

from pathlib import Path

import pytest

from tests.golden import FOLDER, MAX_LINES, expect, files, link_identical


def failure(path: Path, actual: str) -> list[str]:
    with pytest.raises(pytest.fail.Exception) as caught:
        expect(path, actual.encode(), writing=False)
    return str(caught.value).splitlines()


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "case.txt"
    path.write_text("".join(f"line {number}\n" for number in range(1, 101)))
    return path


def test_the_difference_is_shown_with_the_file_and_how_to_update_it(golden: Path) -> None:
    assert failure(golden, golden.read_text().replace("line 50\n", "line fifty\n")) == [
        "case.txt is not as expected. If the new content is right, run `make golden` and commit the difference.",
        "--- case.txt (expected)",
        "+++ case.txt (found)",
        "@@ -47,7 +47,7 @@",
        *(f" line {number}" for number in (47, 48, 49)),
        "-line 50",
        "+line fifty",
        *(f" line {number}" for number in (51, 52, 53)),
    ]


def test_a_long_difference_is_cut_with_a_count(golden: Path) -> None:
    shown = failure(golden, "")

    assert len(shown) == MAX_LINES + 2
    assert shown[-1] == "... 23 more lines of the difference are not shown"


def test_a_difference_in_line_ends_is_shown(golden: Path) -> None:
    golden.write_bytes(b"a\n")

    assert failure(golden, "a\r\n")[1:] == ["expected b'a\\n'", "found    b'a\\r\\n'"]


def test_a_missing_file_is_named(golden: Path) -> None:
    assert failure(golden.with_name("new.txt"), "x")[0].startswith("new.txt does not exist. If the new content is ")


def test_writing_replaces_a_link_and_not_the_file_of_another_case(golden: Path) -> None:
    linked = golden.with_name("linked.txt")
    linked.symlink_to(golden.name)
    assert failure(linked, "x")[0].startswith("linked.txt, a link to case.txt, is not as expected. ")

    expect(linked, b"x", writing=True)

    assert (linked.is_symlink(), linked.read_text()) == (False, "x")
    assert golden.read_text().startswith("line 1\n")


def test_identical_files_become_links_to_the_first(tmp_path: Path) -> None:
    for path, text in {"b/deep/one": "1", "a/one": "1", "a/two": "2"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    link_identical([tmp_path / "b", tmp_path / "a"])

    assert (tmp_path / "a/one").readlink() == Path("../b/deep/one")
    assert (tmp_path / "a/one").read_text() == "1"
    assert files([tmp_path]) == [tmp_path / "a/two", tmp_path / "b/deep/one"]


def test_byte_identical_files_are_kept_once() -> None:
    kept: dict[bytes, Path] = {}
    for path in files([FOLDER / "output"]):
        first = kept.setdefault(path.read_bytes(), path)
        assert first == path, f"{path} is a copy of {first}: `make golden` makes it a link"
