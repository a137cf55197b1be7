"""The functions and jobs that definitions name are created with those of steps (`local.provisioning`); what else their states call is created by hand."""

from pathlib import Path
from typing import Any

from headgate.local.stack import Stack


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates nothing."""
