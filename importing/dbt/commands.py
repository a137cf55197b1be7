"""How a product builds its part of the dbt project: `dbt build` in a container, by the step types `ecs` or `batch`."""

from dataclasses import dataclass
from typing import Any

from headgate.importing.dbt.manifest import Manifest, Node, config, fqn_of, tags
from headgate.importing.dbt.selection import selected
from headgate.importing.names import step_names

LONGEST = 6000  # characters of a command; ECS takes 8,192 for all overrides of a task together
BUILD = ["dbt", "build", "--indirect-selection", "buildable", "--select"]
DATE = {"BUSINESS_DATE": "{business_date}"}  # `env_var('BUSINESS_DATE')` in a model


@dataclass(frozen=True, slots=True)
class Launch:
    """Where dbt runs: a container of an ECS task, or a job definition of Batch."""

    by: str = "ecs"
    cluster: str = "dbt"
    task: str = "dbt"
    container: str = "dbt"
    subnets: tuple[str, ...] = ()
    queue: str = "dbt"


def steps(manifest: Manifest, keys: list[str], launch: Launch) -> list[dict[str, Any]]:
    """One step, or several one after the other where the names of all nodes are too long for one command."""
    names = step_names()
    commands = _commands(manifest, keys)
    return [
        {"name": names.of(str(number), "build" if not number else f"build-{number + 1}"), **_launched(each, launch)}
        for number, each in enumerate(commands)
    ]


def _launched(words: list[str], launch: Launch) -> dict[str, Any]:
    command = [*BUILD, *words]
    if launch.by == "batch":
        return {"batch": {"queue": launch.queue, "definition": launch.task, "command": command, "environment": DATE}}
    subnets = {"subnets": list(launch.subnets)} if launch.subnets else {}
    settings = {"cluster": launch.cluster, "task": launch.task, "container": launch.container}
    return {"ecs": {**settings, **subnets, "command": command, "environment": DATE}}


def _commands(manifest: Manifest, keys: list[str]) -> list[list[str]]:
    """A selector where it names exactly these nodes, so that a new model of the folder is built as well; else each node by its name."""
    short = _selector(manifest, set(keys))
    if short:
        return [[short]]
    found: list[list[str]] = [[]]
    for word in (_word(manifest, key) for key in keys):
        if found[-1] and sum(map(len, found[-1])) + len(found[-1]) + len(word) > LONGEST:
            found.append([])
        found[-1].append(word)
    return found


def _selector(manifest: Manifest, keys: set[str]) -> str:
    nodes = [manifest.nodes[key] for key in manifest.nodes if key in keys]
    if len(nodes) < 2:
        return ""
    own = all(each["package_name"] == manifest.project for each in nodes)  # the path of an installed package is another
    candidates = [*(f"tag:{each}" for each in tags(nodes[0])), *(_paths(nodes[0]) if own else ()), *_groups(nodes[0])]
    return next((each for each in candidates if _is_plain(each) and _chosen(manifest, each) == keys), "")


def _paths(node: Node) -> list[str]:
    parts = node["original_file_path"].split("/")[:-1]
    return [f"path:{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1)]


def _groups(node: Node) -> list[str]:
    group = config(node).get("group") or node.get("group")
    return [f"group:{group}"] if group else []


def _chosen(manifest: Manifest, selector: str) -> set[str]:
    try:
        return selected(manifest, [selector])
    except ValueError:
        return set()


def _is_plain(selector: str) -> bool:
    return not any(character in selector for character in " ,+*?[]")


def _word(manifest: Manifest, key: str) -> str:
    """The name alone, if it names no other node and no folder; or else with its package and folders."""
    node = manifest.nodes[key]
    fqn = fqn_of(node)
    last = fqn[-1] if node.get("version") is None else f"{node['name']}.v{node['version']}"
    return last if manifest.is_unique(last) else ".".join(fqn)
