"""`headgate validate`: every finding about the metadata, all at once."""

import argparse
from pathlib import Path

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.formatting import plural
from headgate.cli.progress import Progress
from headgate.cli.project import open_project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path("products"),
        metavar="PATH",
        help="a products folder, or one domain or file in it (default: products)",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.path
    root = _root(path)
    with Progress(arguments.json) as progress:
        project = open_project(root, progress)
        every = project.findings
    findings = [each for each in every if path == root or path == each.file or path in each.file.parents]
    project.cache.save()
    failed = any(each.is_error or arguments.strict for each in findings)
    if arguments.json:
        terminal.print_json({"findings": as_json(findings), "products": project.products})
        return FINDINGS if failed else FINE
    print_findings(findings)
    if not failed:
        count = f"{plural(project.products, 'product')} in {plural(project.domains, 'domain')}"
        terminal.line(f"{path}: {count}, no errors")
    return FINDINGS if failed else FINE


def _root(path: Path) -> Path:
    """The products folder that `path` is or is in: it holds the domains, and a domain holds domain.yaml."""
    if path.is_file():
        return path.parent.parent
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder")
    return path.parent if (path / "domain.yaml").exists() else path
