"""What the endpoint keeps from a stop to the next start.

Executions that ran are unknown afterwards, as they are after a crash. The endpoint gives them the end FAILED with an error of Step Functions
itself. The application takes such an end for a machine that broke and starts the run again twice at most; an application that is stopped each
evening would turn its waiting runs into errors on the third day.

A state that could not be written, for example on a full disk, is reported by the endpoint in its log alone. Here its process ends with an error.
"""

from pathlib import Path
from typing import Any

from ministack.core import persistence
from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = (
    "stepfunctions:_restore_state", "stepfunctions:_executions", "core.persistence:save_state", "core.persistence:STATE_DIR",
    "core.persistence:PERSIST_STATE",
)  # fmt: skip


def install(settings: Settings) -> None:
    _forget_running_executions()
    _notice_what_is_not_saved(settings)


def _forget_running_executions() -> None:
    restore = engine._restore_state

    def restored(saved: Any) -> None:
        restore(saved)
        executions = engine._executions._data
        for key in [key for key, each in executions.items() if each.get("error") == "States.ServiceRestart"]:
            del executions[key]

    engine._restore_state = restored


def _notice_what_is_not_saved(settings: Settings) -> None:
    save = persistence.save_state

    def saved(service: str, state: Any) -> None:
        file = Path(persistence.STATE_DIR, f"{service}.json")
        before = file.stat().st_ino if file.exists() else None
        save(service, state)
        if persistence.PERSIST_STATE and (
            not file.exists() or file.stat().st_ino == before
        ):  # it is replaced, not written over
            settings.unsaved.append(service)

    persistence.save_state = saved
