"""The price index of one kind of listings: a Spark application on AWS, a process here."""

import csv
import os
import sys
from pathlib import Path

kind, business_date = sys.argv[1:3]
PRICES: dict[str, dict[str, float]] = {
    "rent": {"Berlin": 17.8, "Hamburg": 15.2, "Munich": 21.6},
    "sale": {"Berlin": 5410, "Hamburg": 5890, "Munich": 9130},
}
folder = Path(os.environ["DATA"], "marketplace", "price-index")
folder.mkdir(parents=True, exist_ok=True)
with open(folder / f"{business_date}-{kind}.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["business_date", "region", "kind", "price"])
    rows.writerows([business_date, region, kind, price] for region, price in PRICES[kind].items())
