"""`headgate event`: publishes a refresh event on the central bus, as a producer does."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from headgate.cli import terminal
from headgate.cli.application import application
from headgate.cli.arguments import add_application, add_cycle, add_date, product_name
from headgate.cli.errors import FINE, UsageError

DETAIL_TYPES = {"COMPLETED": "Data Product Refreshed", "ERROR": "Data Product Failed"}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default=None)
    add_cycle(parser)
    parser.add_argument("--status", choices=tuple(DETAIL_TYPES), default="COMPLETED", help="default: COMPLETED")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    target = application(arguments)
    if "CentralEventBusArn" not in target.outputs:
        raise UsageError(f"{target.name} has no central bus; name the central stack with --stack")
    kind, detail = DETAIL_TYPES[arguments.status], _detail(arguments)
    entry = {
        "Source": "headgate",
        "DetailType": kind,
        "EventBusName": target.outputs["CentralEventBusArn"],
        "Detail": json.dumps(detail),
    }
    answer = target.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise UsageError(f"EventBridge refused the event: {answer['Entries'][0].get('ErrorCode')}")
    if arguments.json:
        terminal.print_json({"event_id": answer["Entries"][0]["EventId"], "detail": detail})
    else:
        terminal.line(f"published: {kind}, {arguments.product} for {arguments.date}")
    return FINE


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
