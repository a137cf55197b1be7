"""`headgate steps`: what a step can run: Headgate's step types, those of the project, and those that installed packages offer."""

import argparse
from pathlib import Path

from headgate.cli import shared_types, terminal
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import print_findings
from headgate.generator import reference
from headgate.generator.metadata import own_types, places
from headgate.generator.steps import StepType, step_types

FOLDER = Path("steps")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", nargs="?", metavar="TYPE", help="show the keys of this type, and an example")
    parser.add_argument(
        "--add", action="store_true", help="copy TYPE from the installed package that offers it into steps/"
    )
    parser.add_argument("--json", action="store_true", help="print the types, or the schema of TYPE, as JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.add:
        if arguments.type is None:
            raise UsageError("--add needs the name of a type: `headgate steps TYPE --add`")
        terminal.line(f"{shared_types.add(arguments.type, FOLDER)}")
    findings = list(places.resolve(own_types.use(FOLDER), Path.read_bytes))
    if arguments.json:
        terminal.print_json(
            _one(arguments.type).schema if arguments.type else [_described(each) for each in step_types().values()]
        )
        return FINDINGS if findings else FINE
    print_findings(findings)
    if arguments.type and not findings:
        terminal.line(reference.of_type(_one(arguments.type)).rstrip())
    elif not arguments.type:
        terminal.table(
            [["type", "what it runs", "from"], *(list(_described(each).values()) for each in step_types().values())],
            heading=True,
        )
        for each in shared_types.offers():
            if each.name not in step_types():
                terminal.line(f"{each.package} {each.version} offers {each.name}: `headgate steps {each.name} --add`")
    return FINDINGS if findings else FINE


def _one(name: str) -> StepType:
    if name not in step_types():
        raise UsageError(f"no step type {name}; there are {', '.join(step_types())}")
    return step_types()[name]


def _described(kind: StepType) -> dict[str, str]:
    if kind.folder is None:
        origin = "Headgate"
    else:
        package = shared_types.origin(kind.folder)
        origin = f"{kind.folder}" + (f", added from {package}" if package else "")
    return {"type": kind.name, "title": kind.schema["title"], "from": origin}
