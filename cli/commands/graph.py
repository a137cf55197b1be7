"""`headgate graph`: the mesh as a drawing."""

import argparse
import difflib
import sys
from typing import Any

from headgate.cli import terminal
from headgate.cli.arguments import add_products, whole_number
from headgate.cli.errors import FINE, UsageError
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.generator import graph
from headgate.generator.model.mesh import Mesh

# Mermaid draws at most 500 edges unless it is configured (https://mermaid.js.org/config/schema-docs/config.html, maxEdges).
MANY = 500
DRAWINGS = {
    ("mermaid", "product"): graph.mermaid,
    ("mermaid", "domain"): graph.mermaid_domains,
    ("dot", "product"): graph.dot,
    ("dot", "domain"): graph.dot_domains,
}


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--product", metavar="DOMAIN/PRODUCT", help="only this product with its upstream and downstream"
    )
    chosen.add_argument("--domain", metavar="NAME", help="only the products of this domain with their neighbours")
    parser.add_argument(
        "--depth",
        type=whole_number("a number of steps, such as 2"),
        metavar="N",
        help="at most so many steps away (default: 1 with --domain, else all)",
    )
    parser.add_argument(
        "--level", choices=("product", "domain"), default="product", help="what a box stands for (default: product)"
    )
    parser.add_argument("--format", choices=("mermaid", "dot"), default="mermaid", help="default: mermaid")
    parser.add_argument("--json", action="store_true", help="print products or domains, and edges, as JSON")


def run(arguments: argparse.Namespace) -> int:
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        mesh = project.loaded.mesh
    project.cache.save()
    depth = 1 if arguments.domain and arguments.depth is None else arguments.depth
    if depth is not None and not (arguments.domain or arguments.product):
        raise UsageError("--depth counts from a product or a domain; name it with --product or --domain")
    chosen = graph.selection(mesh, _focus(arguments, mesh), depth)
    if arguments.json:
        terminal.print_json(_data(mesh, chosen, arguments.level))
        return FINE
    if arguments.level == "product" and (edges := len(_edges(mesh, chosen))) > MANY:
        terminal.line(
            f"{edges:,} dependencies are more than Mermaid draws by default ({MANY}); `--level domain`, or `--domain` and "
            "`--product` with `--depth`, draw less",
            stream=sys.stderr,
        )  # fmt: skip
    draw: Any = DRAWINGS[arguments.format, arguments.level]
    print(draw(mesh, chosen, *([arguments.product] if arguments.level == "product" else [])), end="")
    return FINE


def _focus(arguments: argparse.Namespace, mesh: Mesh) -> list[str]:
    """The products that the drawing is about; none where it is about all. Raises `UsageError`."""
    everything = sorted(mesh.names)
    if arguments.product is not None:
        _require(arguments.product, everything, "product")
        return [arguments.product]
    if arguments.domain is not None:
        _require(arguments.domain, sorted({each.split("/")[0] for each in everything}), "domain")
        return [each for each in everything if each.split("/")[0] == arguments.domain]
    return []


def _require(name: str, known: list[str], kind: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(f"{name}: no such {kind}" + (f"; did you mean {near[0]}?" if near else ""))


def _data(mesh: Mesh, chosen: set[str], level: str) -> dict[str, Any]:
    if level == "domain":
        edges = [
            {"from": one, "to": other, "dependencies": count} for one, other, count in graph.domain_edges(mesh, chosen)
        ]
        return {"domains": sorted({each.split("/")[0] for each in chosen}), "edges": edges}
    return {"products": sorted(chosen), "edges": [{"from": one, "to": other} for one, other in _edges(mesh, chosen)]}


def _edges(mesh: Mesh, chosen: set[str]) -> list[tuple[str, str]]:
    """The chosen products that the chosen ones depend on, each with the one that does."""
    return [
        (key, name) for name in sorted(chosen & mesh.products.keys()) for key in mesh.upstream[name] if key in chosen
    ]
