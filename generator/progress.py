"""How long work reports how far it is; the command line shows it."""

from collections.abc import Callable

# What is being done, how many items are done, how many there are. Called again and again, last with all of them done.
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """For callers that show nothing."""
