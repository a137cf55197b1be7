"""The state machines that products' steps name."""

import contextlib
import json
from pathlib import Path
from typing import Any

from headgate.local import step_role
from headgate.local.stack import Stack

NOTHING = {"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each machine with the definition `<name>.asl.json` of the folder of scripts; without one it succeeds at once. One of an earlier start
    gets the definition of this one."""
    states = stack.client("stepfunctions")
    place = f"{stack.region}:{stack.account}"
    role = step_role.created(stack)
    for name in sorted({each["resource"] for each in steps}):
        file = scripts / f"{name}.asl.json" if scripts else None
        definition = file.read_text("utf-8") if file and file.exists() else json.dumps(NOTHING)
        arn = f"arn:aws:states:{place}:stateMachine:{name}"
        with contextlib.suppress(states.exceptions.StateMachineAlreadyExists):
            states.create_state_machine(name=name, definition=definition, roleArn=role)
            continue
        states.update_state_machine(stateMachineArn=arn, definition=definition)
