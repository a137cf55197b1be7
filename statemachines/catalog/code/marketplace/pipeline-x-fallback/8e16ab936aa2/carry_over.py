"""Carries the result of the day before over. Tables are CSV files by date, in S3 or in a folder."""

import argparse
import shutil
from datetime import date, timedelta
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--date", required=True, type=date.fromisoformat)
given = parser.parse_known_args()[0]
before, today = f"{given.date - timedelta(days=1)}.csv", f"{given.date}.csv"

if given.data.startswith("s3://"):
    import boto3

    bucket, _, prefix = given.data.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    if s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{before}").get("Contents"):
        s3.copy_object(
            Bucket=bucket, Key=f"{prefix}/{today}", CopySource={"Bucket": bucket, "Key": f"{prefix}/{before}"}
        )
        print(f"{before} carried over")
    else:
        print(f"no {before}: nothing to carry over")
else:
    folder = Path(given.data, "marketplace", "pipeline-x")
    if (folder / before).exists():
        shutil.copyfile(folder / before, folder / today)
        print(f"{before} carried over")
    else:
        print(f"no {before}: nothing to carry over")
