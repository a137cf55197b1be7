"""A run whose pipeline is one step of a service, from its opening to the launch."""

from typing import Any

from tests.handler_steps import TODAY, invoke
from tests.state_world import World, at, product


def begun(world: World, step: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The run of d1/ds1 whose pipeline has begun, and what its step's launch is given."""
    run = released(world, step)
    given: dict[str, Any] = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"][step["name"]]
    return run, given


def released(world: World, *steps: dict[str, Any]) -> str:
    """The run of d1/ds1, which has these steps: its machine waits, and nothing is missing."""
    pipeline = {"timeout": None, "steps": [*steps]}
    world.load({"d1/ds1": product(name="ds1", schedule="06:00", pipeline=pipeline)}, at(f"{TODAY} 00:00"))
    invoke("scheduler", {})
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    execution = "arn:aws:states:x:1:execution:m:e"
    waiting = {"action": "await", "run_id": run, "attempt": 1, "execution_arn": execution, "task_token": "wait"}
    invoke("dependency_gate", waiting)
    return run


def tracked(run: str, step: dict[str, Any], job_run: str, action: str = "await", **more: Any) -> dict[str, Any]:
    """What the machine asks the job tracker."""
    token = {"task_token": "job"} if action == "await" else {}
    named = {"step": step["name"], "type": step["type"], "job": step["resource"], "job_run_id": job_run}
    return {"action": action, "run_id": run, "attempt": 1, **named, **token, **more}


def failed(run: str) -> dict[str, Any]:
    """What the machine asks the outcome recorder at its end."""
    return {"status": "ERROR", "run_id": run, "attempt": 1, "error": "JobFailed", "cause": "because"}


def cancel() -> dict[str, Any]:
    """What an operator asks."""
    return {"action": "cancel", "product": "d1/ds1", "business_date": TODAY, "actor": "ann"}
