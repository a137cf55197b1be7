"""The clusters and task definitions that products' steps name."""

from pathlib import Path
from typing import Any

from headgate.deployment.central import PREFIX
from headgate.local.adapters.names import INSTANT
from headgate.local.stack import Stack
from headgate.local.step_types import script_of


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each cluster, and a revision of each task definition with `<task>.py` in the place of its container's image; a task without a script
    has nothing to do. One that ships with its product gets a further revision, since its image cannot run here. The environment variable DATA names the data folder."""
    ecs = stack.client("ecs")
    for cluster in sorted({each["settings"]["cluster"] for each in steps}):
        ecs.create_cluster(clusterName=cluster)
    tasks = {(each["resource"], each.get("deployed", False), each["settings"]["container"]) for each in steps}
    for task, deployed, container in sorted(tasks):
        image = str(script_of(task, scripts) or INSTANT)
        environment = [{"name": "DATA", "value": str(data)}]
        containers = [{"name": container, "image": image, "environment": environment}]
        ecs.register_task_definition(family=PREFIX + task if deployed else task, containerDefinitions=containers)
