"""`headgate publish`: what the Glue Data Catalog says of products at their tables."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from headgate.deployment.glue_tables import MARK, GlueTables, Table, TableChangedError, Update
from tests.conftest import Headgate

ACCOUNT, REGION = "123456789012", "eu-west-1"
MESH = f"""\
--- sales/domain.yaml
owner: sales-team
email: sales@example.com
account: "{ACCOUNT}"
region: {REGION}
--- sales/orders.yaml
description: Orders
signal:
  table: {{database: sales, name: orders, partition: '(?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})'}}
  date: {{group: date}}
--- sales/revenue.yaml
description: Revenue by day
schedule: {{frequency: daily, time: "05:00", timezone: America/Chicago}}
sla: {{complete_by: "08:00"}}
contract: {{version: "2.1.0"}}
dataset: {{namespace: "arn:aws:glue:{REGION}:{ACCOUNT}", name: table/sales/revenue}}
depends_on: {{all_of: [sales/orders]}}
pipeline: {{steps: [{{name: build, glue: {{job: build}}}}]}}
--- sales/returns.yaml
description: Returns
signal:
  table: {{database: sales, name: returns}}
  date: {{arrival: true}}
--- sales/elsewhere.yaml
description: Elsewhere
dataset: {{namespace: "arn:aws:glue:us-east-1:{ACCOUNT}", name: table/sales/elsewhere}}
"""
REVENUE = {
    "headgate:product": "sales/revenue",
    "headgate:description": "Revenue by day",
    "headgate:owner": "sales-team",
    "headgate:email": "sales@example.com",
    "headgate:sla": "08:00 America/Chicago",
    "headgate:schedule": "daily at 05:00 America/Chicago; 0 5 * * ? *",
    "headgate:depends_on": "sales/orders",
    "headgate:contract": "2.1.0",
}


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A catalog with tables that others look after."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for other tests
    with mock_aws():
        client = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": "sales"})
        for name in ("orders", "revenue", "returns", "old"):
            columns = [{"Name": "id", "Type": "string"}]
            storage = {"Columns": columns, "Location": f"s3://lake/{name}"}
            others = {"table_type": "ICEBERG", "metadata_location": f"s3://lake/{name}/1.json"}
            client.create_table(
                DatabaseName="sales",
                TableInput={
                    "Name": name,
                    "Owner": "spark",
                    "StorageDescriptor": storage,
                    "PartitionKeys": columns,
                    "Parameters": others,
                },
            )
        yield client


def table(glue: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = glue.get_table(DatabaseName="sales", Name=name)["Table"]
    return found


def marks(glue: Any, name: str) -> dict[str, str]:
    return {key: value for key, value in table(glue, name)["Parameters"].items() if key.startswith(MARK)}


def test_a_table_says_which_product_it_is_and_keeps_what_others_wrote(
    glue: Any, project: Callable[[str], Path], headgate: Headgate
) -> None:
    project(MESH)
    before = table(glue, "revenue")
    assert headgate("publish", "--dry-run") == (0, f"""\
account {ACCOUNT}, {REGION}
  sales.orders: sales/orders, 5 parameters
  sales.revenue: sales/revenue, 8 parameters
  left out: sales/elsewhere: sales.elsewhere is in account {ACCOUNT}, us-east-1
  left out: sales/returns: a change of sales.returns is its signal; name `partition` there, and an update of the table is none
""")  # fmt: skip
    assert (headgate("publish")[0], marks(glue, "revenue")) == (3, {}), "nobody has confirmed it"

    assert headgate("publish", "--yes")[0] == 0
    after = table(glue, "revenue")
    assert marks(glue, "revenue") == REVENUE
    assert marks(glue, "orders")["headgate:used_by"] == "sales/revenue"
    kept = ("StorageDescriptor", "PartitionKeys", "Owner")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert before["Parameters"].items() <= after["Parameters"].items()
    assert marks(glue, "returns") == {}, "writing to it would be a refresh of the product"

    code, printed = headgate("publish", "--yes", "--json")
    answer = json.loads(printed)
    assert (code, answer["applied"], [each["action"] for each in answer["tables"]]) == (0, False, ["same", "same"])


def test_a_table_that_no_product_names_any_more_says_nothing_of_it(
    glue: Any, project: Callable[[str], Path], headgate: Headgate
) -> None:
    folder = project(MESH)
    headgate("publish", "--yes")
    tables = GlueTables(glue)
    tables.apply(Update(Table("sales", "old"), "other/product", "set", {"headgate:product": "other/product"}))
    revenue = folder / "products/sales/revenue.yaml"
    revenue.write_text(revenue.read_text().replace("table/sales/revenue", "table/sales/renamed"))

    code, printed = headgate("publish", "--yes")
    assert (code, "  sales.renamed: there is no such table; sales/revenue names it" in printed) == (1, True), printed
    assert "  sales.revenue: no table of sales/revenue any more; the parameters go" in printed
    assert table(glue, "revenue")["Parameters"] == {
        "table_type": "ICEBERG",
        "metadata_location": "s3://lake/revenue/1.json",
    }
    assert marks(glue, "old") == {"headgate:product": "other/product"}, "of a domain of another project"


class Busy:
    """A table that others change as often as it is read."""

    def __init__(self, times: int) -> None:
        self.versions: list[str] = []
        self.times, self.meta = times, boto3.client("glue", region_name=REGION).meta
        self.written: dict[str, Any] = {}

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        version = str(len(self.versions))
        return {
            "Table": {
                "Name": Name,
                "VersionId": version,
                "CatalogId": "1",
                "CreatedBy": "x",
                "Parameters": {"at": version},
            }
        }

    def update_table(self, VersionId: str, **given: Any) -> None:  # noqa: N803
        self.versions.append(VersionId)
        if len(self.versions) <= self.times:
            raise ClientError(
                {"Error": {"Code": "ConcurrentModificationException", "Message": "changed"}}, "UpdateTable"
            )
        self.written = given


def test_a_change_of_others_meanwhile_is_not_lost() -> None:
    busy = Busy(times=2)
    GlueTables(busy).apply(
        Update(Table("sales", "revenue"), "sales/revenue", "set", {"headgate:product": "sales/revenue"})
    )
    assert busy.versions == ["0", "1", "2"]
    parameters = {"at": "2", "headgate:product": "sales/revenue"}
    assert busy.written["TableInput"] == {"Name": "revenue", "Parameters": parameters}, (
        "what only Glue may write is left out"
    )
    assert busy.written["SkipArchive"]
    with pytest.raises(TableChangedError, match=r"sales\.revenue was changed by others 5 times meanwhile"):
        GlueTables(Busy(times=9)).apply(Update(Table("sales", "revenue"), "sales/revenue", "set", {}))
