"""A Glue job in plain Python that puts the rows of CSV files into an Apache Iceberg table of the Glue Data Catalog, by key.

A second load of a batch commits nothing; a newer version of a file takes out the rows that it has no more. The job may run as often at once as there are
batches. It is a Spark job of Glue 5, for its Python 3.11, and does not use Spark. Arguments: those of the batch, and

- `--data s3://bucket/folder`, below which tables are made,
- `--table database.table` and `--key account,cusip`, the columns that tell the rows of a date apart,
- `--select "account, cusip, CAST(quantity AS BIGINT) AS quantity"`, what of a file is a row; every column of a CSV file is text,
- `--order number` for files of changes (`load: cdc`), the column that says which of two rows with the same key is newer,
- `--extra-py-files` with `headgate_jobs`, `--additional-python-modules pyiceberg==0.12.0,pyarrow==26.0.1,duckdb==2.0.0`.
"""

import argparse
import sys
import tempfile

import duckdb

from headgate_jobs.batch import Batch
from headgate_jobs.checks import evaluate, failed
from headgate_jobs.iceberg import Staging, catalog_of
from headgate_jobs.tables import DriftError, read_csv


def rows_of(batch, file, select):
    """The file's rows and the outcomes of its checks; None of a file that is rejected."""
    with tempfile.TemporaryDirectory() as place, duckdb.connect() as connection:
        try:
            table = read_csv(connection, file.download(place), columns=batch.columns)
        except DriftError as drift:
            file.rejected(str(drift))
            return None
        checks = evaluate(connection, table, batch.checks)
        if wrong := failed(checks):
            message = "; ".join(each["message"] or each["rule"] for each in wrong)
            file.rejected(message, rows_read=table.rows, checks=checks)
            return None
        return connection.cursor().sql(f'SELECT {select} FROM "{table.name}"').to_arrow_table(), checks


def main(argv):
    parser = argparse.ArgumentParser()
    for name in ("data", "table", "key", "select"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--order", default="")
    given = parser.parse_known_args(argv[1:])[0]
    staging = Staging(catalog_of(given.data), given.table, given.key.split(","), given.order)
    with Batch.of_arguments(argv) as batch:
        loaded = []
        for file in batch:
            with file:
                if found := rows_of(batch, file, given.select):
                    rows, checks = found
                    file.processed(rows_read=rows.num_rows, rows_written=rows.num_rows, checks=checks)
                    loaded.append((file, rows))
        try:
            staging.upsert(batch, loaded)
        except Exception as error:  # nothing of the batch is in the table
            for file, _ in loaded:
                file.failed(f"{type(error).__name__}: {error}")
            raise


if __name__ == "__main__":
    main(sys.argv)
