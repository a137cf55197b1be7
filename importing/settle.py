"""What happens to products that the rules of the mesh do not accept: the condition is loosened, or the product stays external."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from headgate.generator.findings import Finding, pointer_parts
from headgate.generator.model.cron import parse
from headgate.generator.model.schedule import HORIZON_DAYS, HORIZON_START, cron_of
from headgate.importing.result import Document, Imported, Kind, Note, Product

RHYTHM = ("HG204", "HG206")  # an upstream that is refreshed less often than the product opens


def settled(imported: Imported, found: dict[str, list[Finding]]) -> Imported:
    """The same products with what `found` says of some of them, by product, taken into account. Each call removes the cause of one finding a
    product at least, so that repeated calls come to an end."""
    products, notes = [], list(imported.notes)
    by_id = {each.id: each for each in imported.products}
    for each in imported.products:
        findings = found.get(each.id, [])
        changed = each
        if findings:
            changed, note = _loosened(each, findings, by_id) or _external(each, findings)
            notes.append(note)
        products.append(changed)
    return Imported.of(products, notes)


def _loosened(product: Product, findings: list[Finding], by_id: dict[str, Product]) -> tuple[Product, Note] | None:
    """With `max_age` at the dependencies that the rules name."""
    if any(each.rule.id not in RHYTHM for each in findings) or "pipeline" not in product.document:
        return None
    condition = product.document["depends_on"]
    named = []
    for each in findings:
        condition, upstream = _with_max_age(condition, pointer_parts(each.pointer)[1:], by_id)
        if upstream is None:
            return None
        named.append(upstream)
    text = f"accepts the latest refresh of {', '.join(sorted(set(named)))}, which is refreshed less often, instead of one for the same business date"
    note = Note(product.id, product.origin, Kind.CHANGED, text)
    return replace(product, document={**product.document, "depends_on": condition}), note


def _with_max_age(node: Any, path: list[str], by_id: dict[str, Product]) -> tuple[Any, str | None]:
    """The condition with the leaf at `path` loosened, and the upstream of that leaf; None if there is no such leaf, or it is loose."""
    if path and isinstance(node, dict) and path[0] in node:
        inner, upstream = _with_max_age(node[path[0]], path[1:], by_id)
        return {**node, path[0]: inner}, upstream
    if path and isinstance(node, list) and path[0].isdigit() and int(path[0]) < len(node):
        at = int(path[0])
        inner, upstream = _with_max_age(node[at], path[1:], by_id)
        return [*node[:at], inner, *node[at + 1 :]], upstream
    leaf = {"product": node} if isinstance(node, str) else node
    if not isinstance(leaf, dict) or "product" not in leaf or "max_age" in leaf:
        return node, None
    return {**leaf, "max_age": _longest_gap(by_id.get(leaf["product"]))}, leaf["product"]


def _longest_gap(upstream: Product | None) -> str:
    """A day more than the longest time between two refreshes."""
    schedule: Document = upstream.document.get("schedule", {}) if upstream else {}
    if not schedule:
        return "8d"
    cron, longest = parse(cron_of(schedule)), timedelta()
    last: date | None = None
    for number in range(HORIZON_DAYS):
        at = HORIZON_START + timedelta(days=number)
        if cron.fires_on(at):
            longest = max(longest, at - last) if last else longest
            last = at
    return f"{max(longest.days, 1) + 1}d"


def _external(product: Product, findings: list[Finding]) -> tuple[Product, Note]:
    first = findings[0]
    reason = f"{first.rule.id} {first.rule.title}: {first.found}; expected: {first.expected}"
    if "pipeline" in product.document:
        changed = product.stays_external(reason)
    else:  # an external one has nothing else that could be wrong in the mesh but when it is expected
        changed = replace(product, document={key: each for key, each in product.document.items() if key != "schedule"})
    return changed, Note(product.id, product.origin, Kind.LEFT_OUT, reason)
