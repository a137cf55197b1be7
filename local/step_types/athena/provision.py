"""The workgroups that products' steps name."""

import contextlib
from pathlib import Path
from typing import Any

from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each workgroup anew. Its queries run over the files of the data folder; without a folder of scripts nothing has real work to do,
    and neither have they."""
    athena = stack.client("athena")
    results = {"OutputLocation": str(data) if scripts else INSTANT}
    for name in sorted({each["resource"] for each in steps}):
        with contextlib.suppress(athena.exceptions.InvalidRequestException):
            athena.delete_work_group(WorkGroup=name)  # of an earlier start
        athena.create_work_group(Name=name, Configuration={"ResultConfiguration": results})
