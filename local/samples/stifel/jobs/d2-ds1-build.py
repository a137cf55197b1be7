"""Counterparties with their limits."""

from tables import arguments, read, write

given = arguments()
rows = read(given, "raw/rd4", "as_of")
if len({row["counterparty_id"] for row in rows}) != len(rows):
    raise SystemExit("a counterparty occurs twice")
if any(float(row["limit"]) < 0 for row in rows):
    raise SystemExit("a limit is negative")
write(given, "d2/ds1", rows)
