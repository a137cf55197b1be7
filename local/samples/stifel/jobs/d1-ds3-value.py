"""Positions by account, security and counterparty, valued."""

from collections import Counter

from tables import arguments, read, write

given = arguments()
prices = {row["security_id"]: float(row["price"]) for row in read(given, "d1/ds2", "price_date")}
positions: Counter[tuple[str, str, str]] = Counter()
for row in read(given, "d1/ds1", "trade_date"):
    positions[row["account"], row["security_id"], row["counterparty_id"]] += int(row["quantity"])
unpriced = sorted({security for _, security, _ in positions} - prices.keys())
if unpriced:
    raise SystemExit(f"positions in securities without a price: {', '.join(unpriced)}")
write(
    given,
    "d1/ds3",
    [
        {
            "account": account, "security_id": security, "counterparty_id": counterparty, "quantity": str(quantity),
            "value": f"{quantity * prices[security]:.2f}",
        }
        for (account, security, counterparty), quantity in sorted(positions.items())
    ],
)  # fmt: skip
