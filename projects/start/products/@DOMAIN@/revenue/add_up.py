"""Adds up the orders of a date. Tables are CSV files, <data>/<domain>/<product>/<date>.csv, in S3 or in a folder."""

import argparse
import csv
import io
from decimal import Decimal
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--date", required=True)
given = parser.parse_known_args()[0]


def read(key: str) -> str:
    if not given.data.startswith("s3://"):
        return Path(given.data, key).read_text("utf-8")
    import boto3

    answer = boto3.client("s3").get_object(Bucket=given.data.removeprefix("s3://"), Key=key)
    return answer["Body"].read().decode("utf-8")


def write(key: str, text: str) -> None:
    if given.data.startswith("s3://"):
        import boto3

        boto3.client("s3").put_object(Bucket=given.data.removeprefix("s3://"), Key=key, Body=text.encode())
    else:
        path = Path(given.data, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


orders = list(csv.DictReader(io.StringIO(read(f"@DOMAIN@/orders/{given.date}.csv"))))
revenue = sum((Decimal(each["price"]) * int(each["quantity"]) for each in orders), Decimal())
write(f"@DOMAIN@/revenue/{given.date}.csv", f"date,orders,revenue\n{given.date},{len(orders)},{revenue}\n")
print(f"{len(orders)} orders, revenue {revenue}")
