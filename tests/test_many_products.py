"""What a person sees of hundreds of products: what needs attention first, the rest by domain, drawings of domains, completion, and the
stack that is meant by default."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import application
from headgate.cli.errors import UsageError
from tests.conftest import Headgate
from tests.golden import FOLDER, expect

ASKED_AT = "2026-11-20T12:00:00+00:00"
TROUBLE: dict[int, dict[str, Any]] = {
    7: {"status": "EXPECTED", "usually_at": "2026-11-20T05:00:00+00:00"},
    8: {"status": "EXPECTED", "usually_at": "2026-11-20T15:00:00+00:00"},
    101: {"status": "WAITING", "held": True},
    150: {"status": "NOT OPENED", "missed": True, "opens_at": "2026-11-20T06:00:00+00:00"},
    200: {"status": "WAITING", "late": True, "due_at": "2026-11-20T09:00:00+00:00", "missing": ["domain-0/p007"]},
    201: {"status": "COMPLETED", "late": True, "due_at": "2026-11-20T09:00:00+00:00"},
    250: {"status": "WAITING", "deadline_at": "2026-11-20T11:00:00+00:00"},
    299: {"status": "ERROR", "error": "JobFailed", "attempt": 2},
}


def mesh_of(count: int) -> list[dict[str, Any]]:
    """`count` products in domains of a hundred, most of them COMPLETED, and a few of each kind of trouble."""
    return [
        {"product": f"domain-{n // 100}/p{n:03}", "owner": f"team-{n % 3}", "status": "COMPLETED", **TROUBLE.get(n, {})}
        for n in range(count)
    ]


@pytest.fixture
def status_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], None]:
    """Makes the running application answer with these products."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def answer(products: list[dict[str, Any]]) -> None:
        class Answers:
            name = "the stand-in"

            def call(self, output: str, given: dict[str, Any]) -> Any:
                return {"business_date": "2026-11-20", "asked_at": ASKED_AT, "products": products, "more": False}

        monkeypatch.setattr(application, "application", lambda arguments: Answers())

    return answer


def test_what_needs_attention_comes_first_and_the_rest_by_domain(status_of: Any, headgate: Headgate) -> None:
    status_of(mesh_of(300))
    shown = []
    for options in (
        (),
        ("--status", "late", "--status", "held"),
        ("--owner", "team-2", "--status", "waiting"),
        ("--status", "cancelled"),
    ):
        code, text = headgate("status", *options)
        assert code == 0
        shown.append(f"$ headgate {' '.join(('status', *options))}\n{text}")
    expect(FOLDER / "messages" / "status.txt", "\n".join(shown).encode())


def test_a_long_list_says_how_many_it_leaves_out(status_of: Any, headgate: Headgate) -> None:
    status_of([{**each, "status": "ERROR"} for each in mesh_of(60)])
    text = headgate("status")[1]
    assert "and 20 more; `headgate status --status error`" in text
    assert text.count("ERROR") == 40 + 2, "the rows, the heading of the domains and the counts"
    assert headgate("status", "--all")[1].count("domain-0/") == 60


def test_a_short_list_has_every_product_what_needs_attention_first(status_of: Any, headgate: Headgate) -> None:
    status_of(mesh_of(12))
    rows = headgate("status")[1].splitlines()
    assert [row.split()[0] for row in rows[2:14]] == [
        "domain-0/p007",
        *(f"domain-0/p{n:03}" for n in range(12) if n != 7),
    ]


def test_what_cannot_go_on_by_itself_needs_attention_and_what_nobody_could_open_does_not(
    status_of: Any, headgate: Headgate
) -> None:
    unusual: dict[int, dict[str, Any]] = {
        3: {"status": "NOT OPENED", "missed": True, "scheduled_at": "2026-11-20T08:00:00+00:00", "opens_at": "2026-11-20T06:00:00+00:00"},
        5: {"status": "NOT OPENED", "opening_error": "no such calendar"},
        9: {"status": "WAITING", "parked": True},
    }  # fmt: skip
    status_of([{**each, **unusual.get(number, {"status": "COMPLETED"})} for number, each in enumerate(mesh_of(12))])
    rows = [row.split()[0] for row in headgate("status")[1].splitlines()[2:14]]
    assert rows[:4] == ["domain-0/p009", "domain-0/p005", "domain-0/p000", "domain-0/p001"]


def test_a_status_that_does_not_exist_is_refused_with_those_that_do(headgate: Headgate) -> None:
    code, text = headgate("status", "--status", "done")
    assert code == 2
    assert "done: expected one of late, at risk, held, outdated, error, failed, waiting, processing" in text
    assert headgate("status", "--watch", "0")[0] == 2


def test_programs_get_the_selected_products(status_of: Any, headgate: Headgate) -> None:
    status_of(mesh_of(300))
    found = json.loads(headgate("status", "--json", "--status", "not-opened")[1])["products"]
    assert [each["product"] for each in found] == ["domain-1/p150"]


