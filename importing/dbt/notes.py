"""What of a dbt project is in no product, or means something else in one."""

from collections.abc import Iterator

from headgate.importing.dbt.manifest import Manifest, config, named, tags
from headgate.importing.result import Kind, Note


def notes(manifest: Manifest, where: dict[str, str], scheduled: bool) -> Iterator[Note]:
    """`where` is the product of each node that is imported."""
    yield from _tests(manifest, where)
    yield from _exposures(manifest, where)
    whole = f"project {manifest.project}"
    if not scheduled:
        yield Note(
            "", whole, Kind.TO_DO, "dbt has no schedule: --schedule says when the products at the beginning open"
        )
    for each in manifest.operations.values():
        text = "is run by every call of dbt, so now once for each product that is built"
        yield Note("", f"hook {each['name']}", Kind.CHANGED, text)
    for each in manifest.saved_queries.values():
        yield Note("", f"saved query {each.get('name')}", Kind.LEFT_OUT, "its exports are run by no product")
    if manifest.disabled:
        yield Note("", whole, Kind.LEFT_OUT, f"nodes that are disabled in dbt: {manifest.disabled}")
    for key, product in where.items():
        node = manifest.nodes[key]
        after = (config(node).get("freshness") or {}).get("build_after")
        if after:
            every = f"{after.get('count')} {after.get('period')}"
            text = f"build_after {every}: it is built whenever its product runs"
            yield Note(product, f"{node['resource_type']} {node['name']}", Kind.CHANGED, text)
        if len(tags(node)) > 1 and product.endswith(f"/{tags(node)[0]}"):
            text = f"has the tags {', '.join(tags(node))}: it is built with the first"
            yield Note(product, f"{node['resource_type']} {node['name']}", Kind.CHANGED, text)


def _tests(manifest: Manifest, where: dict[str, str]) -> Iterator[Note]:
    """Tests that no product runs: `--indirect-selection buildable` runs a test with a product if all of its nodes are in the product, or before it."""
    before: dict[str, set[str]] = {}

    def ancestors(key: str) -> set[str]:
        if key not in before:
            before[key] = set()
            found = {each for each in manifest.parents[key] if each in manifest.nodes or each in manifest.sources}
            before[key] = found.union(*(ancestors(each) for each in found if each in manifest.nodes))
        return before[key]

    reached: dict[str, set[str]] = {}  # by product: its nodes, and all before them
    for key, product in where.items():
        reached.setdefault(product, set()).update({key}, ancestors(key))
    for test in manifest.tests.values():
        tested = set(named(test)) & (manifest.nodes.keys() | manifest.sources.keys())
        known = {each for each in tested if each in where}
        products = {where[each] for each in known}
        runs = any(tested <= reached[product] for product in products)
        if not runs and known and any(each not in where and each in manifest.nodes for each in tested):
            yield Note("", f"test {test['name']}", Kind.LEFT_OUT, "tests nodes of which some were not selected")
        elif not runs and known:
            text = f"needs {', '.join(sorted(products))} at once, and none of them waits for the others: run it by a product that does"
            yield Note("", f"test {test['name']}", Kind.LEFT_OUT, text)
        elif not known and tested and tested <= manifest.sources.keys():
            yield Note(
                "",
                f"test {test['name']}",
                Kind.LEFT_OUT,
                "tests a source, which no product builds: check the data where it is loaded",
            )


def _exposures(manifest: Manifest, where: dict[str, str]) -> Iterator[Note]:
    for each in manifest.exposures.values():
        products = sorted({where[key] for key in manifest.parents_of(each) if key in where})
        owner = (each.get("owner") or {}).get("name") or (each.get("owner") or {}).get("email") or "nobody named"
        used = f"uses {', '.join(products)}" if products else "uses nothing that was imported"
        text = f"{each.get('type', 'exposure')} of {owner}, {used}: it is no product, since nothing is built; state in `sla` of these when it needs them"
        yield Note("", f"exposure {each.get('name')}", Kind.LEFT_OUT, text)
