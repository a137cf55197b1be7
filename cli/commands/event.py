"""`headgate event`: publishes a refresh event on the central bus, as a producer does."""

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import Application, application
from headgate.cli.arguments import add_application, add_cycle, add_date, product_name
from headgate.cli.errors import FINE, RefusedError, UsageError
from headgate.local.producer import DETAIL_TYPES, EventRefused, publish

DAYS_AHEAD = 7  # a business date later than that is taken for a slip; the default of EventDaysAhead


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that it has a run for or that runs wait for")
    add_cycle(parser)
    parser.add_argument("--status", choices=tuple(DETAIL_TYPES), default="COMPLETED", help="default: COMPLETED")
    parser.add_argument("--force", action="store_true", help="publish an event that the checks refuse")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    target = application(arguments)
    if "CentralEventBusArn" not in target.outputs:
        raise UsageError(f"{target.name} has no central bus; name the central stack with --stack")
    if arguments.cycle and not re.fullmatch(r"([01]\d|2[0-3])[0-5]\d", arguments.cycle):
        raise UsageError(f"--cycle {arguments.cycle}: expected a time of day as HHMM, such as 1430")
    warnings = _checked(arguments, target)
    detail = _detail(arguments)
    try:
        event_id = publish(target.client("events"), target.outputs["CentralEventBusArn"], detail)
    except EventRefused as error:
        raise UsageError(str(error)) from None
    if arguments.json:
        terminal.print_json({"event_id": event_id, "detail": detail, "warnings": warnings})
    else:
        for text in warnings:
            terminal.line(f"warning: {text}", stream=sys.stderr)
        cycle = f" {arguments.cycle}" if arguments.cycle else ""
        terminal.line(f"published: {DETAIL_TYPES[arguments.status]}, {arguments.product} for {arguments.date}{cycle}")
    return FINE


def _checked(arguments: argparse.Namespace, target: Application) -> list[str]:
    """What the user should know of the event. Sets the date where none is given. Raises `RefusedError` unless `--force` is given, and
    `UsageError`."""
    warnings, about = [], _about(arguments, target)
    arguments.date = arguments.date or about.get("latest_date")
    if not arguments.date:
        raise UsageError(f"{target.name} does not know the product's dates; name one with --date")
    if not about:
        warnings.append(f"{target.name} cannot check the product and its cycles")
    if about.get("pipeline"):
        warnings.append(
            f"{arguments.product} has a pipeline here; the event counts as one of its own, and `headgate history` shows it"
        )
    latest = (datetime.now(UTC) + timedelta(days=DAYS_AHEAD)).date().isoformat()
    if arguments.date > latest and not arguments.force:
        raise RefusedError(f"{arguments.date} is more than {DAYS_AHEAD} days ahead; if it is right, add --force")
    publisher, publishers = _publisher(target), about.get("publishers")
    if publishers and publisher not in publishers and not arguments.force:
        raise RefusedError(
            f"events of {arguments.product} count from account {' or '.join(publishers)} only, and {target.name} is in account {publisher}"
        )
    if "EventArchiveArn" in target.outputs and "DomainEventBusArn" not in target.outputs:
        warnings.append(
            f"the event comes from account {publisher}; in a mesh it counts only if that is the account of {arguments.product.split('/')[0]}"
        )
    first, last = about.get("event_dates", ("", "9"))
    if not first <= arguments.date <= last:
        warnings.append(
            f"{target.name} refuses events that are dated outside {first} to {last}, and keeps them as dead letters; "
            "its parameters EventDaysAhead and EventYearsBack decide"
        )
    cycles = about.get("cycles")
    if cycles is not None and (arguments.cycle or "") not in (cycles or [""]) and not arguments.force:
        given = f"cycle {arguments.cycle}" if arguments.cycle else "an event without a cycle"
        expected = f"--cycle with one of {', '.join(cycles)}" if cycles else "no --cycle, since it opens once a day"
        raise RefusedError(f"{arguments.product}: found {given}, expected {expected}; no run would match the event")
    return warnings


def _publisher(target: Application) -> str:
    """The account of the stack, which EventBridge names in the event."""
    bus = target.outputs.get("DomainEventBusArn") or target.outputs["CentralEventBusArn"]
    return bus.split(":")[4] if bus.count(":") > 4 else ""


def _about(arguments: argparse.Namespace, target: Application) -> dict[str, Any]:
    """What the application knows of the product; empty if it has no catalog, as the central stack of a mesh, or if it does not answer or
    does not know the product and `--force` is given. Raises `RefusedError`, `UsageError`."""
    if "InquireFunctionName" not in target.outputs:
        return {}
    try:
        found: dict[str, Any] = target.call(
            "InquireFunctionName", {"question": "product", "product": arguments.product}
        )
    except UsageError as error:
        if arguments.force:
            return {}
        raise type(error)(f"{error}; --force publishes the event without this check", **error.details) from None
    return found


def _detail(arguments: argparse.Namespace) -> dict[str, Any]:
    domain, product = arguments.product.split("/")
    return {
        "domain": domain,
        "product": product,
        "business_date": arguments.date,
        "status": arguments.status,
        "metadata": {},
        "refreshed_at": datetime.now(UTC).isoformat(),
        **({"cycle": arguments.cycle} if arguments.cycle else {}),
    }
