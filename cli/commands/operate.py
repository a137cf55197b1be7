"""`headgate rerun | hold | release | skip | backfill`, and `event`, which puts a refresh event on the central bus."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from headgate.cli import report
from headgate.cli.deployed import actor, add_where, deployed
from headgate.cli.project import FINE, UsageError, product_name

ACTIONS = {
    "rerun": "start the next attempt of a finished run",
    "hold": "keep a product, or one run, from starting",
    "release": "let a product or run go that was held back",
    "skip": "end a waiting run as SKIPPED",
    "backfill": "open the runs of past business dates, of a product or of all that a domain's schedules open",
    "event": "put a refresh event on the central bus, as a producer does",
}
NEED_DATE = ("rerun", "skip", "backfill", "event")


class Operation:
    """One of the actions, as a command."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.__doc__ = f"`headgate {action}`: {ACTIONS[action]}."

    def add(self, parser: argparse.ArgumentParser) -> None:
        if self.action == "backfill":
            parser.add_argument("product", metavar="DOMAIN[/PRODUCT]")
        else:
            parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
        needed = self.action in NEED_DATE
        parser.add_argument(
            "--date",
            metavar="YYYY-MM-DD",
            required=needed,
            help="the business date" + ("" if needed else " (default: all)"),
        )
        if self.action == "backfill":
            parser.add_argument("--until", metavar="YYYY-MM-DD", help="the last business date (default: --date)")
        else:
            parser.add_argument("--cycle", metavar="HHMM", help="the opening, of a product with several a day")
        if self.action == "rerun":
            parser.add_argument("--downstream", action="store_true", help="also what depends on it, near or far")
        if self.action == "event":
            parser.add_argument("--status", choices=("COMPLETED", "ERROR"), default="COMPLETED")
        add_where(parser)

    def run(self, arguments: argparse.Namespace) -> int:
        if self.action == "event":
            return _put_event(arguments)
        names = {
            "product": "product",
            "date": "business_date",
            "until": "until",
            "cycle": "cycle",
            "downstream": "downstream",
        }
        given = {key: getattr(arguments, name, None) for name, key in names.items()}
        event = {key: value for key, value in given.items() if value is not None}
        if self.action == "backfill" and "/" not in arguments.product:
            event["domain"] = event.pop("product")
        result = deployed(arguments).call("OperateFunctionName", {**event, "action": self.action, "actor": actor()})
        if arguments.json:
            report.print_json(result)
        else:
            print(_told(self.action, result))
        return FINE


def _told(action: str, result: Any) -> str:
    if action == "rerun":
        runs = [f"{each['product']} for {each['business_date']}: attempt {each['attempt']}" for each in result]
        return "\n".join(runs)
    return ", ".join(f"{report.plural(count, 'run')} {name}" for name, count in result.items())


def _put_event(arguments: argparse.Namespace) -> int:
    where = deployed(arguments)
    domain, product = arguments.product.split("/")
    if "CentralEventBusArn" not in where.outputs:
        raise UsageError(f"{where.where} has no central bus; ask the stack that has it")
    detail = {
        "domain": domain, "product": product, "business_date": arguments.date, "status": arguments.status, "metadata": {},
        "refreshed_at": datetime.now(UTC).isoformat(), **({"cycle": arguments.cycle} if arguments.cycle else {}),
    }  # fmt: skip
    kind = "Data Product Refreshed" if arguments.status == "COMPLETED" else "Data Product Failed"
    entry = {
        "Source": "headgate",
        "DetailType": kind,
        "EventBusName": where.outputs["CentralEventBusArn"],
        "Detail": json.dumps(detail),
    }
    answer = where.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise UsageError(f"EventBridge refused the event: {answer['Entries'][0].get('ErrorCode')}")
    if arguments.json:
        report.print_json({"event_id": answer["Entries"][0]["EventId"], "detail": detail})
    else:
        print(f"put on the bus: {kind}, {arguments.product} for {arguments.date}")
    return FINE
