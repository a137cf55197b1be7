"""The secrets of the databases that products' steps name."""

import contextlib
import json
from pathlib import Path
from typing import Any

from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each secret anew. What it names as the host of the database is the data folder, over whose files statements run; without a folder of
    scripts nothing has real work to do, and neither have they."""
    secrets = stack.client("secretsmanager")
    host = str(data) if scripts else INSTANT
    for name in sorted({each["settings"]["secret"] for each in steps}):
        text = json.dumps({"engine": "redshift", "host": host, "username": "loader", "password": "local"})
        with contextlib.suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=name, SecretString=text)
        secrets.put_secret_value(SecretId=name, SecretString=text)
