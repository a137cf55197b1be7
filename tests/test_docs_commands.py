"""Every command that the documentation names exists with these arguments, and every page says where its commands are executed."""

from pathlib import Path

import pytest

from tests.documented import ROOT, SETTINGS, mentioned, pages, shows, steps
from tests.documented_arguments import problem
from tests.golden import FOLDER
from tests.local_application import HAVE_SAM

BY_NAME = {page.relative_to(ROOT).as_posix(): page for page in pages()}


@pytest.mark.parametrize("name", BY_NAME)
def test_commands_exist_with_their_arguments(name: str) -> None:
    page = BY_NAME[name]
    blocks = [(each.line, each.command, True) for each in steps(page) if each.command]
    sentences = [(line, command, False) for line, command in mentioned(page)]
    wrong = [
        f"{name}:{line}: `{command}`: {found}"
        for line, command, complete in blocks + sentences
        if (HAVE_SAM or not command.startswith("sam ")) and (found := problem(command, complete))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_says_where_its_commands_are_executed(name: str) -> None:
    for each in steps(BY_NAME[name]):
        expected = f"a line `<!-- commands: SETTING -->` before it or at the top of the page, SETTING being one of {', '.join(SETTINGS)}"
        assert each.setting in SETTINGS or each.file, f"{each.place}: `{each.command}`: expected {expected}"


@pytest.mark.parametrize(
    ("command", "printed"), [("headgate upgrade --dry-run", "upgrade.txt"), ("headgate upgrade", "upgrade-refused.txt")]
)
def test_what_a_page_shows_of_an_upgrade_is_printed(command: str, printed: str) -> None:
    """tests/test_projects.py compares what is printed with the same text."""
    page = steps(BY_NAME["docs/how-to/upgrade.md"])
    (shown,) = [each.output for each in page if each.command == command and each.output]
    assert shows(shown, (FOLDER / "messages" / printed).read_text("utf-8"))


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("headgate why d1/ds4 --date 2026-11-20  # explains it", ""),
        ("headgate explain d1/ds4", "headgate has no command explain"),
        ("headgate why d1/ds4 --on 2026-11-20", "unrecognized arguments: --on 2026-11-20"),
        ("headgate alert test --to slack:#positions", ""),
        ("headgate why d1", "argument DOMAIN/PRODUCT: d1: expected DOMAIN/PRODUCT, such as raw/rd1"),
        ("headgate why", "the following arguments are required: DOMAIN/PRODUCT"),
        ('eval "$(headgate completion fsh)"', "argument shell: invalid choice: 'fsh'"),
        ("make everything", "the Makefile has no target everything"),
        ("aws events start-replay --replay-name x", ""),
        ("aws events replay", "aws events has no command replay"),
        ("aws events put-events --bus x", "aws events put-events has no option --bus"),
    ],
)
def test_what_is_wrong_with_a_command_is_found(command: str, found: str) -> None:
    assert problem(command).startswith(found)
    assert bool(problem(command)) == bool(found)


def test_a_sentence_may_leave_out_what_a_command_needs() -> None:
    assert problem("headgate why", complete=False) == ""
    assert problem("headgate why --date", complete=False) == ""
    assert problem("headgate status | why --tree", complete=False) == ""
    assert problem("headgate why --on", complete=False) == "headgate why has no option --on"
    assert problem("headgate status | explain", complete=False) == "headgate has no command explain"


def test_a_page_is_read_as_its_reader_does(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n<!-- commands: project -->\n```console\n$ headgate plan\nd1\n...\n$ rm x\n```\n"
        "<!-- commands: needs AWS -->\n```\nheadgate deploy   # asks\n```\n"
        '```yaml title="a/b.yaml"\nx: 1\n```\n```\nno command\n```\n'
    )
    found = [(each.line, each.setting, each.command, each.output, each.file, each.text) for each in steps(page)]
    assert found == [
        (4, "project", "headgate plan", "d1\n...", "", ""),
        (7, "project", "rm x", None, "", ""),
        (11, "needs AWS", "headgate deploy   # asks", None, "", ""),
        (13, "project", "", None, "a/b.yaml", "x: 1\n"),
    ]
    assert shows("a\n...\nb 1...", "a\nmuch\nmore\nb 12\n")
    assert shows("...\na", "a\n"), "no lines are lines"
    assert not shows("a\n...\nb", "a\nmuch\nb\nmore")
    assert not shows("a...", "ab\nc")
