"""The question `forecast`: the columns of the state, as rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from state.answers import Row
from state.calls import State

MOMENTS = ("due_at", "low", "expected", "high", "usually_at")
NUMBERED = ("waits_for", "because")
EACH = 90  # bytes that the state reckons for a product besides its name (`forecast_answer`)
CUT = range(
    900_000 - 1_000, 900_000
)  # bytes of an answer that may have been cut: without a further product, which has a thousand at most
Entry = dict[str, Any]


def forecast(
    state: State, on_date: date, product: str | None, at_risk: bool, most: int, now: datetime
) -> tuple[list[Entry], bool]:
    """The rows, and whether there are more than `most` or so. The state computes all products at once; an answer of it holds some ten thousand, and what is beyond
    that is asked for once more, which computes all of them again."""
    rows: list[Entry] = []
    after = ""
    while len(rows) < most:
        found = read(state.forecast_columns(on_date, product, at_risk, after, now), on_date)
        if not found:
            return rows, False
        rows += found
        names = [" ".join(part for part in (each["product"], each.get("cycle")) if part) for each in found]
        if sum(len(name.encode()) + EACH for name in names) not in CUT and len(rows) <= most:
            return rows, False
        after = names[-1]
    return rows, True


def read(parts: list[Row], on_date: date) -> list[Entry]:
    """The rows of an answer of the state. What has nothing to say is absent."""
    if not parts:
        return []
    texts: dict[str, str] = {}
    for part in parts:
        texts[part.key] = texts.get(part.key, "") + part.entry
    columns = {name: text.split(",") for name, text in texts.items()}
    midnight = datetime(on_date.year, on_date.month, on_date.day, tzinfo=UTC)
    products = columns["product"]

    def value(name: str, text: str) -> Any:
        if name in MOMENTS:
            return (midnight + timedelta(seconds=int(text))).isoformat()
        if name in NUMBERED:
            return products[int(text)] if text.isdigit() else text
        return int(text) if name == "because_late" else True if name == "at_risk" else text

    return [
        {
            name: value(name, column[number])
            for name, column in columns.items()
            if number < len(column) and column[number]
        }
        for number in range(len(products))
    ]
