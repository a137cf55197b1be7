"""Checks the names in a scenario, a day that the local runtime plays, against the mesh. Pure."""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from headgate.generator.findings import Finding, Rule, Severity, pointer
from headgate.generator.metadata import hints
from headgate.generator.model.cron import parse
from headgate.generator.model.definition import CONTENT
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import DEFINITION
from headgate.generator.plan.given_calls import work_in
from headgate.generator.steps import step_types

UNKNOWN_PRODUCT = Rule(
    "HG801", "unknown product in a scenario", "Nothing waits for its event, and nothing is known of its runs."
)
WITHOUT_PIPELINE = Rule(
    "HG802", "product without a pipeline in a scenario", "It has no runs on which to act or of which to expect an end."
)
UNKNOWN_WORK = Rule(
    "HG803", "unknown job or function in a scenario", "No step runs it, so what the scenario says of it never happens."
)
OTHER_CYCLE = Rule(
    "HG804",
    "cycle that a product does not have in a scenario",
    "The event or the operation matches no run.",
    Severity.WARNING,
)
UNKNOWN_BUCKET = Rule(
    "HG805", "unknown bucket in a scenario", "The local runtime has the buckets of the metadata, and no other."
)
SCENARIO_RULES = (UNKNOWN_PRODUCT, WITHOUT_PIPELINE, UNKNOWN_WORK, OTHER_CYCLE, UNKNOWN_BUCKET)


def check(scenario: Mapping[str, Any], mesh: Mesh, file: Path) -> Iterator[Finding]:
    """The findings of a scenario that keeps its schema."""
    for number, each in enumerate(scenario.get("events", ())):
        if "product" in each:
            yield from _event(each, mesh, file, pointer("events", number))
    for number, each in enumerate(scenario.get("acts", ())):
        at = pointer("acts", number)
        yield from _with_pipeline(each["product"], mesh, file, at + "/product")
        yield from _cycle(each, mesh, file, at)
    buckets = sorted(
        {each.name for of_domain in mesh.buckets.values() for each in of_domain.values()}
        | {
            each.signal.about["bucket"]
            for each in mesh.products.values()
            if each.signal and each.signal.kind == "object"
        }
    )
    for number, each in enumerate(scenario.get("files", ())):
        if each["bucket"] not in buckets:
            at, expected = (
                pointer("files", number, "bucket"),
                f"one of {hints.listing(buckets)}" if buckets else "a bucket of a buckets.yaml or of a signal",
            )
            hint = hints.did_you_mean(each["bucket"], buckets)
            yield Finding(UNKNOWN_BUCKET, file, at, f'"{each["bucket"]}"', expected, hint)
    for name in scenario.get("expect", {}):
        yield from _with_pipeline(name, mesh, file, pointer("expect", name))
    known = _work(mesh)
    for name in scenario.get("runs", {}):
        if name not in known and name != "*":
            expected = "a job or function that a step names, or `*` for all others"
            yield _unknown_work(name, known, file, pointer("runs", name), expected)
    for number, each in enumerate(scenario.get("existing", ())):
        if each["job"] not in known:
            yield _unknown_work(
                each["job"], known, file, pointer("existing", number, "job"), "a Glue job that a step names"
            )


def _unknown_work(name: str, known: Set[str], file: Path, at: str, expected: str) -> Finding:
    return Finding(UNKNOWN_WORK, file, at, f"`{name}`", expected, hints.did_you_mean(name, sorted(known)))


def _event(event: Mapping[str, Any], mesh: Mesh, file: Path, at: str) -> Iterator[Finding]:
    if event["product"] not in mesh.names:
        yield _unknown(event["product"], mesh.names, file, at + "/product")
    yield from _cycle(event, mesh, file, at)


def _with_pipeline(name: str, mesh: Mesh, file: Path, at: str) -> Iterator[Finding]:
    product = mesh.products.get(name)
    if name not in mesh.names:
        yield _unknown(name, {each.id for each in mesh.machines()}, file, at)
    elif product is None or product.pipeline is None:
        yield Finding(
            WITHOUT_PIPELINE, file, at, f"`{name}`, which is refreshed elsewhere", "a product with a pipeline"
        )


def _unknown(name: str, known: Set[str], file: Path, at: str) -> Finding:
    return Finding(
        UNKNOWN_PRODUCT, file, at, f"`{name}`", "a product of the mesh", hints.did_you_mean(name, sorted(known))
    )


def _cycle(given: Mapping[str, Any], mesh: Mesh, file: Path, at: str) -> Iterator[Finding]:
    product = mesh.products.get(given["product"])
    if product is None or (product.schedule is None and product.pipeline is None):
        return  # of what is refreshed elsewhere without a schedule the cycles are not known
    times = parse(product.schedule.cron).times if product.schedule else ()
    cycles = list(times) if len(times) > 1 else []
    cycle = given.get("cycle")
    if cycle is not None and cycle not in cycles:
        expected = (
            f"one of {hints.listing(cycles)}" if cycles else "no `cycle`, since the product is refreshed once a day"
        )
        yield Finding(OTHER_CYCLE, file, at + "/cycle", f'"{cycle}"', expected)
    elif cycle is None and cycles:
        yield Finding(OTHER_CYCLE, file, at, f"no `cycle` for {given['product']}", f"one of {hints.listing(cycles)}")


def _work(mesh: Mesh) -> set[str]:
    """What the scenario's `runs` can name: the jobs and functions of all steps and definitions."""
    types = step_types()
    steps = [step for product in mesh.machines() for step in product.work()]
    named = {str(step.settings[types[step.type].resource]) for step in steps}
    for step in steps:
        if step.pointer == DEFINITION:
            named |= {each for names in work_in(step.settings[CONTENT]).values() for each in names}
    return {each.partition(":")[0] for each in named}
