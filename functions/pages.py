"""Which page of rows is the last one, so that nobody asks the state for one that is empty."""

import json

from state.answers import Row

FULL = 900_000  # bytes at which the state cuts a page (12_limits.sql), counted as the Data API sends them
LONGEST = 65_536  # bytes of a row at most


def is_last(found: list[Row], page: int) -> bool:
    """True if this page, of at most `page` rows, is surely the last: it has fewer, and a further row would not have been cut off."""
    return len(found) < page and sum(map(_bytes, found)) < FULL - LONGEST


def _bytes(row: Row) -> int:
    """At least those of the row with its key within it, which the answer gives beside it."""
    return len(json.dumps(row.entry)) + len(json.dumps(json.dumps(row.key))) + len('"key": , ')
