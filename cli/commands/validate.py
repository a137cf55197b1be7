"""`headgate validate`: every finding about the metadata, all at once."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.formatting import plural
from headgate.cli.progress import Progress
from headgate.cli.project import edits_of, open_project, print_edits
from headgate.cli.trial_report import report_trial
from headgate.generator.findings import Finding
from headgate.generator.project import Project
from headgate.generator.steps import own_folder


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path("products"),
        metavar="PATH",
        help="a products folder, or one domain or file in it (default: products)",
    )
    parser.add_argument(
        "--try",
        dest="trial",
        metavar="NAME",
        help="say what a file would become: its name after the prefix, its key, or s3://bucket/key",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.path
    root = _root(path)
    with Progress(arguments.json) as progress:
        project = open_project(root, progress)
        _expect_metadata(path, project)
        every = project.findings
        mesh = project.loaded.mesh if arguments.trial else None
    if mesh:
        project.cache.save()
        return report_trial(mesh, arguments.trial, arguments.json, len(project.errors))
    findings = [_as_named(each, path) for each in every if _concerns(each, path, root)]
    project.cache.save()
    edits = edits_of(root.absolute().parent)
    failed = bool(edits) or any(each.is_error or arguments.strict for each in findings)
    if arguments.json:
        terminal.print_json(
            {
                "findings": as_json(findings),
                "products": project.products,
                "deployment": project.deployment["accounts"],
                "edited": [vars(each) for each in edits],
            }
        )
        return FINDINGS if failed else FINE
    print_findings(findings)
    if edits:
        print_edits(edits)
    if not failed:
        count = f"{plural(project.products, 'product')} in {plural(project.domains, 'domain')}"
        whole = _is_in(root, path)
        terminal.line(f"{path}: {count}, no errors" if whole else f"{path}: no errors (read with {count})")
        for sentence in project.deployment["sentences"] if whole else ():
            terminal.line(sentence)
    return FINDINGS if failed else FINE


def _root(path: Path) -> Path:
    """The products folder that `path` is or is in: it holds the domains, and a domain holds domain.yaml.

    Absolute where the path does not go through it by name (`.`, `ds1.yaml`). Raises `UsageError`.
    """
    if not (path.is_file() or path.is_dir()):
        found = "no such file or folder" if not path.exists() else "neither a file nor a folder"
        raise UsageError(f"{path}: {found}; expected a products folder, or a domain or file in it")
    start = _absolute(path)
    ancestors = [start, *start.parents] if path.is_dir() else list(start.parents)
    domain = next((each for each in ancestors if (each / "domain.yaml").is_file()), None)
    if domain:
        root = domain.parent
    else:  # a calendar, a folder without domain.yaml, or the products folder itself
        root = next((each for each in ancestors[:2] if any(each.glob("*/domain.yaml"))), ancestors[0])
    named = [each for each in (path, *path.parents) if ".." not in each.parts and each.name]
    return next((each for each in named if _absolute(each) == root), root)


def _expect_metadata(path: Path, project: Project) -> None:
    """Raises `UsageError` for a file that is no metadata, and for a folder without any."""
    files = project.files
    known = list(files.paths())
    if known or path.is_dir():
        known += [each.file for each in files.misplaced]
    if not any(_is_in(each, path) or _is_in(path, each) for each in known):
        raise UsageError(
            f"{path}: no metadata; expected <domain>/<product>.yaml, <domain>/domain.yaml or calendars/<name>.yaml"
            " in a products folder"
        )


def _concerns(finding: Finding, path: Path, root: Path) -> bool:
    """Whether the finding is about `path`, something in it, a folder between it and the products folder, or one of the project's step types."""
    of_types = _is_in(finding.file, own_folder(_absolute(root)))
    return of_types or _is_in(finding.file, path) or (finding.file != root and _is_in(path, finding.file))


def _is_in(file: Path, path: Path) -> bool:
    return _absolute(file).is_relative_to(_absolute(path))


def _absolute(path: Path) -> Path:
    """Without `..`, and with its links as they are: a finding names a file as the user does."""
    return Path(os.path.normpath(path.absolute()))


def _as_named(finding: Finding, path: Path) -> Finding:
    """The finding with its file relative to the working directory, unless the user named an absolute path."""
    if path.is_absolute() or not finding.file.is_absolute():
        return finding
    return replace(finding, file=Path(os.path.relpath(finding.file)))
