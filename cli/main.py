"""The entry point of `headgate`. Exit codes: 0 fine, 1 findings, 2 usage."""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from headgate.cli.project import USAGE, UsageError

# Each is a module of `commands`.
COMMANDS = {
    "validate": "say everything that is wrong with the metadata",
    "plan": "say what generate would change, by meaning",
    "generate": "write the state machines and templates",
    "graph": "draw the mesh",
    "new": "write a domain or product to start from",
    "run": "play a business day on this machine",
    "up": "start the application on this machine and leave it running",
    "down": "end what `up` started",
    "status": "say how every product of a date stands",
    "why": "say why a run is where it is",
    "history": "say what happened",
}


def _commands(arguments: Sequence[str]) -> dict[str, tuple[Any, str]]:
    """What runs each command, and its help. Only the command that is given is imported: the others would take longer than a
    run of `generate` in which nothing changed."""
    wanted = [arguments[0]] if arguments and arguments[0] in COMMANDS else list(COMMANDS)
    found = {name: (importlib.import_module(f"headgate.cli.commands.{name}"), COMMANDS[name]) for name in wanted}
    if len(wanted) == 1:
        return found
    from headgate.cli.commands import operate

    return found | {action: (operate.Operation(action), words) for action, words in operate.ACTIONS.items()}


class _Version(argparse.Action):
    """Reads the version only when it is needed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"headgate {version('headgate')}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="headgate",
        description="Starts each data product's pipeline at the moment everything it depends on has been refreshed.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = _commands(sys.argv[1:] if arguments is None else arguments)
    for name, (module, words) in commands.items():
        module.add(subparsers.add_parser(name, help=words, description=module.__doc__))
    given = parser.parse_args(arguments)
    gc.disable()  # one pass over many small values that all live to the end; collecting them costs a quarter of the time
    try:
        code: int = commands[given.command][0].run(given)
        sys.stdout.flush()
    except UsageError as error:
        print(f"headgate {given.command}: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"headgate {given.command}: stopped", file=sys.stderr)
        return 130
    finally:
        gc.enable()
    return code


def command() -> None:
    """The console script. It ends the process without taking apart what a large mesh has built up in memory, which would
    take a fifth of the whole time; everything is written and flushed by then."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
