"""What the sample jobs share: tables are CSV files, <data>/<domain>/<product>/<business date>.csv."""

import argparse
import csv
from pathlib import Path

Row = dict[str, str]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--business_date", required=True)
    return parser.parse_known_args()[0]


def read(given: argparse.Namespace, product: str, date_column: str = "") -> list[Row]:
    """The product's rows of the business date. Ends the job where there are none, or where they are of another date."""
    path = given.data / product / f"{given.business_date}.csv"
    if not path.exists():
        raise SystemExit(f"{product} has no data for {given.business_date}")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise SystemExit(f"{product} is empty for {given.business_date}")
    strays = {row[date_column] for row in rows} - {given.business_date} if date_column else set()
    if strays:
        raise SystemExit(f"{product} for {given.business_date} has rows of {', '.join(sorted(strays))}")
    return rows


def write(given: argparse.Namespace, product: str, rows: list[Row]) -> None:
    """Writes the product's rows, all or nothing."""
    path = given.data / product / f"{given.business_date}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    with open(scratch, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    scratch.replace(path)
