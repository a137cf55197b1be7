"""The command line as a user meets it: help, mistakes, drawings, new files."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from headgate.cli.commands import up
from headgate.cli.main import SUMMARIES
from tests.conftest import Headgate

MESH = """\
--- raw/domain.yaml
owner: ingestion
--- raw/rd1.yaml
description: One
--- d1/domain.yaml
owner: team-one
--- d1/ds1.yaml
description: A
depends_on: {any_of: [raw/rd1, {product: raw/rd1, offset: -1, status: [ERROR]}, {product: other/x, account: "111122223333"}]}
pipeline: {steps: [{name: a, glue: {job: a}}]}
--- d1/ds2.yaml
description: B
depends_on: {all_of: [d1/ds1]}
pipeline: {steps: [{name: a, glue: {job: b}}]}
--- d1/ds3.yaml
description: C
depends_on: {all_of: [raw/rd1]}
pipeline: {steps: [{name: a, glue: {job: c}}]}
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "COMMAND"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
        (("validate", "elsewhere"), "elsewhere: no such file or folder"),
        (("generate", "--products", "elsewhere"), "elsewhere: no such folder"),
        (("graph", "--product", "d1/ds11"), "d1/ds11: no such product; did you mean d1/ds1?"),
        (("new", "product", "orders"), "orders: expected DOMAIN/PRODUCT"),
        (("new", "product", "sales/orders"), "sales: no such domain; create it with `headgate new domain sales`"),
        (("new", "product", "d1/ds1"), "products/d1/ds1.yaml exists already; nothing was written"),
        (("new", "product", "d1/Orders"), "Orders: expected a name of lower-case letters"),
        (("new", "product", "d1/template"), "template: this name is reserved by Headgate"),
        (("new", "product", "d1/x", "--depends-on", "d1/nope"), "--depends-on d1/nope: no such product"),
        (("new", "product", "d1/x", "--daily", "6:00"), "--daily 6:00: expected a time of day in the form HH:MM"),
        (("new", "domain", "d1"), "products/d1/domain.yaml exists already; nothing was written"),
        (("why", "d1"), "d1: expected DOMAIN/PRODUCT, such as raw/rd1"),
        (("event", "rd1", "--date", "2026-11-20"), "rd1: expected DOMAIN/PRODUCT, such as raw/rd1"),
        (
            ("plan", "--products", "elsewhere"),
            "elsewhere: no such folder; run the command in the folder of the project",
        ),
        (("generate", "--date", "2026-11-20"), "unrecognized arguments: --date"),
        (("status", "--date", "2026-13-01"), "2026-13-01: expected a date that exists, in the form YYYY-MM-DD"),
        (("status",), "no application is running on this machine: start it with `headgate up`"),
        (
            ("history", "--date", "2026-11-20", "--until", "2026-11-19"),
            "--until 2026-11-19 is before --date 2026-11-20",
        ),
        (("why", "d1/ds1", "--date", "20261120"), "20261120: expected a date that exists"),
        (("hold", "d1"), "d1: expected DOMAIN/PRODUCT"),
        (("release", "d1/ds1", "--date", "today"), "today: expected a date"),
        (("skip", "d1/ds1", "--until", "2026-11-20"), "--until is the end of a range; name its first business date"),
        (("rerun", "d1/ds1", "--until", "2026-11-20"), "--until is the end of a range; name its first business date"),
        (("hold", "d1/ds1", "--date", "2026-11-20", "--until", "2026-11-19"), "--until 2026-11-19 is before"),
        (("backfill", "d1", "--until", "2026-11-20"), "--until is the end of a range; name its first business date"),
        (("backfill", "d1", "--date", "2026-11-20", "--until", "2026-11-19"), "--until 2026-11-19 is before"),
        (("event", "raw/rd1", "--date", "2026-11-20", "--status", "LATE"), "invalid choice: 'LATE'"),
        (("run", "--date", "tomorrow"), "tomorrow: expected a date"),
        (("run", "day.yaml", "--date", "2026-11-20"), "--date is for the default day; a scenario has its own date"),
        (("run",), "has no template.yaml and functions/; run the command in the folder of the project"),
        (("up", "--jobs", "elsewhere"), "--jobs elsewhere: no such folder"),
        (("down", "now"), "unrecognized arguments: now"),
        (("new", "domain", "d9", "--account", "12"), "--account 12: expected an AWS account id of twelve digits"),
    ],
)
def test_mistakes_end_with_a_message_and_code_2(
    project: Callable[[str], Path], headgate: Headgate, arguments: tuple[str, ...], message: str
) -> None:
    project(MESH)

    code, printed = headgate(*arguments)

    assert code == 2
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("command", SUMMARIES)
def test_every_command_explains_its_arguments(headgate: Headgate, command: str) -> None:
    code, printed = headgate(command, "--help")

    assert code == 0
    assert printed.startswith(f"usage: headgate {command}")
    assert SUMMARIES[command][1:60].split(",")[0] in " ".join(printed.split())


