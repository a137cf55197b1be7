"""How a command ends: exit codes, and the errors whose text is the message to the user."""

from typing import Any

FINE, FINDINGS, USAGE, REFUSED = 0, 1, 2, 3


class UsageError(Exception):
    """The command cannot do what its arguments ask for. The message says why and what to do; `details` go beside it into JSON."""

    code = USAGE

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class RefusedError(UsageError):
    """The arguments are in order, but the state of the application does not allow the operation, or the user has not confirmed it.
    Nothing has been changed."""

    code = REFUSED
