"""Work in a second process, for a machine with two processors.

The process is a new interpreter and not a fork: the fork of a process with threads can hang. It only saves time: the caller
does the same work itself where the process fails.
"""

import sys
from collections.abc import Callable


def command(function: Callable[[], None]) -> list[str]:
    """What runs a module's function in a process of its own, with standard input and output."""
    # -P: a file of the user's that is named as a library's module must not be imported
    code = f"from {function.__module__} import {function.__name__} as run; run()"
    return [sys.executable, "-P", "-c", code]