def test_without_a_command_every_command_is_listed(headgate: Headgate) -> None:
    code, printed = headgate("--help")

    assert code == 0
    for name, summary in SUMMARIES.items():
        assert f"{name} {summary}" in " ".join(printed.split())
    assert headgate("--version") == (0, f"headgate {version('headgate')}\n")


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("why", "d1/ds1"),
        ("plan", "--products", "elsewhere"),
        ("run",),
        ("hold",),
        ("skip", "d1/ds1", "--date", "tomorrow"),
        ("status", "--unknown"),
    ],
)
def test_a_message_is_json_where_json_is_printed(
    project: Callable[[str], Path], headgate: Headgate, command: tuple[str, ...]
) -> None:
    project(MESH)

    code, printed = headgate(*command, "--json")

    assert code == 2
    assert list(json.loads(printed)) == ["error"]


@pytest.mark.parametrize(
    ("shipped", "folder", "words"),
    [
        (False, False, "every job, function and task of a step succeeds at once; --jobs DIR names scripts"),
        (False, True, "1 of 2 jobs, functions and tasks have a script in {folder}; the others succeed at once"),
        (True, False, "1 of 2 jobs, functions and tasks have a script in their product; the others succeed at once; --jobs DIR names scripts"),
        (True, True, "1 of 2 jobs, functions and tasks have a script in {folder}, 1 in their product"),
    ],
)  # fmt: skip
def test_up_says_what_does_something(tmp_path: Path, shipped: bool, folder: bool, words: str) -> None:
    (tmp_path / "a.py").touch()
    steps = [{"type": "glue", "resource": "a"}, {"type": "glue", "resource": "b", "deployed": shipped}]
    catalog = {"products": {"d/x": {"pipeline": {"steps": steps}}}}
    assert up.what_runs(catalog, tmp_path if folder else None) == words.format(folder=tmp_path)


@pytest.mark.parametrize("command", ["run", "up"])
def test_the_local_runtime_needs_valid_metadata(
    project: Callable[[str], Path], headgate: Headgate, command: str
) -> None:
    root = project(MESH + "--- d1/ds4.yaml\ncolour: blue\n")
    (root / "template.yaml").touch()
    (root / "functions").mkdir()

    code, printed = headgate(command)
    refused = json.loads(headgate(command, "--json")[1])

    assert code == 2
    assert "products/d1/ds4.yaml" in printed
    assert f"headgate {command}: the metadata has errors; nothing was started" in printed
    assert refused["error"] == "the metadata has errors; nothing was started"
    assert {each["file"] for each in refused["findings"]} == {"products/d1/ds4.yaml"}


