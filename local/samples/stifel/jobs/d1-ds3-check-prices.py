"""Every position is valued at a price of the day."""

from tables import arguments, read

given = arguments()
prices = {row["security_id"]: float(row["price"]) for row in read(given, "d1/ds2", "price_date")}
for row in read(given, "d1/ds3"):
    expected = int(row["quantity"]) * prices[row["security_id"]]
    if abs(expected - float(row["value"])) > 0.005:
        raise SystemExit(f"{row['account']} {row['security_id']}: valued {row['value']}, expected {expected:.2f}")
