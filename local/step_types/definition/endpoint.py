"""The endpoint's engine runs the states of a definition itself, and makes their calls where it has the service. It has no `.sync` tasks."""

from headgate.local.adapters.settings import Settings

HOOKS = ()


def install(settings: Settings) -> None:
    """Nothing to replace: `permissions` compares a call that no adapter describes with the actions that the role allows."""
