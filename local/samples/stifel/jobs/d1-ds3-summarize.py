"""A Lambda function (the others are Glue jobs): the totals of the day's positions by account."""

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from tables import read


class EmptyAccountError(Exception):
    """An account whose positions have no value."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Writes <data>/d1/ds3/<business date>.json for {product, business_date, largest}: the total of each account, and the largest."""
    given = argparse.Namespace(data=Path(os.environ["DATA"]), business_date=event["business_date"])
    totals: defaultdict[str, float] = defaultdict(float)
    for row in read(given, event["product"]):
        totals[row["account"]] += float(row["value"])
    empty = sorted(account for account, total in totals.items() if not total)
    if empty:
        raise EmptyAccountError(", ".join(empty))
    summary = {
        "business_date": event["business_date"],
        "totals": {account: round(total, 2) for account, total in sorted(totals.items())},
        "largest": sorted(totals, key=lambda account: -totals[account])[: event["largest"]],
    }
    (given.data / event["product"] / f"{event['business_date']}.json").write_text(json.dumps(summary, indent=2))
    return {"accounts": len(totals)}
