"""Draws the mesh, for Mermaid (https://mermaid.js.org) and Graphviz (https://graphviz.org)."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Dependency

Edge = tuple[str, str, str]


def selection(mesh: Mesh, focus: Collection[str] = (), depth: int | None = None) -> set[str]:
    """All products and those they name; with `focus` only those products and what is upstream and downstream of them, at most `depth`
    steps away."""
    if not focus:
        return {*mesh.names}
    return {*focus, *mesh.reach(focus, mesh.upstream, depth), *mesh.reach(focus, mesh.downstream, depth)}


def domain_edges(mesh: Mesh, chosen: set[str]) -> list[tuple[str, str, int]]:
    """Of the chosen products: (domain, domain that depends on it, how many dependencies), without those inside a domain."""
    found = Counter((upstream.split("/")[0], name.split("/")[0]) for upstream, name, _ in _edges(mesh, chosen))
    return sorted((*pair, count) for pair, count in found.items() if pair[0] != pair[1])


def mermaid_domains(mesh: Mesh, chosen: set[str]) -> str:
    """A Mermaid flowchart of domains, with how many products they have and how many dependencies join them."""
    members = _by_domain(chosen)
    ids = {domain: f"n{index}" for index, (domain, _) in enumerate(members)}
    lines = [f'  {ids[domain]}["{domain}<br/>{_count(products)}"]' for domain, products in members]
    lines += [f"  {ids[one]} -- {count} --> {ids[other]}" for one, other, count in domain_edges(mesh, chosen)]
    return "\n".join(["flowchart LR", *lines]) + "\n"


def dot_domains(mesh: Mesh, chosen: set[str]) -> str:
    """A Graphviz digraph of domains, as `mermaid_domains`."""
    lines = [f'  "{domain}" [label="{domain}\\n{_count(products)}"];' for domain, products in _by_domain(chosen)]
    lines += [f'  "{one}" -> "{other}" [label="{count}"];' for one, other, count in domain_edges(mesh, chosen)]
    return "\n".join(["digraph headgate {", "  rankdir=LR;", "  node [shape=box];", *lines, "}"]) + "\n"


def _count(products: Sequence[str]) -> str:
    return f"{len(products):,} product" + ("" if len(products) == 1 else "s")


def mermaid(mesh: Mesh, chosen: set[str], focus: str | None = None) -> str:
    """A Mermaid flowchart: one subgraph a domain, rounded boxes for what is refreshed elsewhere."""
    ids = {key: f"n{index}" for index, key in enumerate(sorted(chosen))}
    lines = ["flowchart LR"]
    for domain, members in _by_domain(chosen):
        lines.append(f'  subgraph {domain}["{domain}"]')
        for key in members:
            name = key.split("/")[1]
            lines.append(f'    {ids[key]}["{name}"]' if _has_machine(mesh, key) else f'    {ids[key]}(["{name}"])')
        lines.append("  end")
    for number, (bucket, keys) in enumerate(_landing(mesh, chosen).items()):
        lines.append(f'  b{number}[("{bucket}")]')
        lines += [f"  b{number} --> {ids[key]}" for key in keys]
    for upstream, downstream, label in _edges(mesh, chosen):
        arrow = f"-. {label} .->" if label else "-->"
        lines.append(f"  {ids[upstream]} {arrow} {ids[downstream]}")
    if focus in ids:
        lines.append(f"  style {ids[focus]} stroke-width:4px")
    return "\n".join(lines) + "\n"


def dot(mesh: Mesh, chosen: set[str], focus: str | None = None) -> str:
    """A Graphviz digraph: one cluster a domain, rounded boxes for what is refreshed elsewhere."""
    lines = ["digraph headgate {", "  rankdir=LR;", "  node [shape=box];"]
    for domain, members in _by_domain(chosen):
        lines += [f'  subgraph "cluster_{domain}" {{', f'    label="{domain}";']
        for key in members:
            style = "" if _has_machine(mesh, key) else ", style=rounded"
            pen = ", penwidth=3" if key == focus else ""
            lines.append(f'    "{key}" [label="{key.split("/")[1]}"{style}{pen}];')
        lines.append("  }")
    for bucket, keys in _landing(mesh, chosen).items():
        lines.append(f'  "{bucket}" [shape=cylinder];')
        lines += [f'  "{bucket}" -> "{key}";' for key in keys]
    for upstream, downstream, label in _edges(mesh, chosen):
        lines.append(f'  "{upstream}" -> "{downstream}"' + (f' [label="{label}", style=dashed];' if label else ";"))
    return "\n".join([*lines, "}"]) + "\n"


def _landing(mesh: Mesh, chosen: set[str]) -> dict[str, list[str]]:
    """The buckets in which files of the chosen products land, by their names in S3, with these products."""
    found: dict[str, list[str]] = {}
    for key in sorted(chosen & mesh.products.keys()):
        if bucket := mesh.bucket_of(mesh.products[key]):
            found.setdefault(bucket.name, []).append(key)
    return dict(sorted(found.items()))


def _has_machine(mesh: Mesh, key: str) -> bool:
    return key in mesh.products and mesh.products[key].pipeline is not None


def _by_domain(chosen: Iterable[str]) -> list[tuple[str, list[str]]]:
    domains: dict[str, list[str]] = {}
    for key in sorted(chosen):
        domains.setdefault(key.split("/")[0], []).append(key)
    return list(domains.items())


def _edges(mesh: Mesh, chosen: set[str]) -> list[Edge]:
    found = set()
    for key in chosen & mesh.products.keys():
        for leaf in mesh.products[key].dependencies():
            if leaf.product in chosen:
                found.add((leaf.product, key, _label(leaf)))
    return sorted(found)


def _label(leaf: Dependency) -> str:
    parts = ["/".join(leaf.statuses)] if leaf.statuses != ("COMPLETED",) else []
    parts += [f"offset {leaf.offset}"] if leaf.offset else []
    parts += ["latest"] if leaf.max_age else []
    parts += [leaf.cycle] if leaf.cycle != "last" else []
    return " ".join(parts)
