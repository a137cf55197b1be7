"""Runs one statement in DuckDB over the files of a folder, as a process: each CSV, JSON or Parquet file is a table by its name. What the
statement creates is kept in a database beside them, and its rows in a file with the id of the query.

DuckDB's SQL is close to that of Athena and Redshift and not the same; a statement that DuckDB refuses may be right.
"""

import os
import sys
import time
from pathlib import Path

import duckdb

PATIENCE = 60.0  # seconds: a process has the database for itself, and others wait


def connected(file: Path) -> duckdb.DuckDBPyConnection:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return duckdb.connect(str(file))
        except duckdb.IOException:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def main(file: Path, statement: str, values: list[str], result: Path) -> None:
    with connected(file) as database:
        kept = {name for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for reader, ending in (("read_csv_auto", "csv"), ("read_json_auto", "json"), ("read_parquet", "parquet")):
            for each in sorted(file.parent.glob(f"*.{ending}")):
                if each.stem not in kept:
                    path = str(each).replace("'", "''")
                    database.execute(f"CREATE OR REPLACE TEMP VIEW \"{each.stem}\" AS SELECT * FROM {reader}('{path}')")
        if values:
            # as Athena has it, the values are literals of SQL
            database.execute(f"PREPARE headgate_statement AS {statement}")
            answered = database.execute(f"EXECUTE headgate_statement({', '.join(values)})")
        else:
            answered = database.execute(statement)
        if answered.description:
            result.parent.mkdir(exist_ok=True)
            lines = [",".join(str(column[0]) for column in answered.description)]
            lines += [",".join(map(str, row)) for row in answered.fetchall()]
            result.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main(Path(os.environ["DATABASE"]), os.environ["STATEMENT"], sys.argv[1:], Path(os.environ["RESULT"]))
    except duckdb.Error as error:
        raise SystemExit(" ".join(str(error).split())) from None
