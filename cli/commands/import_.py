"""`headgate import`: products for what another system runs, with a line for everything that could not be carried over."""

import argparse
from pathlib import Path

from headgate.cli import import_report, terminal
from headgate.cli.domain_file import domain_text
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.import_check import tried
from headgate.cli.import_sources import SOURCES
from headgate.cli.schemas import modeline
from headgate.generator.findings import Finding
from headgate.importing import folder, schedules
from headgate.importing.folder import Change, State
from headgate.importing.names import Names
from headgate.importing.result import Imported
from headgate.importing.source_file import SourceError


def add(parser: argparse.ArgumentParser) -> None:
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    for name, source in SOURCES.items():
        each = sources.add_parser(name, help=source.summary, description=f"{source.summary[0].upper()}{source.summary[1:]}.")  # fmt: skip
        source.add(each)
        each.add_argument("--select", nargs="+", default=[], metavar="WORD", help=source.selection)
        each.add_argument("--schedule", default="", metavar="TEXT", help=f"opens the products that nothing else opens: {schedules.FORMS}")  # fmt: skip
        each.add_argument("--domain", default="", metavar="NAME", help=f"the domain of the products (default: {source.default_domain})")  # fmt: skip
        each.add_argument("--into", type=Path, default=Path("products"), metavar="DIR", help="the metadata (default: products)")  # fmt: skip
        each.add_argument("--owner", default="", help="the owner of a new domain (default: NAME-team)")
        each.add_argument("--account", default="", help="the AWS account of a new domain, twelve digits")
        each.add_argument("--region", default="", help="the AWS region of a new domain")
        each.add_argument("--replace", action="store_true", help="overwrite products that exist and differ")
        each.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
        each.add_argument("--json", action="store_true", help="print the products and the notes as JSON")


def run(arguments: argparse.Namespace) -> int:
    into: Path = arguments.into
    if into.exists() and not into.is_dir():
        raise UsageError(f"--into {into}: a file; expected a products folder")
    arguments.schedule = _schedule(arguments.schedule)
    if arguments.domain and Names().of(arguments.domain) != arguments.domain:
        raise UsageError(f"--domain {arguments.domain}: expected a name of lower-case letters, digits and single dashes that Headgate does not use itself")  # fmt: skip
    try:
        imported = SOURCES[arguments.source].read(arguments)
    except SourceError as error:
        return import_report.refused(error, arguments.json)
    imported, left = tried(imported, into, lambda each: _chosen(_changes(each, arguments), arguments.replace))
    changes = _changes(imported, arguments)
    if left:
        return _not_sound(left, imported, changes, arguments)
    chosen = _chosen(changes, arguments.replace)
    if not arguments.dry_run:
        try:
            folder.write(chosen)
        except OSError as error:
            raise UsageError(f"{error.filename}: {error.strerror}") from None
    kept = [each for each in changes if each.state is State.DIFFERS and each not in chosen]
    report = import_report.Report(imported, changes, kept, arguments.dry_run)
    if arguments.json:
        terminal.print_json(report.as_json())
    else:
        report.show()
    return FINDINGS if kept else FINE


def _schedule(text: str) -> dict[str, object]:
    try:
        return schedules.stated(text) if text else {}
    except ValueError as error:
        raise UsageError(f"--schedule {text}: {error}") from None


def _changes(imported: Imported, arguments: argparse.Namespace) -> list[Change]:
    new = [each for each in imported.domains if not (arguments.into / each / "domain.yaml").exists()]
    texts = {
        each: domain_text(each, arguments.owner, arguments.account, arguments.region, arguments.into) for each in new
    }
    return folder.changes(imported, arguments.into, modeline("product"), texts)


def _chosen(changes: list[Change], replace: bool) -> list[Change]:
    """What is written: a product as a whole or not at all."""
    kept = {each.product for each in changes if each.state is State.DIFFERS and not replace}
    return [
        each for each in changes if each.state is not State.UNCHANGED and (not each.product or each.product not in kept)
    ]


def _not_sound(left: list[Finding], imported: Imported, changes: list[Change], arguments: argparse.Namespace) -> int:
    """Products are there that do not go together with the import."""
    if arguments.json:
        report = import_report.Report(imported, changes, changes, True)
        terminal.print_json({**report.as_json(), "findings": as_json(left)})
    else:
        print_findings(left)
        terminal.line("Nothing was written: with the import the metadata would have these errors.")
    return FINDINGS
