"""Security prices without the zeroes vendors send for what was not traded."""

from tables import arguments, read, write

given = arguments()
prices = [row for row in read(given, "raw/rd3", "price_date") if float(row["price"]) > 0]
if not prices:
    raise SystemExit("no security has a price")
write(given, "d1/ds2", prices)
