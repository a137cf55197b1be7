"""Products as contracts of the Open Data Contract Standard: what is exported keeps the published schema, and what is imported is metadata that `validate` accepts."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from tests.conftest import Headgate
from tests.golden import FOLDER, expect
from tests.local_application import ROOT

SCHEMA = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8"))
MESH = """\
--- raw/domain.yaml
owner: ingestion
email: ingestion@example.com
--- raw/buckets.yaml
landing: {name: "acme-landing-{account}", create: true}
--- raw/positions.yaml
description: Positions as the custodian sends them
schedule: {frequency: weekdays, time: "05:00", timezone: America/Chicago}
sla: {complete_by: "07:00"}
contract: {version: "2.1.0", columns: {account: string, quantity: integer}}
files:
  bucket: landing
  pattern: '(?P<date>\\d{8})\\.csv'
  date: {group: date}
  complete: {count: 1}
pipeline:
  steps:
    - {name: load, glue: {job: load, batches: {columns: {expected: [account, quantity]}, checks: {reject: [RowCount > 0], warn: ['IsComplete "account"']}}}}
--- d1/domain.yaml
owner: team-one
--- d1/exposure.yaml
description: Exposure
depends_on:
  all_of:
    - {product: raw/positions, needs: {by: "08:00", timezone: America/Chicago, columns: [account], version: "^2"}}
sla: {after: 2h}
publish: {visibility: domain}
pipeline: {steps: [{name: build, glue: {job: build}}]}
"""


def exported(folder: Path) -> dict[str, Any]:
    return {
        path.relative_to(folder).as_posix(): yaml.safe_load(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.yaml"))
    }


def test_contracts_are_written_as_the_standard_has_them(project: Callable[[str], Path], headgate: Headgate) -> None:
    folder = project(MESH)

    assert headgate("contract", "export") == (0, "contracts: 2 contracts\n")
    written = exported(folder / "contracts")
    assert list(written) == ["d1/exposure.odcs.yaml", "raw/positions.odcs.yaml"]
    for contract in written.values():
        assert not [error.message for error in Draft201909Validator(SCHEMA).iter_errors(contract)]
    texts = [(folder / "contracts" / name).read_text("utf-8") for name in written]
    expect(FOLDER / "messages" / "contracts.txt", "---\n".join(texts).encode())


def test_the_contracts_of_the_samples_keep_the_schema(headgate: Headgate, tmp_path: Path) -> None:
    code, printed = headgate("contract", "export", "--json", "--products", str(ROOT / "products"))

    contracts = json.loads(printed)
    assert code == 0
    assert "d1/ds4" in contracts
    for contract in contracts.values():
        assert not [error.message for error in Draft201909Validator(SCHEMA).iter_errors(contract)]


def test_a_contract_makes_the_product_that_it_was_made_of(project: Callable[[str], Path], headgate: Headgate) -> None:
    folder = project(MESH)
    headgate("contract", "export", "raw/positions")
    contract = folder / "contracts" / "raw" / "positions.odcs.yaml"

    assert headgate("contract", "import", str(contract))[1].splitlines()[0] == (
        "products/raw/positions.yaml: changed: owner, email, sla, publish"
    ), "what the domain gives is written out, and nothing else changes"
    made = yaml.safe_load((folder / "products" / "raw" / "positions.yaml").read_text("utf-8"))
    assert made["contract"] == {"version": "2.1.0", "columns": {"account": "string", "quantity": "integer"}}
    assert made["pipeline"], "what a contract does not speak of stays"
    assert headgate("contract", "import", str(contract))[1].splitlines()[0] == "products/raw/positions.yaml: nothing to change"  # fmt: skip
    assert "no errors" in headgate("validate")[1]


CONTRACT = """\
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: Customer Orders
version: "1.4"
status: active
domain: shop
description: {purpose: Orders of customers, usage: reports}
price: {priceAmount: 9.95}
team: {name: shop-team, members: [{username: ann}]}
support: [{channel: "#shop", tool: slack}, {channel: help, url: "mailto:shop@example.com"}]
schema:
  - name: orders
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: shape, logicalType: vector}
slaProperties:
  - {property: timeOfAvailability, value: "06:30", valueExt: Europe/Berlin}
  - {property: retention, value: 3, unit: y}
