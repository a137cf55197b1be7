"""What the calls of products name is not known: it is created in the endpoint by hand, where a call needs it."""

from pathlib import Path
from typing import Any

from headgate.local.stack import Stack


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates nothing."""
