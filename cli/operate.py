"""Operations on the runs of a running application. IAM decides who may call them; the name of the user is recorded."""

import argparse
import getpass
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import application
from headgate.cli.errors import FINE
from headgate.cli.formatting import plural


def operate(arguments: argparse.Namespace, action: str, **event: Any) -> Any:
    """What the function answers to the operation; fields that are None are left out. Raises `UsageError`."""
    given = {key: value for key, value in event.items() if value is not None}
    return application(arguments).call("OperateFunctionName", {**given, "action": action, "actor": _actor()})


def operate_on_run(arguments: argparse.Namespace, action: str) -> int:
    """An operation on one run, or on a product where `--date` is not given; prints how many runs it changed."""
    about = {"product": arguments.product, "business_date": arguments.date, "cycle": arguments.cycle}
    result = operate(arguments, action, **about)
    if arguments.json:
        terminal.print_json(result)
    else:
        terminal.line(counts(result))
    return FINE


def counts(result: dict[str, int]) -> str:
    """`3 runs opened`"""
    return ", ".join(f"{plural(count, 'run')} {name}" for name, count in result.items())


def _actor() -> str:
    try:
        return getpass.getuser()[:128]
    except OSError:
        return "unknown"