"""


def test_a_contract_of_others_makes_a_product_and_says_what_it_leaves_out(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    folder = project("--- shop/domain.yaml\nowner: shop\n")
    (folder / "orders.odcs.yaml").write_text(CONTRACT)

    assert headgate("contract", "import", "orders.odcs.yaml") == (
        0,
        "products/shop/customer-orders.yaml: made: description, owner, email, sla, contract\n"
        "Not carried over:\n"
        "  price: metadata has no such key\n"
        "  team/members: the owner is the team\n"
        "  support/0: name the channel under `notify`, if alerts are to go there\n"
        "  slaProperties/1: retention 3\n"
        "  schema/0/properties/0: primaryKey\n"
        "  schema/0/properties/1: the type vector is not known here; `object` stands for it\n"
        "Check it with `headgate validate`.\n",
    )
    assert (folder / "products" / "shop" / "customer-orders.yaml").read_text("utf-8") == (
        "description: Orders of customers\nowner: shop-team\nemail: shop@example.com\n"
        "sla:\n  complete_by: 06:30\n  timezone: Europe/Berlin\n"
        "contract:\n  version: 1.4.0\n  columns:\n    id: integer\n    shape: object\n"
    )
    assert "no errors" in headgate("validate")[1]


def test_comments_and_other_keys_of_the_metadata_stay(project: Callable[[str], Path], headgate: Headgate) -> None:
    before = "# ours\ndescription: Old\nowner: shop-team\nemail: shop@example.com\nnotify:\n- on: [LATE]\n  to: owner\n# the end\n"
    folder = project("--- shop/domain.yaml\nowner: shop\n")
    file = folder / "products" / "shop" / "customer-orders.yaml"
    file.write_text(before)
    (folder / "orders.odcs.yaml").write_text(CONTRACT)

    assert "would change: description, sla, contract" in headgate("contract", "import", "orders.odcs.yaml", "--dry-run")[1]  # fmt: skip
    assert file.read_text("utf-8") == before
    assert "changed: description, sla, contract" in headgate("contract", "import", "orders.odcs.yaml")[1]
    after = file.read_text("utf-8")
    assert after.startswith("# ours\ndescription: Orders of customers\nowner: shop-team\n")
    assert "- on: [LATE]\n  to: owner\n# the end\nsla:\n" in after


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "missing.yaml"), "missing.yaml: No such file or directory"),
        (("import", "products/shop/domain.yaml"), "products/shop/domain.yaml: no contract: expected a mapping with `kind: DataContract`"),
        (("import", "old.yaml"), "old.yaml: apiVersion: found v2.2.0, expected a version 3 of the standard such as v3.1.0"),
        (("import", "nowhere.yaml"), "nowhere.yaml: domain: found nothing, expected the domain to which the product belongs"),
        (("import", "other.yaml"), "other: no such domain; create it with `headgate new domain other`"),
        (("export", "shop/x"), "shop/x: no such product under products"),
    ],
)  # fmt: skip
def test_mistakes_end_with_a_message(
    project: Callable[[str], Path], headgate: Headgate, arguments: tuple[str, ...], message: str
) -> None:
    folder = project("--- shop/domain.yaml\nowner: shop\n")
    (folder / "old.yaml").write_text(CONTRACT.replace("v3.0.2", "v2.2.0"))
    (folder / "nowhere.yaml").write_text(CONTRACT.replace("domain: shop\n", ""))
    (folder / "other.yaml").write_text(CONTRACT.replace("domain: shop\n", "domain: other\n"))

    code, printed = headgate("contract", *arguments)

    assert code == 2
    assert message in printed
