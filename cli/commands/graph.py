"""`headgate graph`: the mesh as a drawing."""

import argparse
import difflib

from headgate.cli import report
from headgate.cli.project import FINE, UsageError, add_folders, open_project
from headgate.generator import graph


def add(parser: argparse.ArgumentParser) -> None:
    add_folders(parser)
    parser.add_argument(
        "--product", metavar="DOMAIN/PRODUCT", help="only this product, its upstream and its downstream"
    )
    parser.add_argument("--format", choices=("mermaid", "dot"), default="mermaid", help="default: mermaid")
    parser.add_argument("--json", action="store_true", help="products and edges as JSON")


def run(arguments: argparse.Namespace) -> int:
    project = open_project(arguments.products)
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
        report.print_json({"products": sorted(chosen), "edges": edges})
    else:
        draw = graph.mermaid if arguments.format == "mermaid" else graph.dot
        print(draw(mesh, chosen, focus), end="")
    return FINE
