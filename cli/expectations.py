"""What the forecast adds to the status of a date: when what has not ended is expected, and whether it will probably miss its SLA."""

import argparse
from typing import Any

from headgate.cli.application import inquire
from headgate.cli.errors import UsageError

OPEN = ("WAITING", "PROCESSING", "NOT OPENED")


def expect(answer: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Adds `expected`, `low`, `high` and `at_risk` to the rows of the answer to `status`, and of what nobody has opened yet when it is due. Where nothing is open nothing is asked, and an application of the release before has
    no forecast."""
    rows = {(each["product"], each.get("cycle", "")): each for each in answer["products"] if each["status"] in OPEN}
    if not rows:
        return
    try:
        found = inquire(arguments, "forecast", business_date=answer["business_date"])["products"]
    except UsageError:
        return
    for each in found:
        if row := rows.get((each["product"], each.get("cycle", ""))):
            row |= {name: each[name] for name in ("expected", "low", "high", "at_risk") if name in each}
            if "due_at" in each:
                row.setdefault("due_at", each["due_at"])
