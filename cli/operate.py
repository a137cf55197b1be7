"""Operations on the runs of a running application. IAM decides who may call them, the metadata who may act on which domain."""

import argparse
import getpass
import sys
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import OPERATE, application
from headgate.cli.errors import RefusedError
from headgate.cli.formatting import plural


def operate(arguments: argparse.Namespace, action: str, **event: Any) -> Any:
    """What the function answers to the operation; fields that are None are left out. Raises `RefusedError`, `UsageError`."""
    given = {key: value for key, value in event.items() if value is not None}
    return application(arguments).call(OPERATE, {**given, "action": action, "actor": actor()})


def test_alert(arguments: argparse.Namespace, channel: str, target: str, kind: str | None) -> Any:
    """What the application answers to a test of a recipient. Raises `UsageError`."""
    given = {"channel": channel, "target": target, "actor": actor(), **({"kind": kind} if kind else {})}
    return application(arguments).call("AlertsFunctionName", given)


def add_confirmation(
    parser: argparse.ArgumentParser, dry_run: str = "show what would change, and change nothing", done: str = "changed"
) -> None:
    """The options of a command that shows what it would do before it does it, and asks (`confirm`): --dry-run, --yes and --json."""
    parser.add_argument("--dry-run", action="store_true", help=dry_run)
    parser.add_argument("--yes", action="store_true", help=f"do not ask before anything is {done}")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def confirm(arguments: argparse.Namespace, preview: str, name: str = "", agreed: str = "--yes") -> None:
    """Shows what would happen and asks the user, unless `--yes` is given; with `name` the user types it instead of yes. `agreed` are the options that do
    without asking. Raises `RefusedError` if the user does not agree or cannot be asked."""
    if arguments.yes:
        return
    if arguments.json or not sys.stdin.isatty():
        space = "\n" if "\n" in preview else " "
        raise RefusedError(f"{preview}{space}Nothing has been changed; to do it, add {agreed}")
    terminal.line(preview)
    answer = input(f"Type {name} to continue: " if name else "Continue? [y/N] ").strip()
    is_confirmed = answer == name if name else answer.lower() in ("y", "yes")
    if not is_confirmed:
        raise RefusedError("not confirmed; nothing has been changed")


def counts(result: dict[str, int]) -> str:
    """`3 runs opened`"""
    return ", ".join(f"{plural(count, 'run')} {name}" for name, count in result.items())


def actor() -> str:
    """The name of who runs the command; an application on AWS asks AWS instead."""
    try:
        return getpass.getuser()[:128]
    except OSError:
        return "unknown"
