"""Loads positions: one Parquet file for each file that landed, so that a second load of a file changes nothing."""

import sys
import tempfile
from pathlib import Path

import duckdb

from headgate_jobs.batch import Batch
from headgate_jobs.checks import evaluate, failed
from headgate_jobs.tables import DriftError, read_csv

table = Path(sys.argv[sys.argv.index("--data") + 1], "positions")
table.mkdir(parents=True, exist_ok=True)
with Batch.of_arguments() as batch:
    for file in batch:
        with file, tempfile.TemporaryDirectory() as place, duckdb.connect() as connection:
            try:
                rows = read_csv(connection, file.download(place), columns=batch.columns)
            except DriftError as drift:
                file.rejected(str(drift))
                continue
            checks = evaluate(connection, rows, batch.checks)
            if wrong := failed(checks):
                file.rejected("; ".join(each["message"] or each["rule"] for each in wrong), rows.rows, checks)
                continue
            connection.execute(f"COPY file TO '{table}/{file.file_id}.parquet' (FORMAT parquet)")
            for older in file.replaces:
                Path(table, f"{older}.parquet").unlink(missing_ok=True)
            file.processed(rows.rows, rows.rows, checks=checks)
