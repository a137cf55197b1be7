"""`headgate waive`: an input of one run counts as arrived, without its refresh event."""

import argparse

from headgate.cli.arguments import add_application, add_cycle, add_preview, business_date, product_name
from headgate.cli.errors import UsageError
from headgate.cli.formatting import Entry, few, input_name, named_run, uncut
from headgate.cli.ranges import operate_on_run


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    parser.add_argument(
        "input",
        type=product_name,
        metavar="INPUT",
        help="the product that the run waits for; for its own files the product itself",
    )
    parser.add_argument(
        "--date", type=business_date, metavar="YYYY-MM-DD", required=True, help="the business date of the run"
    )
    add_cycle(parser)
    parser.add_argument("--reason", help="why the run may start without it, for `why` and `history`")
    parser.add_argument("--undo", action="store_true", help="take the waiver back, while the run waits")
    add_preview(parser)
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.undo and not (arguments.reason or "").strip():
        raise UsageError("--reason is missing: why may the run start without this input?")
    about = {"input": arguments.input, "reason": arguments.reason, "undo": arguments.undo or None}
    return operate_on_run(arguments, "waive", lambda result: _waived(arguments, result), **about)


def _waived(arguments: argparse.Namespace, result: Entry) -> list[str]:
    name = f"{result['product']} for {named_run(result)}"
    what = "waits again for" if arguments.undo else "goes on without waiting for"
    given = "the rest of its files" if arguments.input == arguments.product else arguments.input
    first = f"{name} {what} {given}" + (f" (attempt {result['attempt']})." if result["attempt"] > 1 else ".")
    if result["released"]:
        return [first, "It is released; its pipeline starts next."]
    missing, more = uncut(result["missing"])
    still = few(sorted({input_name(each["product"]) for each in missing}), more)
    return [
        first,
        f"It still waits for {still}."
        if still
        else f"It is not released: `headgate why {result['product']} --date {result['business_date']}`.",
    ]
