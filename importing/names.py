"""Names of Headgate for those of other systems: the same every time, and different for different things."""

import hashlib
import re

from headgate.generator.metadata.files import BUCKETS, CALENDARS, MAX_NAME, RESERVED

MAX_STEP = 40
TAKEN = {*RESERVED, CALENDARS, BUCKETS, "domain", "product"}  # names of files and folders that Headgate uses itself


def slug(text: str, longest: int = MAX_NAME) -> str:
    """Lower-case letters, digits and single dashes; what is cut off goes into a digest at the end."""
    made = re.sub(r"[^a-z0-9]+", "-", re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", text).lower()).strip("-")
    if not made:
        made = f"x-{_digest(text)}"
    if len(made) > longest:
        made = f"{made[: longest - 7].rstrip('-')}-{_digest(text)}"
    return made


class Names:
    """Gives every key a name of its own. The same keys in the same order get the same names."""

    def __init__(self, longest: int = MAX_NAME, taken: frozenset[str] = frozenset(TAKEN), letter: bool = False) -> None:
        self._longest, self._letter = longest, letter
        self._used = dict.fromkeys(taken, "")
        self._given: dict[str, str] = {}

    def of(self, key: str, text: str = "") -> str:
        """The name for the key, made of `text` (default: the key)."""
        if key in self._given:
            return self._given[key]
        name = slug(text or key, self._longest)
        if self._letter and not name[0].isalpha():
            name = slug(f"step-{name}", self._longest)
        if name in self._used:
            name = f"{name[: self._longest - 7].rstrip('-')}-{_digest(key)}"
        self._used[name] = key
        self._given[key] = name
        return name


def step_names() -> Names:
    """Names of the steps of one pipeline."""
    return Names(MAX_STEP, frozenset(), letter=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
