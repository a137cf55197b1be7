"""What the Glue Data Catalog is to say of the tables of products, by the metadata."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from headgate.deployment.glue_tables import MARK, OWNED_BY, Table
from headgate.generator.model.availability import rhythm
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product

NAMESPACE = re.compile(
    r"arn:[a-z-]+:glue:([a-z0-9-]+):([0-9]{12})"
)  # openlineage.io/docs/spec/naming: of a table of Glue
NAME = re.compile(r"table/([^/]+)/([^/]+)")
LONGEST = 512_000  # of a parameter's value


@dataclass
class Wanted:
    """The parameters of each table, and of products whose table is not written why."""

    tables: dict[Table, dict[str, str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def wanted(mesh: Mesh, account: str, region: str) -> Wanted:
    """Of the tables in this account and region."""
    found, users = Wanted(), defaultdict(set)
    for name, upstream in mesh.upstream.items():
        for each in upstream:
            users[each].add(name)
    for name, product in sorted(mesh.products.items()):
        if (named := _table(product, mesh)) is None:
            continue
        table, of_account, of_region = named
        if (of_account or account, of_region or region) != (account, region):
            found.left_out.append(f"{name}: {table} is in account {of_account}{f', {of_region}' if of_region else ''}")
        elif product.signal and product.signal.kind == "table" and "partition" not in product.signal.about:
            found.left_out.append(
                f"{name}: a change of {table} is its signal; name `partition` there, and an update of the table is none"
            )
        elif table in found.tables:
            found.left_out.append(f"{name}: {table} is that of {found.tables[table][OWNED_BY]} already")
        else:
            found.tables[table] = _parameters(product, mesh.upstream[name], users[name])
    return found


def _table(product: Product, mesh: Mesh) -> tuple[Table, str | None, str | None] | None:
    """The table that the product names as its signal, or as its dataset in the form of OpenLineage; the account and the region where these are known."""
    if product.signal and product.signal.kind == "table":
        about = product.signal.about
        return (
            Table(about["database"], about["name"]),
            product.signal.account or mesh.domains[product.domain].account,
            None,
        )
    if product.dataset:
        place, name = NAMESPACE.fullmatch(product.dataset["namespace"]), NAME.fullmatch(product.dataset["name"])
        if place and name:
            return Table(name[1], name[2]), place[2], place[1]
    return None


def _parameters(product: Product, upstream: Iterable[str], users: Iterable[str]) -> dict[str, str]:
    given = {
        "product": product.id,
        "description": product.description,
        "owner": product.owner,
        "email": product.email or "",
        "sla": _sla(product),
        "schedule": f"{rhythm(product.schedule)}; {product.schedule.cron}" if product.schedule else "",
        "depends_on": ",".join(sorted(upstream)),
        "used_by": ",".join(sorted(users)),
        "contract": product.contract.version if product.contract else "",
    }
    return {f"{MARK}{key}": value[:LONGEST] for key, value in given.items() if value}


def _sla(product: Product) -> str:
    if product.sla is None:
        return ""
    if product.sla.complete_by is not None:
        days = f" +{product.sla.days}" if product.sla.days else ""
        return f"{product.sla.complete_by}{days} {product.sla_timezone or ''}".strip()
    return f"{product.sla.after} s after the first input"
