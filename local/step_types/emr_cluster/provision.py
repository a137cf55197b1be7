"""Clusters belong to the runs that make them: there is nothing to create before."""

from pathlib import Path
from typing import Any

from headgate.local.stack import Stack


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates nothing."""
