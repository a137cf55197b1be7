"""What the local endpoint (ministack) lacks or is too lenient in, one small adapter a gap, each with its reason.

An adapter is a module with `HOOKS`, the names of the endpoint that it replaces or calls, and `install(settings)`. It may have
`PERMISSIONS`: what a machine's role must allow for a call, `RESOURCES`: what a call is about, and `TAGS` of that (see `permissions`). The adapters of step types are in
`local/step_types`. `install` first checks that every hook exists: another version of the endpoint may have moved one, and a gap that
opens again unnoticed would make every run on it worth less.
"""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

from headgate.local import step_types
from headgate.local.adapters.settings import Settings

VERSION = "1.5.33"
ADAPTERS = (
    "cloudformation", "timing", "landing", "functions", "outages", "processes", "machines", "maps", "ends", "saving", "permissions", "accounts", "replays", "addresses", "service_events", "api_destinations", "work", "shipped_code", "sdk_calls", "further_services", "ops_items", "http_apis",
)  # fmt: skip


class EndpointError(RuntimeError):
    """The installed endpoint is not the one the adapters were written for; the message names what is missing."""


def install(settings: Settings) -> None:
    """Installs every adapter. Raises `EndpointError`, and then has installed none."""
    modules = [import_module(f"headgate.local.adapters.{name}") for name in ADAPTERS] + step_types.endpoints(
        settings.project
    )
    missing = [f"{each.__name__}: {hook}" for each in modules for hook in each.HOOKS if not _exists(hook)]
    if missing:
        raise EndpointError(
            f"ministack {version('ministack')} lacks what the adapters for {VERSION} hook: {'; '.join(missing)}. "
            f"Install ministack=={VERSION}, or bring local/adapters up to the new version."
        )
    permissions = import_module("headgate.local.adapters.permissions")
    for each in modules:
        each.install(settings)
        if each is not permissions:
            permissions.PERMISSIONS.update(getattr(each, "PERMISSIONS", {}))
            permissions.RESOURCES.update(getattr(each, "RESOURCES", {}))
            permissions.TAGS.update(getattr(each, "TAGS", {}))


def _exists(hook: str) -> bool:
    module, _, name = hook.partition(":")
    try:
        found: ModuleType = import_module(
            f"ministack.{module}" if module.startswith("core.") or module == "app" else f"ministack.services.{module}"
        )
    except ImportError:
        return False
    return hasattr(found, name)