def test_nothing_is_stopped_where_nothing_runs(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    (root / ".headgate" / "local").mkdir(parents=True)

    assert headgate("down") == (0, "no application was running\n")
    assert headgate("down", "--forget")[0] == 0
    assert not (root / ".headgate" / "local").exists()


def test_what_new_writes_is_valid_as_it_stands(project: Callable[[str], Path], headgate: Headgate) -> None:
    project("")

    for arguments in (
        ("domain", "sales", "--owner", 'Team: "One" # 1', "--account", "111122223333", "--region", "eu-west-1"),
        ("product", "sales/orders"),
        ("product", "sales/returns", "--daily", "05:30", "--description", "Returns: 'all' of them", "--owner", "x: y"),
        ("product", "sales/report", "--depends-on", "sales/orders", "sales/returns", "--job", "report-job"),
    ):
        assert headgate("new", *arguments)[0] == 0

    assert headgate("validate") == (0, "products: 3 products in 1 domain, no errors\n")
    assert headgate("generate")[0] == 0


def test_a_new_domain_of_a_mesh_of_accounts_needs_its_account(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project('--- d1/domain.yaml\nowner: a\naccount: "111122223333"\n--- d2/domain.yaml\nowner: [\n')

    code, printed = headgate("new", "domain", "d3")

    assert code == 2
    assert "products/d1/domain.yaml names its account, so every domain needs one: give it with --account" in printed
    assert not (root / "products/d3").exists()


def test_validate_can_look_at_one_file_or_domain(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    (root / "products/d1/ds2.yaml").write_text("colour: blue\n")
    (root / "products/raw/rd1.yaml").write_text("colour: blue\n")

    assert "1 file" in headgate("validate", "products/d1")[1]
    assert headgate("validate", "products/d1/ds1.yaml")[0] == 0
    assert "2 files" in headgate("validate")[1]
    assert len(json.loads(headgate("validate", "--json")[1])["findings"]) == 4


def test_generate_check_names_what_is_stale(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    assert headgate("generate", "--check")[0] == 1
    headgate("generate")
    assert headgate("generate", "--check")[0] == 0
    (root / "statemachines/d1/ds1.asl.json").write_text("{}")
    (root / "statemachines/d1/gone.asl.json").write_text("{}")
    (root / "statemachines/d1/template.json").unlink()

    code, printed = headgate("generate", "--check")

    assert code == 1
    assert printed.splitlines() == [
        "statemachines/d1/template.json is missing",
        "statemachines/d1/ds1.asl.json is out of date",
        "statemachines/d1/gone.asl.json is left over",
        "statemachines is not what products generates: run `headgate generate` and commit the result",
    ]
    headgate("generate")
    assert headgate("generate", "--check")[0] == 0


def test_an_error_writes_nothing(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    headgate("generate")
    before = (root / "statemachines/catalog/catalog.json").read_bytes()
    (root / "products/d1/ds3.yaml").write_text(
        "description: x\ndepends_on: {all_of: [raw/rd2]}\npipeline: {steps: [{name: a, glue: {job: c}}]}\n"
    )

    code, printed = headgate("generate")

    assert code == 1
    assert printed.endswith("Nothing was written.\n")
    assert (root / "statemachines/catalog/catalog.json").read_bytes() == before


def test_a_lost_or_damaged_cache_costs_time_only(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project(MESH)
    headgate("generate")
    files = list((root / ".headgate/cache-products").iterdir())
    assert len(files) > 6
    for file in files:
        whole = file.read_bytes()
        flipped = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
        for damage in (b"", b"{}", b"[1]", b'{"generator": "x", "values": 3}', whole[:100], flipped):
            file.write_bytes(damage)
            assert headgate("generate", "--check")[0] == 0


MERMAID = """\
flowchart LR
  subgraph d1["d1"]
    n0["ds1"]
    n1["ds2"]
  end
  subgraph other["other"]
    n2(["x"])
  end
  subgraph raw["raw"]
    n3(["rd1"])
  end
  n0 --> n1
  n2 --> n0
  n3 --> n0
  n3 -. ERROR offset -1 .-> n0
  style n0 stroke-width:4px
"""


def test_draws_one_product_with_its_upstream_and_downstream(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(MESH)

    assert headgate("graph", "--product", "d1/ds1") == (0, MERMAID)


def test_draws_everything_for_graphviz_and_for_programs(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(MESH)

    _, dot = headgate("graph", "--format", "dot")
    drawn = json.loads(headgate("graph", "--json")[1])

    assert '  "raw/rd1" -> "d1/ds3";' in dot
    assert dot.count("subgraph") == 3
    assert drawn["products"] == ["d1/ds1", "d1/ds2", "d1/ds3", "other/x", "raw/rd1"]
    assert {"from": "raw/rd1", "to": "d1/ds3"} in drawn["edges"]
