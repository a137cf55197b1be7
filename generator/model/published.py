"""A contract of another repository, as it lies in products/contracts: what its product promises, and what it needs of others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.generator.model.product import Needs

VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
ANYTHING = re.compile(".+")
NEEDED = re.compile(r"\^[0-9]+(\.[0-9]+){0,2}")


@dataclass(frozen=True, slots=True)
class WrittenNeed:
    """What the product of the contract needs of another one; `pointer` is its place in the file."""

    product: str
    needs: Needs
    pointer: str


@dataclass(frozen=True, slots=True)
class Published:
    """`identity` is that of the product. What the contract does not say, or says in another form than Headgate writes it, is None or empty."""

    identity: str
    owner: str
    file: Path
    version: str | None
    columns: tuple[str, ...]
    complete_by: str | None
    timezone: str | None
    needs: tuple[WrittenNeed, ...]


def published(document: dict[str, Any], file: Path) -> Published:
    """The contract of a document that has been checked by contract.schema.json."""
    times = [each for each in document.get("slaProperties", ()) if each["property"] == "timeOfAvailability"]
    promised: dict[str, Any] = times[0] if times else {}
    team = document.get("team")
    return Published(
        document["id"],
        str(team["name"]) if isinstance(team, dict) and "name" in team else document["id"],
        file,
        _text(document["version"], VERSION),
        tuple(column["name"] for each in document.get("schema", ()) for column in each.get("properties", ())),
        _text(promised.get("value"), TIME),
        _text(promised.get("valueExt")),
        tuple(_needs(document)),
    )


def _needs(document: dict[str, Any]) -> Iterator[WrittenNeed]:
    for number, own in enumerate(document.get("customProperties", ())):
        if own["property"] != "needs" or not isinstance(own["value"], list):
            continue
        for index, each in enumerate(own["value"]):
            if not isinstance(each, dict) or "product" not in each:
                continue
            columns = each.get("columns")
            needs = Needs(
                _text(each.get("by"), TIME),
                _text(each.get("timezone")),
                tuple(column for column in columns if isinstance(column, str)) if isinstance(columns, list) else (),
                _text(each.get("version"), NEEDED),
            )
            yield WrittenNeed(str(each["product"]), needs, f"/customProperties/{number}/value/{index}")


def _text(value: Any, form: re.Pattern[str] = ANYTHING) -> str | None:
    """The value where it is a text of this form."""
    return value if isinstance(value, str) and form.fullmatch(value) else None
