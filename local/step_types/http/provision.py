"""The secrets of the connections that products' steps name, and those with the headers."""

import contextlib
import json
from pathlib import Path
from typing import Any

from headgate.local.stack import Stack

HEADERS = json.dumps({"Authorization": "Bearer local"})


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates the secret of each connection, as EventBridge does, and each secret with headers; both hold the same credentials. The API itself is
    whatever answers at the address: a process of this machine, at http://localhost."""
    secrets = stack.client("secretsmanager")
    settings = [each["settings"] for each in steps]
    names = {f"events!connection/{each['connection']}/local" for each in settings} | {
        each["secret"] for each in settings
    }
    for name in sorted(names):
        with contextlib.suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=name, SecretString=HEADERS)
