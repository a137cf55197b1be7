"""Checks that every region has a price of both kinds, and puts them into one table for queries."""

import csv
import os
import sys
from pathlib import Path

data, business_date = Path(os.environ["DATA"]), sys.argv[1]
rows: list[dict[str, str]] = []
for kind in ("rent", "sale"):
    with open(data / "marketplace" / "price-index" / f"{business_date}-{kind}.csv", newline="") as file:
        rows += csv.DictReader(file)
regions = {row["region"] for row in rows}
missing = {(region, kind) for region in regions for kind in ("rent", "sale")} - {
    (row["region"], row["kind"]) for row in rows
}
if missing:
    raise SystemExit(f"no price of {', '.join(f'{region} ({kind})' for region, kind in sorted(missing))}")
with open(data / "price_index.csv", "w", newline="") as file:
    table = csv.DictWriter(file, ["business_date", "region", "kind", "price"])
    table.writeheader()
    table.writerows(rows)
