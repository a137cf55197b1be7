"""The entry point of `headgate`. Exit codes: 0 fine, 1 findings, 2 usage, 3 refused by the application or not confirmed.

With `--json` an error is printed as JSON, {"error": message, ...}, to standard output.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from types import ModuleType
from typing import NoReturn

from headgate import VERSION
from headgate.cli import terminal
from headgate.cli.errors import UsageError

SUMMARIES = {
    "init": "make a new project",
    "validate": "check the metadata and list every finding",
    "plan": "show what `generate` would change",
    "generate": "write the state machines and templates",
    "account": "make an AWS account ready for deployments: bucket, roles, permissions",
    "deploy": "deploy the stacks of the application to AWS, in order",
    "delete": "delete the stacks of the application from AWS, and keep its data unless it is said",
    "graph": "draw the mesh",
    "catalog": "list or search the products of the running application",
    "publish": "put product, owner, SLA, schedule and lineage on the tables of the Glue Data Catalog",
    "contract": "write products as data contracts (ODCS), or read one",
    "new": "create a domain or a product",
    "import": "write products for what dbt, Airflow, Glue or Step Functions run",
    "steps": "list what a step can run, with the project's own step types",
    "schema": "write the JSON Schemas by which an editor checks metadata",
    "run": "run a business day on this machine",
    "up": "start the application on this machine and leave it running",
    "down": "stop the application that `up` started",
    "board": "show the mesh in a browser",
    "status": "show the status of every product on a business date",
    "why": "explain the status of a run",
    "forecast": "show when the products of a business date will be ready, and why",
    "history": "list what happened on a business date",
    "shadow": "compare what Headgate would have done with what the existing scheduler did",
    "runs": "list the runs of a product, with what they took and what released them",
    "changes": "list what deployments changed in the metadata",
    "files": "list and show the files that have landed, retry and ignore them",
    "logs": "show what the jobs of a product logged",
    "alerts": "list what became of the alerts of a business date",
    "alert": "test a recipient of alerts",
    "mute": "keep the alerts of a product or a domain back for a time",
    "health": "show what the application could not perform",
    "rerun": "start the next attempt of a run that has ended",
    "hold": "keep a product, or one run of it, from being released",
    "release": "end the hold of a product, or of one run of it",
    "skip": "end a waiting run as SKIPPED",
    "cancel": "end a run that has not ended, with its machine and jobs",
    "waive": "let an input of one run count as arrived",
    "backfill": "open the runs of past business dates",
    "retry": "perform parked effects once more",
    "dead-letters": "list, show and redrive messages that were refused or could not be processed",
    "join": "send an account of the mesh what was published before it joined",
    "events": "write sample events for `sam local invoke`, filled in from an open run",
    "event": "publish a refresh event on the central bus, as a producer does",
    "upgrade": "bring the files of Headgate in the project to the installed version",
    "doctor": "say what is installed on this machine and what is missing",
    "completion": "print what a shell evaluates to complete commands and products",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the arguments name and returns its exit code."""
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what may follow
        _complete(os.environ.get("COMP_LINE", "").split())
    words = sys.argv[1:] if arguments is None else list(arguments)
    named = next((each for each in words if not each.startswith("-")), "")
    module = _module(named) if named in SUMMARIES else None
    as_json = "--json" in words
    try:
        given = _parser(named, module, as_json).parse_args(words)
    except UsageError as error:
        terminal.print_json({"error": str(error)})
        return error.code
    as_json = getattr(given, "json", as_json)
    assert module is not None, "the parser accepts the names of commands only"
    gc.disable()  # one pass over many small values that all live to the end; collecting them costs a quarter of the time
    try:
        code: int = module.run(given)
        sys.stdout.flush()
    except UsageError as error:
        if as_json:
            terminal.print_json({"error": str(error), **error.details})
        else:
            terminal.error(named, str(error))
        return error.code
    except BrokenPipeError:  # the reader, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        terminal.error(named, "stopped")
        return 130
    finally:
        gc.enable()
    return code


def _module(command: str) -> ModuleType:
    name = command.replace("-", "_")
    return import_module(f"headgate.cli.commands.{name}_" if iskeyword(name) else f"headgate.cli.commands.{name}")


class _JsonParser(argparse.ArgumentParser):
    """Raises `UsageError` for arguments that are wrong, instead of printing the usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser(named: str, module: ModuleType | None, as_json: bool) -> argparse.ArgumentParser:
    """All commands by name; the arguments of the named one only, since its module alone is imported."""
    parser = (_JsonParser if as_json else argparse.ArgumentParser)(
        prog="headgate",
        description="Starts each data product's pipeline at the moment everything it depends on has been refreshed.",
    )
    parser.add_argument("--version", action="version", version=f"headgate {VERSION}", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in SUMMARIES.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == named and module is not None:
            module.add(command)
    return parser


def parser_of(command: str, as_json: bool = False) -> argparse.ArgumentParser:
    """The parser of the arguments of one command. With `as_json` it raises `UsageError` where arguments are wrong."""
    parser = _parser(command, _module(command), as_json)
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    found: argparse.ArgumentParser = commands.choices[command]
    return found


def _complete(words: list[str]) -> NoReturn:
    """Answers the shell."""
    from headgate.cli.completion import complete

    named = next((each for each in words if each in SUMMARIES), "")
    complete(_parser(named, _module(named) if named else None, False))
    sys.exit(0)


def command() -> None:
    """The console script. It ends the process without taking apart what a large mesh has built up in memory, which would
    take a fifth of the whole time; everything is written and flushed by then."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
