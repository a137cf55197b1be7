"""Any integration: the endpoint makes the call itself where it has the service. No event of a service is made up, so a step that waits for one ends
by its timeout.
"""

from headgate.local.adapters.settings import Settings

HOOKS = ()


def install(settings: Settings) -> None:
    """Nothing to replace: `permissions` compares a call that no adapter describes with the actions that the role allows."""
