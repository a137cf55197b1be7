"""Removes the invalid parts of a document, so that one mistake does not hide the next."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headgate.generator.findings import Finding, pointer_parts
from headgate.generator.metadata import schema
from headgate.generator.metadata.complete import UNKNOWN, complete
from headgate.generator.metadata.reading_rules import MISSING_KEY, ONE_OF


def drop_invalid(document: dict[str, Any], found: Sequence[Finding]) -> dict[str, Any] | None:
    """The document without what `found` points at, valid again; None if nothing valid is left.

    A key that is missing is filled in, so that the keys beside it are still checked.
    """
    left = copy.deepcopy(document)
    wrong = [each.pointer for each in found if each.rule not in (MISSING_KEY, ONE_OF)]
    for _ in range(5):  # removing a part can make the part around it incomplete, which is then removed too
        for at in wrong:
            _remove(left, pointer_parts(at))
        left = {"description": UNKNOWN, "owner": UNKNOWN, **left}
        complete(left)
        wrong = [each.pointer for each in schema.check(left, "product.schema.json", Path())]
        if not wrong:
            return left
    return None


def _remove(value: Any, parts: list[str]) -> None:
    """Removes the innermost key on the way to the place. Items of lists stay, so that the pointers after them stay valid."""
    holder, last = value, None
    for part in parts:
        if isinstance(value, dict) and part in value:
            holder, last = value, part
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            break
    if last is not None:
        del holder[last]
