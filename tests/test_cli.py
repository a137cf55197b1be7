"""What a person meets at the command line: help, mistakes, drawings, new files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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
        (("new", "product", "orders"), "orders: a product is named DOMAIN/PRODUCT"),
        (("new", "product", "sales/orders"), "sales: no such domain; `headgate new domain sales` makes it"),
        (("new", "product", "d1/ds1"), "products/d1/ds1.yaml is there already; nothing was written"),
        (("new", "product", "d1/Orders"), "Orders: a name has lower-case letters"),
        (("new", "product", "d1/template"), "template: Headgate uses this name itself"),
        (("new", "product", "d1/x", "--depends-on", "d1/nope"), "--depends-on d1/nope: no such product"),
        (("new", "product", "d1/x", "--daily", "6:00"), "--daily 6:00: a time of day is written HH:MM"),
        (("new", "domain", "d1"), "products/d1/domain.yaml is there already; nothing was written"),
        (("why", "d1"), "d1: a product is named DOMAIN/PRODUCT, such as raw/rd1"),
        (("event", "rd1", "--date", "2026-11-20"), "rd1: a product is named DOMAIN/PRODUCT, such as raw/rd1"),
        (("new", "domain", "d9", "--account", "12"), "--account 12: an AWS account id has twelve digits"),
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
    assert "products/d1/domain.yaml names its account, so every domain has to: --account" in printed
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
