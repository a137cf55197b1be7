"""JSON that is rendered once and filled in for each product: cut where texts of a product stand.

The canonical form does not depend on how long texts are, so what is filled in is what would have been rendered.
"""

import re
from collections.abc import Mapping

import orjson

from headgate.generator.plan.machine import token

Parts = tuple[str, ...]
_TOKEN = re.compile(token("([a-z_]+[0-9]*)"))


def cut(text: str) -> Parts:
    """The text of a prototype; every second part is the name of a token."""
    return tuple(_TOKEN.split(text))


def fill(parts: Parts, texts: Mapping[str, str]) -> str:
    """The text with each token's name replaced by what `texts` has for it, as JSON has it within quotes."""
    written = {name: orjson.dumps(text).decode()[1:-1] for name, text in texts.items()}
    return "".join(written[part] if index % 2 else part for index, part in enumerate(parts))
