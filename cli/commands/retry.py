"""`headgate retry`: performs parked effects once more."""

import argparse

from headgate.cli import terminal
from headgate.cli.arguments import add_application, whole_number
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.formatting import plural
from headgate.cli.operate import operate


def add(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "effect",
        type=whole_number("the number of an effect, such as 12", 1),
        metavar="ID",
        nargs="?",
        help="the id of a parked effect, as `headgate health` lists it",
    )
    which.add_argument("--all", action="store_true", help="everything that is parked")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if not everything could be performed at once."""
    result = operate(arguments, "retry", effect=arguments.effect, all=arguments.all or None)
    code = FINE if result["performed"] == result["retried"] else FINDINGS
    if arguments.json:
        terminal.print_json(result)
    elif not result["retried"]:
        terminal.line("Nothing is parked.")
    elif code == FINE:
        terminal.line(f"{plural(result['retried'], 'effect')} performed.")
    else:
        terminal.line(
            f"{plural(result['retried'], 'effect')} due again, {result['performed']:,} of them performed by now. "
            "`headgate health` shows what is left and why; it is tried again by itself until it is parked again."
        )
    return code
