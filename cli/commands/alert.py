"""`headgate alert test`: checks a recipient of alerts and sends it one message."""

import argparse

from headgate.cli import terminal
from headgate.cli.arguments import add_application
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.operate import test_alert


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    test = actions.add_parser("test", help="check token, scopes and membership, and send one message")
    test.add_argument(
        "--to", required=True, type=_recipient, metavar="CHANNEL:TARGET",
        help='such as slack:#positions-alerts, email:ann@example.com or pagerduty:secret:positions',
    )  # fmt: skip
    test.add_argument(
        "--kind", choices=("AT_RISK",), help="send it as alerts of this kind look, with invented values (default: a plain message)"
    )  # fmt: skip
    add_application(test)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the recipient cannot be reached."""
    channel, target = arguments.to
    result = test_alert(arguments, channel, target, arguments.kind)
    if arguments.json:
        terminal.print_json(result)
    elif result["delivered"]:
        terminal.line(f"A test was sent to {channel} {result['target']}.")
    else:
        terminal.line(f"{channel} {result['target']} cannot be reached:")
        for each in result["wrong"]:
            terminal.line(f"  {each}")
    return FINE if result["delivered"] else FINDINGS


def _recipient(text: str) -> tuple[str, str]:
    channel, colon, target = text.partition(":")
    if not (channel and colon and target):
        raise argparse.ArgumentTypeError(f"{text}: expected CHANNEL:TARGET, such as slack:#positions-alerts")
    return channel, target
