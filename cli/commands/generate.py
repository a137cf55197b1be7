"""`headgate generate`: writes the state machines and templates, or checks that they are up to date."""

import argparse
import time

from headgate.cli import terminal
from headgate.cli.arguments import add_folders
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.formatting import plural
from headgate.cli.progress import Progress
from headgate.cli.project import edits_of, open_project, print_edits
from headgate.generator.findings import Finding
from headgate.generator.output import Changes, Generated, OutputError, opened
from headgate.projects.manifest import Edit


def add(parser: argparse.ArgumentParser) -> None:
    add_folders(parser)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if the output is not up to date"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        if project.errors:
            progress.stop()
            project.cache.save()
            return _refuse(arguments, project.findings, "Nothing was written.")
        try:
            with opened(arguments.out, not arguments.check, project.cache) as out:
                result: Generated = project.generate(out, progress)
        except OutputError as error:
            raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        return _refuse(
            arguments,
            project.findings + result.findings,
            "The linters found errors in the output. Nothing was written.",
        )
    stale = arguments.check and bool(result.changes)
    edits = edits_of(arguments.products.absolute().parent) if arguments.check else []
    if arguments.json:
        _print_json(project.findings, result, result.changes, stale, edits)
    else:
        print_findings(project.findings)
        _print(arguments, result.changes, result.machines, time.monotonic() - started)
        if edits:
            print_edits(edits)
    return FINDINGS if stale or edits else FINE


def _refuse(arguments: argparse.Namespace, findings: list[Finding], message: str) -> int:
    if arguments.json:
        terminal.print_json({"findings": as_json(findings)})
    else:
        print_findings(findings)
        terminal.line(message)
    return FINDINGS


def _print_json(findings: list[Finding], result: Generated, changes: Changes, stale: bool, edits: list[Edit]) -> None:
    terminal.print_json(
        {
            "findings": as_json(findings),
            "machines": result.machines,
            "stale": stale,
            "created": changes.created,
            "changed": changes.changed,
            "removed": changes.removed,
            "unchanged": changes.unchanged,
            "edited": [vars(each) for each in edits],
        }
    )


def _print(arguments: argparse.Namespace, changes: Changes, machines: int, seconds: float) -> None:
    if arguments.check and changes:
        for state, style, paths in (
            ("is missing", "added", changes.created),
            ("is out of date", "changed", changes.changed),
            ("is left over", "removed", changes.removed),
        ):
            for path in paths:
                terminal.line(f"{arguments.out / path} ", (state, style))
        terminal.line(
            f"{arguments.out} is not what {arguments.products} generates: run `headgate generate` and commit the result"
        )
        return
    counts = [
        f"{len(paths):,} {state}"
        for state, paths in (("created", changes.created), ("changed", changes.changed), ("removed", changes.removed))
        if paths
    ]
    counts.append(f"{changes.unchanged:,} unchanged")
    terminal.line(f"{arguments.out}: {plural(machines, 'machine')}; files: {', '.join(counts)} ({seconds:.1f} s)")
