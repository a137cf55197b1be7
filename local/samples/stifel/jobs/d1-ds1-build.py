"""Trades joined with their accounts."""

from tables import arguments, read, write

given = arguments()
accounts = {row["account_id"]: row for row in read(given, "raw/rd1")}
trades = read(given, "raw/rd2", "trade_date")
unknown = sorted({row["account_id"] for row in trades} - accounts.keys())
if unknown:
    raise SystemExit(f"trades of accounts that the account master does not have: {', '.join(unknown)}")
write(given, "d1/ds1", [{**row, "account": accounts[row["account_id"]]["name"]} for row in trades])
