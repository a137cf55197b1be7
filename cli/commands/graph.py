"""`headgate graph`: the mesh as a drawing."""

import argparse
import difflib

from headgate.cli import terminal
from headgate.cli.arguments import add_products
from headgate.cli.errors import FINE, UsageError
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.generator import graph


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    parser.add_argument(
        "--product", metavar="DOMAIN/PRODUCT", help="only this product with its upstream and downstream"
    )
    parser.add_argument("--format", choices=("mermaid", "dot"), default="mermaid", help="default: mermaid")
    parser.add_argument("--json", action="store_true", help="print products and edges as JSON")


def run(arguments: argparse.Namespace) -> int:
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        mesh, focus = project.loaded.mesh, arguments.product
    project.cache.save()
    everything = graph.selection(mesh, None)
    if focus is not None and focus not in everything:
        near = difflib.get_close_matches(focus, sorted(everything), n=1)
        raise UsageError(f"{focus}: no such product" + (f"; did you mean {near[0]}?" if near else ""))
    chosen = graph.selection(mesh, focus)
    if arguments.json:
        edges = [
            {"from": key, "to": name}
            for name in sorted(chosen & mesh.products.keys())
            for key in mesh.upstream[name]
            if key in chosen
        ]
        terminal.print_json({"products": sorted(chosen), "edges": edges})
    else:
        draw = graph.mermaid if arguments.format == "mermaid" else graph.dot
        print(draw(mesh, chosen, focus), end="")
    return FINE
