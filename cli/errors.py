"""How a command ends: exit codes, and the error whose text is the message to the user."""

from typing import Any

FINE, FINDINGS, USAGE = 0, 1, 2


class UsageError(Exception):
    """The command cannot do what its arguments ask for. The message says why and what to do; `details` go beside it into JSON."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details
