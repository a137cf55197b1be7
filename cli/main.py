"""The entry point of `headgate`. Exit codes: 0 fine, 1 findings, 2 usage."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from headgate.cli.commands import down, generate, graph, history, new, operate, plan, run, status, up, validate, why
from headgate.cli.project import USAGE, UsageError

COMMANDS: dict[str, tuple[Any, str]] = {
    "validate": (validate, "say everything that is wrong with the metadata"),
    "plan": (plan, "say what generate would change, by meaning"),
    "generate": (generate, "write the state machines and templates"),
    "graph": (graph, "draw the mesh"),
    "new": (new, "write a domain or product to start from"),
    "run": (run, "play a business day on this machine"),
    "up": (up, "start the application on this machine and leave it running"),
    "down": (down, "end what `up` started"),
    "status": (status, "say how every product of a date stands"),
    "why": (why, "say why a run is where it is"),
    "history": (history, "say what happened"),
    **{action: (operate.Operation(action), words) for action, words in operate.ACTIONS.items()},
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="headgate",
        description="Starts each data product's pipeline at the moment everything it depends on has been refreshed.",
    )
    parser.add_argument("--version", action="version", version=f"headgate {version('headgate')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, words) in COMMANDS.items():
        module.add(commands.add_parser(name, help=words, description=module.__doc__))
    given = parser.parse_args(arguments)
    gc.disable()  # one pass over many small values that all live to the end; collecting them costs a quarter of the time
    try:
        code: int = COMMANDS[given.command][0].run(given)
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
