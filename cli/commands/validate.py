"""`headgate validate`: everything that is wrong with the metadata, all at once."""

import argparse
from pathlib import Path

from headgate.cli import report
from headgate.cli.project import FINDINGS, FINE, UsageError, open_project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path("products"),
        metavar="PATH",
        help="a products folder, or one domain or file in it (default: products)",
    )
    parser.add_argument("--strict", action="store_true", help="let warnings fail too")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.path
    root = _root(path)
    project = open_project(root)
    findings = [each for each in project.findings if path == root or path == each.file or path in each.file.parents]
    project.cache.save()
    failed = any(each.is_error or arguments.strict for each in findings)
    if arguments.json:
        report.print_json({"findings": report.as_json(findings), "products": project.products})
        return FINDINGS if failed else FINE
    report.print_findings(findings)
    if not failed:
        count = f"{report.plural(project.products, 'product')} in {report.plural(project.domains, 'domain')}"
        print(f"{path}: {count}, no errors")
    return FINDINGS if failed else FINE


def _root(path: Path) -> Path:
    """The products folder that `path` is or lies in: it holds the domains, and a domain holds domain.yaml."""
    if path.is_file():
        return path.parent.parent
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder")
    return path.parent if (path / "domain.yaml").exists() else path
