"""A task definition that ECS refuses, or that the step cannot run."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Step
from headgate.generator.plan.task_definition import FARGATE, units

RULE = Rule(
    "HG414",
    "a task definition that cannot run",
    "ECS would refuse it, and with it the deployment, or every launch of the step.",
    partial=True,
)
Problem = tuple[str, str, str]  # pointer, found, expected


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            for code in step.code:
                if isinstance(code.document, dict):
                    path = mesh.file(product).parent / code.name
                    for at, found, expected in (*_containers(step, code.document), *_roles(step, code.document), *_fargate(step, code.document)):  # fmt: skip
                        yield Finding(RULE, path, at, found, expected)


def _containers(step: Step, document: dict[str, Any]) -> Iterator[Problem]:
    containers = document.get("containerDefinitions")
    if not isinstance(containers, list) or not containers or not all(isinstance(each, dict) for each in containers):
        yield "/containerDefinitions", "no container definitions", "a list with one container or more"
        return
    for index, each in enumerate(containers):
        for key in ("name", "image"):
            if not isinstance(each.get(key), str) or not each[key]:
                yield pointer("containerDefinitions", index), f"a container without `{key}`", f"`{key}` with a text"
    names = [str(each.get("name")) for each in containers]
    if step.settings["container"] not in names:
        yield (
            "/containerDefinitions",
            f"the containers {', '.join(names)}",
            f"`{step.settings['container']}`, whose exit code the step {step.name} waits for",
        )


def _roles(step: Step, document: dict[str, Any]) -> Iterator[Problem]:
    """The machine may pass the roles that metadata names."""
    passed = {PurePosixPath(each).name for each in step.settings.get("roles", ())}
    for key in ("taskRoleArn", "executionRoleArn"):
        role = document.get(key)
        if isinstance(role, str) and role.rpartition("/")[2] not in passed:
            yield f"/{key}", f"`{role}`", f"a role that is among `roles` of the step {step.name}"


def _fargate(step: Step, document: dict[str, Any]) -> Iterator[Problem]:
    on = step.settings.get("capacity_provider", step.settings["launch"])
    if not on.startswith("FARGATE"):
        return
    if document.get("networkMode") != "awsvpc":
        yield "/networkMode", f"`{document.get('networkMode', 'no networkMode')}`", "`awsvpc`, as FARGATE has it"
    if "FARGATE" not in document.get("requiresCompatibilities", ["FARGATE"]):
        yield "/requiresCompatibilities", "no FARGATE", "FARGATE, on which the step runs"
    cpu, memory = units(document.get("cpu"), "vcpu"), units(document.get("memory"), "gb")
    if cpu not in FARGATE:
        sizes = ", ".join(map(str, FARGATE))
        yield "/cpu", f"`{document.get('cpu', 'no cpu')}`", f"one of {sizes}, as FARGATE has it"
    elif memory not in FARGATE[cpu]:
        sizes = ", ".join(map(str, FARGATE[cpu]))
        yield "/memory", f"`{document.get('memory', 'no memory')}` with {cpu} CPU units", f"one of {sizes}"