def test_watching_asks_again_until_it_is_interrupted(
    status_of: Any, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    status_of(mesh_of(3))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    code, text = headgate("status", "--watch", "5")
    assert (code, waited, text.count("as of")) == (0, [5, 5, 5], 3)


MESH = """\
--- raw/domain.yaml
owner: ingestion
--- raw/a.yaml
description: A
--- raw/b.yaml
description: B
--- d1/domain.yaml
owner: team-one
--- d1/one.yaml
description: One
depends_on: {all_of: [raw/a, raw/b]}
pipeline: {steps: [{name: a, glue: {job: a}}]}
--- d1/two.yaml
description: Two
depends_on: {all_of: [d1/one]}
pipeline: {steps: [{name: a, glue: {job: b}}]}
--- d2/domain.yaml
owner: team-two
--- d2/three.yaml
description: Three
depends_on: {all_of: [d1/two]}
pipeline: {steps: [{name: a, glue: {job: c}}]}
"""


def test_a_mesh_is_drawn_as_domains(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(MESH)
    assert headgate("graph", "--level", "domain")[1] == (
        "flowchart LR\n"
        '  n0["d1<br/>2 products"]\n  n1["d2<br/>1 product"]\n  n2["raw<br/>2 products"]\n'
        "  n0 -- 1 --> n1\n  n2 -- 2 --> n0\n"
    )
    assert '  "raw" -> "d1" [label="2"];' in headgate("graph", "--level", "domain", "--format", "dot")[1]
    assert json.loads(headgate("graph", "--level", "domain", "--json")[1])["edges"] == [
        {"from": "d1", "to": "d2", "dependencies": 1},
        {"from": "raw", "to": "d1", "dependencies": 2},
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--product", "raw/a"), {"raw/a", "d1/one", "d1/two", "d2/three"}),
        (("--product", "raw/a", "--depth", "1"), {"raw/a", "d1/one"}),
        (("--product", "d1/two", "--depth", "0"), {"d1/two"}),
        (("--domain", "d2"), {"d2/three", "d1/two"}),
        (("--domain", "d2", "--depth", "2"), {"d2/three", "d1/two", "d1/one"}),
    ],
)
def test_a_drawing_goes_as_far_as_it_is_asked_to(
    project: Callable[[str], Path], headgate: Headgate, options: tuple[str, ...], expected: set[str]
) -> None:
    project(MESH)
    assert set(json.loads(headgate("graph", *options, "--json")[1])["products"]) == expected


def test_a_drawing_that_cannot_be_is_refused(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(MESH)
    assert headgate("graph", "--depth", "2") == (
        2, "headgate graph: --depth counts from a product or a domain; name it with --product or --domain\n",
    )  # fmt: skip
    assert headgate("graph", "--domain", "rav") == (2, "headgate graph: rav: no such domain; did you mean raw?\n")
    assert headgate("graph", "--product", "d1/one", "--depth", "-1")[0] == 2


def test_a_mesh_that_is_too_large_for_one_drawing_gets_a_hint(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    many = "".join(
        f"--- d1/p{n}.yaml\ndescription: P\ndepends_on: {{all_of: [raw/a]}}\npipeline: {{steps: [{{name: a, glue: {{job: p{n}}}}}]}}\n"
        for n in range(501)
    )
    project("--- raw/domain.yaml\nowner: i\n--- raw/a.yaml\ndescription: A\n--- d1/domain.yaml\nowner: o\n" + many)
    hint = "501 dependencies are more than Mermaid draws by default (500)"
    assert hint in headgate("graph")[1]
    assert hint not in headgate("graph", "--level", "domain")[1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("headgate why d1/", {"d1/one ", "d1/two "}),
        ("headgate status --domain d", {"d1", "d2"}),
        ("headgate back", {"backfill "}),
        ("headgate graph --level ", {"product", "domain"}),
    ],
)
def test_the_shell_completes_commands_and_products(
    project: Callable[[str], Path], line: str, expected: set[str]
) -> None:
    """As bash asks: the answer comes on descriptor 8."""
    folder = project(MESH)
    read, write = os.pipe()
    command = f"exec 8>&{write} 9>&2; {sys.executable} -c 'from headgate.cli.main import main; main()'"
    variables = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    subprocess.run(["bash", "-c", command], cwd=folder, env={**os.environ, **variables}, pass_fds=[write], check=True)
    os.close(write)
    with os.fdopen(read) as answer:
        assert {each.strip() for each in answer.read().split("\n")} == {each.strip() for each in expected}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(headgate: Headgate, shell: str) -> None:
    code, text = headgate("completion", shell)
    assert code == 0
    assert "headgate" in text


def test_the_stack_in_headgate_toml_is_meant_where_none_is_named(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(MESH)
    called: list[tuple[Any, ...]] = []

    def stack(*names: Any) -> Any:
        called.append(names)
        raise UsageError("reached")

    monkeypatch.setattr(application, "_stack", stack)
    (folder / "headgate.toml").write_text('stack = "mesh"\nregion = "eu-west-1"\n')
    assert headgate("status")[1] == "stack mesh, by headgate.toml\nheadgate status: reached\n"
    headgate("hold", "d1/one", "--profile", "admin")
    headgate("why", "d1/one", "--stack", "other", "--region", "us-east-1")
    assert called == [("mesh", "eu-west-1", None), ("mesh", "eu-west-1", "admin"), ("other", "us-east-1", None)]
    code, text = headgate("status", "--local")
    assert (code, "no application is running on this machine" in text, len(called)) == (2, True, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('stakc = "mesh"\nregion = 3\n', "headgate.toml: `stakc` is not known, expected stack, region, profile; did you mean `stack`?; `region` is 3, expected text that is not empty"),
        ("stack = mesh\n", "headgate.toml: Invalid value (at line 1, column 9); expected TOML, such as `stack = \"headgate\"`"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_headgate_toml_is_named(
    project: Callable[[str], Path], headgate: Headgate, content: str, message: str
) -> None:
    (project(MESH) / "headgate.toml").write_text(content)
    assert headgate("status") == (2, f"headgate status: {message}\n")
