"""The alert channels: one module each, named as in metadata. Adding a channel is adding its module and its property of the schema."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from alerting.delivery import Delivery, Secrets
from alerting.message import Alert, Message


class Channel(Protocol):
    """What the alerts function needs to know of a channel. One that must not log its targets has a function `shown(target)` as well, and one
    whose service says without a message what is wrong with a recipient a function `check(target, secrets)`, which gives that as texts."""

    RECOGNIZES_REPETITION: bool
    """Whether the receiver recognizes a second message of the same alert: then a doubtful delivery is repeated."""
    SEARCHES: bool
    """Whether `deliver` searches for an earlier message where `delivery["doubtful"]`: then it may be called again."""
    PAGES: bool
    """Whether a message wakes someone: then it receives trouble only, and once a cause."""
    UPDATES: bool
    """Whether an update changes what the recipient has, and is no message of its own."""

    def deliver(self, delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str | None:
        """The id by which the service knows the conversation's first message; None if there was nothing to send. Raises `NotDelivered`
        (as `Refused` if a person has to change something first) or `MaybeDelivered`."""


@cache
def channels() -> dict[str, Channel]:
    """Every channel by its name."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return {name: cast(Channel, import_module(f"{__name__}.{name}")) for name in names}


def properties() -> list[dict[str, Any]]:
    """What the state decides by: [{channel, recognizes, searches, pages, updates}]."""
    return [
        {"channel": name, "recognizes": each.RECOGNIZES_REPETITION, "searches": each.SEARCHES, "pages": each.PAGES, "updates": each.UPDATES}
        for name, each in channels().items()
    ]  # fmt: skip


def check(channel: str, target: str, secrets: Secrets) -> list[str]:
    """What is wrong with the recipient, as far as its service says without a message. Raises `NotDelivered` or `MaybeDelivered`."""
    ask = getattr(channels()[channel], "check", None)
    return list(ask(target, secrets)) if ask else []


def shown(channel: str, target: str) -> str:
    """The target as it may stand in a log."""
    show = getattr(channels()[channel], "shown", None)
    return str(show(target)) if show else target
