"""Positions with counterparty exposure, for the morning report."""

from collections import Counter

from tables import arguments, read, write

given = arguments()
counterparties = {row["counterparty_id"]: row for row in read(given, "d2/ds1", "as_of")}
exposure: Counter[str] = Counter()
for row in read(given, "d1/ds3"):
    exposure[row["counterparty_id"]] += abs(float(row["value"]))  # type: ignore[assignment]
unknown = sorted(exposure.keys() - counterparties.keys())
if unknown:
    raise SystemExit(f"positions with unknown counterparties: {', '.join(unknown)}")
write(
    given,
    "d1/ds4",
    [
        {
            "counterparty": counterparties[name]["name"], "exposure": f"{value:.2f}", "limit": counterparties[name]["limit"],
            "within": "yes" if value <= float(counterparties[name]["limit"]) else "no",
        }
        for name, value in sorted(exposure.items())
    ],
)  # fmt: skip
