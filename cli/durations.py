"""How long work took the last time: what the time left is estimated from where the work itself gives no pace."""

import contextlib
import json
from pathlib import Path

DURATIONS = Path(".headgate") / "durations.json"
MIN_SECONDS = 0.5  # work that was shorter needed no estimate, and was perhaps only found in the cache


class Durations:
    """How many seconds each piece of work took the last time, kept in a file of the project."""

    def __init__(self, path: Path, on: bool) -> None:
        self._path, self._on = path, on
        self._seconds: dict[str, float] = _read(path) if on else {}

    def last(self, what: str) -> float | None:
        return self._seconds.get(what)

    def put(self, what: str, seconds: float) -> None:
        """Keeps the duration; work that was so short that nobody waited for it does not count."""
        if self._on and what and seconds > MIN_SECONDS:
            self._seconds[what] = round(seconds, 2)

    def save(self) -> None:
        if self._on and self._seconds:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(exist_ok=True)
                self._path.write_text(json.dumps(self._seconds, indent=1), "utf-8")


def _read(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: each for key, each in found.items() if isinstance(each, float)} if isinstance(found, dict) else {}
