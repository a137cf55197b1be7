"""Checks the definitions that products bring: what Step Functions would refuse, what would break a promise of every machine, and calls without a permission."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.lint.linters import statelint_problems
from headgate.generator.lint.loops import longest_history, unpaced
from headgate.generator.lint.machine_checks import MAX_HISTORY, SHARE
from headgate.generator.model.definition import CONTENT
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import DEFINITION, Product, Step
from headgate.generator.plan.asl import INTEGRATION, PLACEHOLDER, Machine, all_states, own_part, service_call, tasks
from headgate.generator.plan.given_calls import calls_in
from headgate.generator.plan.grants import makes
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.names import MAX_NAME
from headgate.generator.plan.outline import outline
from headgate.generator.plan.resources import KNOWN
from headgate.generator.plan.states import Call

UNSOUND = Rule(
    "HG416",
    "the definition of a machine is not sound",
    "Step Functions would refuse the machine, or it would break a promise that every machine keeps.",
)
UNGRANTED = Rule(
    "HG417",
    "a call of a definition without a permission",
    "The machine would be refused at that state. What is not derived from the file is listed under `grants`.",
)
DEFINITION_RULES = (UNSOUND, UNGRANTED)
OF_RUNS = re.compile(r"\{(business_date|product|domain|run_id|attempt|cycle)\}")  # placeholders of metadata
Problem = tuple[str, str, str]  # the name of a state or nothing, what was found, and what was expected


def check_definitions(mesh: Mesh) -> Iterator[Finding]:
    """The findings about the definitions of all products, each in its own file."""
    for product in mesh.machines():
        for step in product.steps():
            if step.pointer == DEFINITION:
                yield from _check(product, step, mesh.folder(product) / step.settings["file"])


def _check(product: Product, step: Step, file: Path) -> Iterator[Finding]:
    machine: Machine = step.settings[CONTENT]
    places = dict(_places(machine))
    refused = list(_refused(machine, places))
    for name, found, expected in refused or _unsound(machine, product, step.timeout):
        yield Finding(UNSOUND, file, places.get(name, ""), found, expected)
    for name, service in () if refused else _ungranted(machine, step.settings["grants"]):
        expected = f"its permission under `grants` of the product {product.id}"
        yield Finding(UNGRANTED, file, places[name], f"`{name}`, which calls {service}", expected)


def _places(machine: Machine, at: str = "") -> Iterator[tuple[str, str]]:
    """Every state with its place in the file."""
    for name, state in machine["States"].items():
        place = f"{at}{pointer('States', name)}"
        yield name, place
        for key in ("ItemProcessor", "Iterator"):
            if key in state:
                yield from _places(state[key], f"{place}/{key}")
        for number, branch in enumerate(state.get("Branches", ())):
            yield from _places(branch, f"{place}{pointer('Branches', number)}")


def _refused(machine: Machine, places: Iterable[str]) -> Iterator[Problem]:
    """What Step Functions would refuse. Everything else is checked only where this finds nothing."""
    for name, state in all_states(machine):
        if "QueryLanguage" in state and state["QueryLanguage"] != "JSONPath":
            yield name, f"the query language {state['QueryLanguage']}", "JSONPath, which every check and engine knows"
            return
    try:
        problems = statelint_problems(machine)
    except Exception as error:  # noqa: BLE001 - it fails itself at some values of a wrong type
        yield "", f"a value of a type that no state has ({error})", "a definition that statelint accepts"
        return
    for each in problems:
        last = {name: max(each.rfind(f".{name}"), each.rfind(f'"{name}"')) for name in places}
        name = max(last, key=lambda each: (last[each], len(each)))
        found = each.replace("State Machine.", "")
        yield name if last[name] >= 0 else "", found, "a definition that statelint accepts"


def _unsound(machine: Machine, product: Product, timeout: int) -> Iterator[Problem]:
    own = {state.name for state in plan_machine(outline(product)).every_state()}
    for name, state in all_states(machine):
        if name in own:
            yield name, f"a state called `{name}`", "another name: the machine has a state of its own with this one"
        if len(name) > MAX_NAME:
            yield name, f"the name `{name}`", f"at most {MAX_NAME} characters"
        if state["Type"] == "Task" and not state["Resource"].startswith(INTEGRATION):
            wanted = f"an integration such as {INTEGRATION}lambda:invoke"
            yield name, f"the resource {state['Resource']}", wanted
        text = orjson.dumps(own_part(state)).decode()
        for placeholder in sorted(set(PLACEHOLDER.findall(text)) - KNOWN.keys()):
            wanted = f"one of {', '.join(f'${{{each}}}' for each in KNOWN)}: CloudFormation fills in what has this form"
            yield name, f"the placeholder ${{{placeholder}}}", wanted
        for placeholder in sorted(set(OF_RUNS.findall(text))):
            wanted = f"a path such as $.{placeholder}, or the placeholder in `input` of the metadata: in the file nothing is filled in"
            yield name, f"the placeholder {{{placeholder}}}", wanted
        if state["Type"] == "Task" and not state.keys() & {"TimeoutSeconds", "TimeoutSecondsPath"}:
            yield name, "no `TimeoutSeconds`", "one: a Task without it waits for three years"
    for name in unpaced(machine):
        yield name, f"`{name}`, which is entered again and again", "a Wait with `Seconds` on the way around"
    most = int(MAX_HISTORY * SHARE)
    if longest_history(machine, timeout) > most:
        expected = f"fewer within {spoken(timeout)}, the longest that the pipeline may take: Step Functions ends an execution at {MAX_HISTORY:,}"
        yield "", f"more than {most:,} history events", expected


def _ungranted(machine: Machine, listed: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The tasks, each with its integration, that neither a derived permission nor a listed one allows."""
    given = [Call(each["action"], each["resource"], service_call=each.get("call")) for each in listed]
    derived = dict(calls_in(machine))
    for name, task in tasks(machine):
        service = service_call(task["Resource"])
        if task["Resource"].startswith(INTEGRATION) and not any(
            makes(each, service) for each in (*derived[name], *given)
        ):
            yield name, service
