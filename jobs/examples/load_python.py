"""A Glue job in plain Python (Python shell) that loads CSV files into a folder of Parquet files, one for each file.

A second load of a file writes the same object again, and a newer version of it removes what the older ones wrote: so a batch may be repeated.

Arguments: `--target s3://bucket/folder/`, and those of the batch. It needs `--extra-py-files` with `headgate_jobs`, and
`--additional-python-modules duckdb==2.0.0`.
"""

import sys
import tempfile
from pathlib import Path

import boto3
import duckdb

from headgate_jobs.batch import Batch
from headgate_jobs.checks import evaluate, failed
from headgate_jobs.tables import DriftError, read_csv


def load(batch, file, bucket, folder):
    with tempfile.TemporaryDirectory() as place, duckdb.connect() as connection:
        try:
            table = read_csv(connection, file.download(place), columns=batch.columns)
        except DriftError as drift:
            file.rejected(str(drift))
            return
        checks = evaluate(connection, table, batch.checks)
        if wrong := failed(checks):
            file.rejected(
                "; ".join(each["message"] or each["rule"] for each in wrong), rows_read=table.rows, checks=checks
            )
            return
        written = Path(place, "rows.parquet")
        connection.execute(f"COPY \"{table.name}\" TO '{written}' (FORMAT parquet)")
        s3 = boto3.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{folder}{file.file_id}.parquet", Body=written.read_bytes())
        for older in file.replaces:
            s3.delete_object(Bucket=bucket, Key=f"{folder}{older}.parquet")
        file.processed(rows_read=table.rows, rows_written=table.rows, checks=checks)


def main(argv):
    target = argv[argv.index("--target") + 1]
    with Batch.of_arguments(argv) as batch:
        bucket, _, prefix = target.removeprefix("s3://").partition("/")
        folder = f"{prefix.rstrip('/')}/business_date={batch.business_date}/"
        for file in batch:
            with file:
                load(batch, file, bucket, folder)


if __name__ == "__main__":
    main(sys.argv)
