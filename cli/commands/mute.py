"""`headgate mute`: keeps the alerts of a product or a domain back. What is in trouble after that is sent then."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from headgate.cli import terminal
from headgate.cli.arguments import add_application
from headgate.cli.operate import operate

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="PRODUCT|DOMAIN", help="a product such as d1/ds3, or a domain such as d1")
    until = parser.add_mutually_exclusive_group(required=True)
    until.add_argument(
        "--until", type=_moment, metavar="MOMENT",
        help='a duration such as 90m, 4h or 2d, or a moment such as "2026-11-28 22:00" in the time zone of this machine',
    )  # fmt: skip
    until.add_argument(
        "--end", action="store_true", help="end the mute; what was kept back is sent if it is still true"
    )
    parser.add_argument("--reason", help="why, for those who look")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    until = datetime.now(UTC) if arguments.end else arguments.until
    which = "product" if "/" in arguments.what else "domain"
    result = operate(
        arguments, "mute", **{which: arguments.what}, muted_until=until.isoformat(timespec="seconds"), reason=arguments.reason
    )  # fmt: skip
    if arguments.json:
        terminal.print_json(result)
    elif arguments.end:
        terminal.line(f"{arguments.what} is not muted any more.")
    else:
        terminal.line(
            f"No alerts about {arguments.what} are sent until {until.astimezone():%Y-%m-%d %H:%M %Z}; what is in trouble then is sent then. `headgate mute {arguments.what} --end` ends it."
        )
    return 0


def _moment(text: str) -> datetime:
    if found := re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", text):
        return datetime.now(UTC) + timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        until = datetime.fromisoformat(text).astimezone()
    except ValueError:
        until = datetime.min.replace(tzinfo=UTC)
    if until <= datetime.now(UTC):
        raise argparse.ArgumentTypeError(
            f'{text}: expected a duration such as 4h, or a moment to come such as "2026-11-28 22:00"'
        )
    return until
