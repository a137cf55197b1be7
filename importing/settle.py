"""What happens to products that the rules of the mesh do not accept: they open on the dates of a slower upstream, or stay external."""

from dataclasses import replace
from typing import Any

from headgate.generator.findings import Finding, pointer_parts
from headgate.generator.model.schedule import cron_of
from headgate.importing.result import Document, Imported, Kind, Note, Product
from headgate.importing.schedules import from_eventbridge

RHYTHM = ("HG204", "HG206")  # an upstream that is refreshed less often than the product opens


def settled(imported: Imported, found: dict[str, list[Finding]]) -> Imported:
    """The same products with what `found` says of some of them, by product, taken into account. Repeated calls come to an end: each takes the
    dates of an upstream once at most for a product, and then makes it external."""
    products, notes = [], list(imported.notes)
    by_id = {each.id: each for each in imported.products}
    for each in imported.products:
        findings = found.get(each.id, [])
        if not findings or _is_caused(each, findings, by_id, found):
            products.append(each)
            continue
        changed, note = _rescheduled(each, findings, by_id) or _external(each, findings)
        notes.append(note)
        products.append(changed)
    return Imported.of(products, notes)


def _is_caused(
    product: Product, findings: list[Finding], by_id: dict[str, Product], found: dict[str, list[Finding]]
) -> bool:
    """Whether an upstream that has findings itself is what is wrong here: it changes first."""
    slower = [_upstream(product, each) for each in findings if each.rule.id in RHYTHM]
    return len(slower) == len(findings) and any(
        each in found and by_id[each].dates_of == "" and "schedule" not in by_id[each].document for each in slower
    )


def _rescheduled(product: Product, findings: list[Finding], by_id: dict[str, Product]) -> tuple[Product, Note] | None:
    """The product opening on the dates of the upstream that is refreshed less often. To accept an older refresh instead would be wrong on the
    other dates: the run would start with yesterday's data as soon as it opens."""
    if product.dates_of or any(each.rule.id not in RHYTHM for each in findings) or "pipeline" not in product.document:
        return None
    upstream = next((by_id[each] for each in (_upstream(product, each) for each in findings) if each in by_id), None)
    slower: Document = upstream.document.get("schedule", {}) if upstream else {}
    if upstream is None or not slower:
        return None
    own: Document = product.document.get("schedule", {})
    schedule = _on_dates_of(own, slower) if own else slower
    document = {key: each for key, each in product.document.items() if key != "schedule"} | {"schedule": schedule}
    text = f"opens on the dates of {upstream.id}, which is refreshed less often than it was opened"
    note = Note(product.id, product.origin, Kind.CHANGED, text)
    return replace(product, document=document, dates_of=upstream.id), note


def _on_dates_of(own: Document, slower: Document) -> Document:
    """The time and the zone of the product with the days of its upstream."""
    time, days = cron_of(own).split()[:2], cron_of(slower).split()[2:]
    schedule = from_eventbridge(" ".join([*time, *days]), own.get("timezone", "UTC"))
    return schedule | ({"date_offset": own["date_offset"]} if "date_offset" in own else {})


def _upstream(product: Product, finding: Finding) -> str:
    """The product that the finding names by its place in the condition."""
    node: Any = product.document
    for part in pointer_parts(finding.pointer):
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
    return str(node.get("product", "") if isinstance(node, dict) else node)


def _external(product: Product, findings: list[Finding]) -> tuple[Product, Note]:
    first = findings[0]
    reason = f"{first.rule.id} {first.rule.title}: {first.found}; expected: {first.expected}"
    if "pipeline" in product.document:
        changed = product.stays_external(reason)
    else:  # an external one has nothing else that could be wrong in the mesh but when it is expected
        changed = replace(product, document={key: each for key, each in product.document.items() if key != "schedule"})
    return changed, Note(product.id, product.origin, Kind.LEFT_OUT, reason)
