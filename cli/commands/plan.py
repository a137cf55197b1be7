"""`headgate plan`: what `generate` would change, by meaning, before anything is written."""

import argparse

import orjson

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_folders
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.plan_report import OpenRuns, PlanReport
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.generator.findings import Finding
from headgate.generator.output import CATALOG, OutputError, opened
from headgate.generator.plan import catalog


def add(parser: argparse.ArgumentParser) -> None:
    add_folders(parser)
    add_application(
        parser,
        stack="count the open runs that the changes concern in a deployed stack",
        local="count them in the application that `headgate up` runs",
    )


def run(arguments: argparse.Namespace) -> int:
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        if project.errors:
            progress.stop()
            return _refuse(arguments, project.findings)
        mesh = project.loaded.mesh
        try:
            with opened(arguments.out, False, project.cache) as out:
                old = catalog.read(out.read(CATALOG) or b"")
                result = project.generate(out, progress)
        except OutputError as error:
            raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        return _refuse(arguments, result.findings)
    report = PlanReport(mesh, old, orjson.loads(catalog.write(mesh)), result.changes, result, _open_runs(arguments))
    if arguments.json:
        terminal.print_json(report.as_json())
    else:
        report.print()
    return FINE


def _open_runs(arguments: argparse.Namespace) -> OpenRuns | None:
    """What the application that the arguments name says; None if they name none."""
    if not (arguments.stack or arguments.local):
        return None
    found = inquire(arguments, "open_runs")["products"]
    return {each["product"]: {key: each[key] for key in ("waiting", "released")} for each in found}


def _refuse(arguments: argparse.Namespace, findings: list[Finding]) -> int:
    if arguments.json:
        terminal.print_json({"findings": as_json(findings)})
    else:
        print_findings(findings)
    return FINDINGS
