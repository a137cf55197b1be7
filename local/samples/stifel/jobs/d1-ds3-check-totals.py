"""The positions hold exactly what was traded."""

from tables import arguments, read

given = arguments()
traded, held = (sum(int(row["quantity"]) for row in read(given, product)) for product in ("d1/ds1", "d1/ds3"))
if traded != held:
    raise SystemExit(f"{traded} traded, but {held} in positions")
