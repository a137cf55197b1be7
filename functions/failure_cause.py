"""The cause of a failed task, as a person reads it."""

import json
from typing import Any


def readable(cause: str | None) -> str | None:
    """The message of a function that raised, and where it did, on one line; other causes as they are. Step Functions gives a function's error object as
    the text of the cause: docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    try:
        said = json.loads(cause or "")
    except (ValueError, RecursionError):
        return cause
    if not isinstance(said, dict) or not isinstance(said.get("errorMessage"), str) or not said["errorMessage"]:
        return cause
    return str(said["errorMessage"]) + _place(said.get("stackTrace"))


def _place(trace: Any) -> str:
    """The innermost frame, ` (File "/var/task/f.py", line 3, in handler)`."""
    frames = [each.strip() for each in trace if isinstance(each, str)] if isinstance(trace, list) else []
    return f" ({frames[-1].splitlines()[0]})" if frames and frames[-1] else ""
