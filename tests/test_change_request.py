"""A change of a product is proposed as a branch of the project's remote, and nothing on this machine changes with it."""

from pathlib import Path

import pytest

from headgate.board.api import AnswerError
from headgate.cli.board_editor import MetadataEditor
from headgate.cli.change_request import Base, link
from tests.git_world import cloned, git

TITLE = "Give d1/a six hours"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return cloned(tmp_path, monkeypatch)


@pytest.fixture
def editor(clone: Path) -> MetadataEditor:
    return MetadataEditor(clone / "mesh" / "products")


def changed(editor: MetadataEditor) -> str:
    text: str = editor.source("d1/a")["text"]
    return text.replace("4h", "6h")


def seen(clone: Path) -> list[str]:
    """What a user of the clone sees of it."""
    return [
        git(clone, *each.split())
        for each in ("status --porcelain", "rev-parse HEAD", "for-each-ref refs/heads", "diff --cached", "diff")
    ]


def test_a_change_is_pushed_as_a_branch_with_one_commit_and_this_machine_stays_as_it_is(
    editor: MetadataEditor, clone: Path, tmp_path: Path
) -> None:
    git(clone, "checkout", "-q", "-b", "work")
    (clone / ".gitignore").write_text(".headgate\n# somebody works here\n")
    (clone / "staged").write_text("also not of this change")
    git(clone, "add", "staged")
    before, remote = seen(clone), tmp_path / "remote.git"

    source = editor.source("d1/a")
    assert (source["remote"], source["base"]) == (str(remote), "main")
    shown = editor.propose("d1/a", changed(editor), TITLE, None)
    assert (shown["branch"][:14], shown["title"], "pushed" in shown) == ("headgate/d1-a-", TITLE, False)
    assert "headgate/" not in git(remote, "for-each-ref"), "nothing is pushed before it is confirmed"

    done = editor.propose("d1/a", changed(editor), TITLE, shown["digest"])
    assert (done["pushed"], done["link"]) == (True, None)
    assert git(remote, "log", "--format=%s %an", f"main..{done['branch']}") == f"{TITLE} Ann"
    assert git(remote, "diff", "--name-only", "main", done["branch"]) == "mesh/products/d1/a.yaml"
    assert "+wait: {deadline: 6h}" in git(remote, "diff", "main", done["branch"]).splitlines()
    assert seen(clone) == before


def test_what_was_shown_is_what_is_pushed(
    editor: MetadataEditor, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = editor.propose("d1/a", changed(editor), TITLE, None)
    with pytest.raises(AnswerError, match="something else would be pushed by now"):
        editor.propose("d1/a", changed(editor).replace("6h", "7h"), TITLE, shown["digest"])
    with pytest.raises(AnswerError, match="something else would be pushed by now"):
        editor.propose("d1/a", changed(editor), "another title", shown["digest"])
    assert "headgate/" not in git(tmp_path / "remote.git", "for-each-ref")
    editor.propose("d1/a", changed(editor), TITLE, shown["digest"])
    monkeypatch.setenv(
        "GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z"
    )  # within the same second it would be the same commit, which is there
    with pytest.raises(AnswerError, match=r"`git push` refuses"):
        editor.propose("d1/a", changed(editor), TITLE, shown["digest"])  # a branch is made once, and never overwritten


def test_a_change_that_would_carry_more_or_is_wrong_is_refused(editor: MetadataEditor, clone: Path) -> None:
    text = changed(editor)
    with pytest.raises(AnswerError, match="there is nothing to propose"):
        editor.propose("d1/a", editor.source("d1/a")["text"], TITLE, None)
    with pytest.raises(AnswerError, match="the text has errors"):
        editor.propose("d1/a", text.replace("deadline", "deadlin"), TITLE, None)
    for title in ("", "two\nlines", "x" * 201):
        with pytest.raises(AnswerError, match="one line of at most 200 characters"):
            editor.propose("d1/a", text, title, None)
    (clone / "mesh" / "products" / "d1" / "a.yaml").write_text(
        text.replace("description: a", "description: not committed")
    )
    with pytest.raises(
        AnswerError, match=r"mesh/products/d1/a\.yaml is not the same here as in origin/main; pull, or commit and push"
    ):
        editor.propose("d1/a", text, TITLE, None)


def test_a_folder_without_a_remote_says_why_nothing_can_be_proposed(tmp_path: Path) -> None:
    (tmp_path / "products" / "d1").mkdir(parents=True)
    (tmp_path / "products" / "d1" / "a.yaml").write_text("description: a\n")
    source = MetadataEditor(tmp_path / "products").source("d1/a")
    assert "remote" not in source
    assert "not a git repository" in source["not_proposed"]


@pytest.mark.parametrize(
    ("remote", "said", "expected"),
    [
        ("https://github.com/shop/mesh.git", "", "https://github.com/shop/mesh/compare/main...headgate/d1-a-1?expand=1"),
        ("git@github.com:shop/mesh.git", "", "https://github.com/shop/mesh/compare/main...headgate/d1-a-1?expand=1"),
        ("ssh://git@github.com:22/shop/mesh", "", "https://github.com/shop/mesh/compare/main...headgate/d1-a-1?expand=1"),
        ("https://gitlab.example.com/a/b/mesh.git", "", "https://gitlab.example.com/a/b/mesh/-/merge_requests/new?merge_request%5Bsource_branch%5D=headgate%2Fd1-a-1&merge_request%5Btarget_branch%5D=main"),
        ("git@bitbucket.org:shop/mesh.git", "", "https://bitbucket.org/shop/mesh/pull-requests/new?source=headgate%2Fd1-a-1&dest=main"),
        ("git@git.example.com:shop/mesh.git", "", None),
        ("git@git.example.com:shop/mesh.git", "remote: Create a pull request:\nremote:   https://git.example.com/pr/1 \n", "https://git.example.com/pr/1"),
        ("git@git.example.com:shop/mesh.git", "remote: see https://evil.example/pr/1\n", None),
        ("/srv/git/mesh.git", "remote: https://evil.example/\n", None),
        ("../mesh.git", "", None),
    ],
)  # fmt: skip
def test_where_a_pull_request_is_opened(remote: str, said: str, expected: str | None) -> None:
    assert link(Base("main", "0" * 40, remote), "headgate/d1-a-1", said) == expected
