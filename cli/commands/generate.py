"""`headgate generate`: writes the state machines and templates, or checks that they are up to date."""

import argparse
import time

from headgate.cli import report
from headgate.cli.project import FINDINGS, FINE, Progress, UsageError, add_folders, open_project
from headgate.generator.findings import Finding
from headgate.generator.output import Changes, Generated, OutputError, opened


def add(parser: argparse.ArgumentParser) -> None:
    add_folders(parser, out=True)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the output is not up to date")
    parser.add_argument("--json", action="store_true", help="the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    project = open_project(arguments.products)
    if project.errors:
        project.cache.save()
        return _refuse(arguments, project.findings, "Nothing was written.")
    try:
        with opened(arguments.out, not arguments.check, project.cache) as out:
            result: Generated = project.generate(out, Progress(arguments.json))
    except OutputError as error:
        raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        return _refuse(
            arguments, project.findings + result.findings, "The linters refuse what was generated; nothing was written."
        )
    stale = arguments.check and bool(result.changes)
    if arguments.json:
        changes = result.changes
        report.print_json(
            {
                "findings": report.as_json(project.findings),
                "machines": result.machines,
                "stale": stale,
                "created": changes.created,
                "changed": changes.changed,
                "removed": changes.removed,
                "unchanged": changes.unchanged,
            }
        )
        return FINDINGS if stale else FINE
    report.print_findings(project.findings)
    _print(arguments, result.changes, result.machines, time.monotonic() - started)
    return FINDINGS if stale else FINE


def _refuse(arguments: argparse.Namespace, findings: list[Finding], last: str) -> int:
    if arguments.json:
        report.print_json({"findings": report.as_json(findings)})
    else:
        report.print_findings(findings)
        print(last)
    return FINDINGS


def _print(arguments: argparse.Namespace, changes: Changes, machines: int, seconds: float) -> None:
    if arguments.check and changes:
        for word, paths in (
            ("is missing", changes.created),
            ("is out of date", changes.changed),
            ("is left over", changes.removed),
        ):
            for path in paths:
                print(f"{arguments.out / path} {word}")
        print(
            f"{arguments.out} is not what {arguments.products} generates: run `headgate generate` and commit the result"
        )
        return
    counts = [
        f"{len(paths):,} {word}"
        for word, paths in (("created", changes.created), ("changed", changes.changed), ("removed", changes.removed))
        if paths
    ]
    counts.append(f"{changes.unchanged:,} unchanged")
    print(f"{arguments.out}: {report.plural(machines, 'machine')}; files: {', '.join(counts)} ({seconds:.1f} s)")
