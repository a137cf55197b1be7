"""State machines of others run in the endpoint's own engine, which reports their ends. What is added here is what a machine needs to start one."""

from collections.abc import Iterator
from typing import Any

from headgate.local.adapters.settings import Settings

HOOKS = ("stepfunctions:_start_execution",)


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "states:StartExecution", given["StateMachineArn"]


PERMISSIONS = {"aws-sdk:sfn:startExecution": _needed}


def install(settings: Settings) -> None:
    """Nothing is replaced."""
