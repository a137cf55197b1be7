"""Arguments that several commands share, and the types that check them."""

import argparse
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from headgate.cli.errors import UsageError


def add_products(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--products", type=Path, default=Path("products"), metavar="DIR", help="the metadata (default: products)"
    )


def add_folders(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("statemachines"), metavar="DIR", help="the output (default: statemachines)"
    )


def add_application(
    parser: argparse.ArgumentParser,
    stack: str = "a deployed stack (default: the one in headgate.toml, else as with --local)",
    local: str = "the application that `headgate up` runs",
    several: bool = False,
) -> None:
    """Which running application the command calls, or which `several`, and in which form it prints the answer; `stack` and `local` are the help."""
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--stack", metavar="NAME", help=stack, action="append" if several else "store")
    target.add_argument("--local", action="store_true", help=local)
    parser.add_argument(
        "--region", help="the region of the stack (default: the one in headgate.toml, else of the AWS CLI)"
    )
    parser.add_argument("--profile", help="the AWS profile (default: the one in headgate.toml, else of the AWS CLI)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_date(parser: argparse.ArgumentParser, default: str) -> None:
    """`--date`; `default` explains what stands for it."""
    parser.add_argument(
        "--date", type=business_date, metavar="YYYY-MM-DD", help=f"the business date (default: {default})"
    )


def add_until(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--until", type=business_date, metavar="YYYY-MM-DD", help="the last business date of a range (default: --date)"
    )


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask before many runs are changed")


def add_preview(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would be changed, and change nothing")
    parser.add_argument(
        "--expect", metavar="DIGEST", help="the digest of a preview: change exactly what it showed, or nothing"
    )


def check_range(arguments: argparse.Namespace, needs_date: bool = False) -> None:
    """Raises `UsageError` if `--until` is before `--date`, or stands without it where `needs_date`."""
    if needs_date and arguments.until and not arguments.date:
        raise UsageError("--until is the end of a range; name its first business date with --date")
    if arguments.date and arguments.until and arguments.until < arguments.date:
        raise UsageError(f"--until {arguments.until} is before --date {arguments.date}")


def add_cycle(parser: argparse.ArgumentParser, default: str = "") -> None:
    note = f" (default: {default})" if default else ""
    parser.add_argument("--cycle", metavar="HHMM", help=f"the cycle of a product that opens several times a day{note}")


def business_date(text: str) -> str:
    """The date as it is written in events, after a check."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text}: expected a date that exists, in the form YYYY-MM-DD")


def product_name(text: str) -> str:
    if not re.fullmatch(r"[^/]+/[^/]+", text):
        raise argparse.ArgumentTypeError(f"{text}: expected DOMAIN/PRODUCT, such as raw/rd1")
    return text


def whole_number(expected: str, least: int = 0, most: int = 2**63 - 1) -> Callable[[str], int]:
    """The type of an argument that is a number; `expected` is what its error asks for."""

    def checked(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 20 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
        return int(text)

    return checked
