"""Executions that ran when the endpoint was stopped are unknown to it afterwards, as they are after a crash.

The endpoint gives them the end FAILED with an error of Step Functions itself. The application takes such an end for a machine that broke
and starts the run again twice at most; an application that is stopped each evening would turn its waiting runs into errors on the third day.
"""

from typing import Any

from ministack.services import stepfunctions as engine

from headgate.local.adapters.settings import Settings

HOOKS = ("stepfunctions:_restore_state", "stepfunctions:_executions")


def install(settings: Settings) -> None:
    restore = engine._restore_state

    def restored(saved: Any) -> None:
        restore(saved)
        executions = engine._executions._data
        for key in [key for key, each in executions.items() if each.get("error") == "States.ServiceRestart"]:
            del executions[key]

    engine._restore_state = restored
