"""Rows in lists that fit into one call."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def chunks(rows: Iterable[dict[str, Any]], most_bytes: int, most: int | None = None) -> Iterator[list[dict[str, Any]]]:
    """The rows in their order, in lists of at most `most_bytes` characters of JSON and `most` rows. A row that is longer alone is a list of its own."""
    chunk: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row))
        if chunk and (len(chunk) == most or size + length > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    if chunk:
        yield chunk
