"""A product as a contract."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.availability import rhythm
from headgate.generator.model.contracts import columns_of
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency, Needs, Product

Document = dict[str, Any]

API_VERSION = "v3.1.0"
NO_VERSION = "0.0.0"  # of a product that promises nothing of its content


def contract_of(product: Product, mesh: Mesh) -> Document:
    """The contract as the standard has it. Keys with nothing to say are left out."""
    made: Document = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": product.id,
        "name": product.name,
        "version": product.contract.version if product.contract else NO_VERSION,
        "status": "active",
        "domain": product.domain,
        "description": {"purpose": product.description},
        "team": {"name": product.owner},
        "support": [{"channel": product.email, "tool": "email", "url": f"mailto:{product.email}"}] if product.email else [],
        "servers": [],
        "schema": _schema(product),
        "slaProperties": [*_sla(product)],
        "customProperties": [{"property": key, "value": value} for key, value in _own(product, mesh)],
    }  # fmt: skip
    return {key: value for key, value in made.items() if value}


def _schema(product: Product) -> list[Document]:
    """One object with the columns and the rules of quality, where any are known."""
    types = dict(product.contract.columns) if product.contract else {}
    properties = [
        {"name": name, **({"logicalType": types[name]} if name in types else {})} for name in columns_of(product)
    ]
    quality = [*_quality(product)]
    if not properties and not quality:
        return []
    made: Document = {"name": product.name, "logicalType": "object", "properties": properties, "quality": quality}
    return [{key: value for key, value in made.items() if value}]


def _quality(product: Product) -> Iterator[Document]:
    for step in product.steps():
        checks = step.settings.get("batches", {}).get("checks", {})
        for key, severity in (("reject", "error"), ("warn", "warning")):
            for rule in checks.get(key, ()):
                yield {"type": "custom", "engine": "dqdl", "implementation": rule, "severity": severity}


def _sla(product: Product) -> Iterator[Document]:
    """The standard has no key for a time zone of a time of day; it is the extended value."""
    if product.sla and product.sla.complete_by:
        later = {"description": f"{product.sla.days} days later"} if product.sla.days else {}
        zone = {"valueExt": product.sla_timezone} if product.sla_timezone else {}
        yield {"property": "timeOfAvailability", "value": product.sla.complete_by, **zone, **later}
    elif product.sla and product.sla.after:
        yield {"property": "latency", "value": product.sla.after, "unit": "s", "description": "after the first input"}
    if product.schedule:
        yield {
            "property": "frequency",
            "value": rhythm(product.schedule),
            "valueExt": product.schedule.timezone,
            "scheduler": "cron",
            "schedule": product.schedule.cron,
        }


def _own(product: Product, mesh: Mesh) -> Iterator[tuple[str, Any]]:
    yield "visibility", product.visibility
    upstream = list(mesh.upstream[product.id])
    if upstream:
        yield "dependsOn", upstream
    needs = [_needs(leaf, leaf.needs) for leaf in product.dependencies() if leaf.needs]
    if needs:
        yield "needs", needs


def _needs(leaf: Dependency, needs: Needs) -> Document:
    made: Document = {
        "product": leaf.product,
        "by": needs.by,
        "timezone": needs.timezone,
        "columns": list(needs.columns),
        "version": needs.version,
    }
    return {key: value for key, value in made.items() if value}
