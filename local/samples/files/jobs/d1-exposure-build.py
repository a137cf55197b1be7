"""Sums the positions that have been loaded, and prints the exposure."""

import sys
from pathlib import Path

import duckdb

data = Path(sys.argv[sys.argv.index("--data") + 1])
with duckdb.connect() as connection:
    ((count, total),) = connection.execute(
        f"SELECT count(*), sum(quantity::BIGINT) FROM '{data}/positions/*.parquet'"
    ).fetchall()
print(f"{count} positions, {total} in all")
Path(data, "exposure.txt").write_text(f"{count} {total}\n")
