"""What the local endpoint (ministack) lacks or is too lenient in, one small adapter a gap, each with its reason.

An adapter names what it hooks; `install` looks first whether all of it is there, since another version of the endpoint may
have moved it, and a gap that opens again unnoticed would make every run on it worth less.
"""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

from headgate.local.adapters.settings import Settings

VERSION = "1.5.33"
ADAPTERS = ("cloudformation", "timing", "functions", "machines", "permissions", "accounts", "glue_jobs")


class EndpointError(RuntimeError):
    """The installed endpoint is not the one the adapters were written for; the message says what is missing."""


def install(settings: Settings) -> None:
    """Installs every adapter. Raises `EndpointError`, and then has installed none."""
    modules = [import_module(f"headgate.local.adapters.{name}") for name in ADAPTERS]
    missing = [f"{each.__name__}: {hook}" for each in modules for hook in each.HOOKS if not _exists(hook)]
    if missing:
        raise EndpointError(
            f"ministack {version('ministack')} has not what the adapters for {VERSION} hook: {'; '.join(missing)}. "
            f"Install ministack=={VERSION}, or bring local/adapters up to the new version."
        )
    for each in modules:
        each.install(settings)


def _exists(hook: str) -> bool:
    module, _, name = hook.partition(":")
    try:
        found: ModuleType = import_module(
            f"ministack.{module}" if module.startswith("core.") else f"ministack.services.{module}"
        )
    except ImportError:
        return False
    return hasattr(found, name)
