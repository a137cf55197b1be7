"""The state machine of one product, decided: which states there are, what they are called, how long each may take."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate.generator.model.duration import spoken
from headgate.generator.model.product import Parallel, Product, Step
from headgate.generator.plan import names, retries
from headgate.generator.steps import step_types

# Glue ends a job at its own timeout. The machine waits longer, for the start-up before the clock starts and for the event.
PATIENCE = 15 * 60
# The rest of a run: calls to functions and to AWS with their retries, and waits for a job's capacity.
SLACK = 12 * 3600
ONE_YEAR = 365 * 86400


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step; times in seconds."""

    name: str
    key: str  # under which the machine finds the step in the configuration it reads; plain enough for every JSONPath
    type: str
    settings: dict[str, Any]
    timeout: int
    patience: int
    retry: retries.Retrier | None
    wrapped: bool  # in a Parallel of one branch, which carries what must hold launch and await together
    tells: tuple[str, ...]  # what is told of the step itself

    @property
    def first(self) -> str:
        return f"Run {self.name}" if self.wrapped else self.launch

    @property
    def launch(self) -> str:
        return f"Launch {self.name}"

    @property
    def wait(self) -> str:
        return f"Await the end of {self.name}"

    @property
    def settle(self) -> str:
        return f"Ask how {self.name} ended"


@dataclass(frozen=True, slots=True)
class ParallelPlan:
    first: str
    branches: tuple[tuple["StepPlan | ParallelPlan", ...], ...]


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """All the templates need to know. `timeout` of the whole execution in seconds."""

    product: str
    domain: str
    name: str
    machine: str
    comment: str
    deadline: int
    on_deadline: str
    timeout: int
    items: tuple[StepPlan | ParallelPlan, ...]
    bus: str | None  # the placeholder of the bus that refresh events go to; None publishes nothing
    tells: tuple[str, ...]
    incident: int | None

    def steps(self) -> Iterator[StepPlan]:
        return (item for item in _every(self.items) if isinstance(item, StepPlan))

    def texts(self) -> dict[str, str]:
        """The names and texts of the plan, each under a token of its own."""
        found = {"product": self.product, "domain": self.domain, "name": self.name, "comment": self.comment}
        for index, item in enumerate(_every(self.items)):
            if isinstance(item, ParallelPlan):
                found[f"first{index}"] = item.first
            else:
                found[f"name{index}"], found[f"key{index}"] = item.name, item.key
                resource = step_types()[item.type].note("resource")
                found[f"resource{index}"] = str(item.settings[resource])
        return found

    def prototype(self) -> "MachinePlan":
        """The plan with a token in the place of each text. Plans of equal prototypes have machines that differ in texts only."""
        return replace(
            self,
            product=token("product"),
            domain=token("domain"),
            name=token("name"),
            machine="",
            comment=token("comment"),
            items=_prototypes(self.items, itertools.count()),
        )


def token(name: str) -> str:
    """What stands for a text in a prototype."""
    return f"@@{name}@@"


def _every(items: tuple["StepPlan | ParallelPlan", ...]) -> Iterator["StepPlan | ParallelPlan"]:
    for item in items:
        yield item
        if isinstance(item, ParallelPlan):
            for branch in item.branches:
                yield from _every(branch)


def _prototypes(
    items: tuple["StepPlan | ParallelPlan", ...], numbers: Iterator[int]
) -> tuple["StepPlan | ParallelPlan", ...]:
    made: list[StepPlan | ParallelPlan] = []
    for item in items:
        index = next(numbers)
        if isinstance(item, ParallelPlan):
            made.append(
                ParallelPlan(token(f"first{index}"), tuple(_prototypes(branch, numbers) for branch in item.branches))
            )
        else:
            kind = step_types()[item.type]
            resource = kind.note("resource")
            # arguments are resolved for each run, and no template writes them
            settings = {
                key: value for key, value in item.settings.items() if key not in (resource, kind.note("arguments"))
            }
            settings[resource] = token(f"resource{index}")
            made.append(replace(item, name=token(f"name{index}"), key=token(f"key{index}"), settings=settings))
    return tuple(made)


def plan_machine(product: Product) -> MachinePlan:
    """The plan of a product that has a pipeline."""
    pipeline = product.pipeline
    assert pipeline is not None
    tells_steps = tuple(kind for kind in ("COMPLETED", "ERROR") if kind in product.notifies_about("step"))
    severities = [each.incident for each in product.notify if each.incident is not None]
    return MachinePlan(
        product=product.id,
        domain=product.domain,
        name=product.name,
        machine=names.machine_name(product),
        comment=_comment(product),
        deadline=product.deadline,
        on_deadline=product.on_deadline,
        timeout=min(product.deadline + (pipeline.timeout or pipeline.longest()) + SLACK, ONE_YEAR),
        items=_plan_items(pipeline.items, tells_steps, set()),
        bus=("CentralEventBusArn" if product.visibility == "mesh" else "DomainEventBusArn")
        if product.refresh_event
        else None,
        tells=tuple(kind for kind in ("COMPLETED", "ERROR", "SKIPPED") if kind in product.notifies_about("product")),
        incident=min(severities) if severities else None,
    )


def _plan_items(
    items: tuple[Step | Parallel, ...], tells: tuple[str, ...], taken: set[str]
) -> tuple[StepPlan | ParallelPlan, ...]:
    planned: list[StepPlan | ParallelPlan] = []
    for item in items:
        if isinstance(item, Parallel):
            name = _parallel_name(item, taken)
            planned.append(ParallelPlan(name, tuple(_plan_items(branch, tells, taken) for branch in item.branches)))
        else:
            planned.append(
                StepPlan(
                    name=item.name,
                    key=item.name.replace("-", "_"),
                    type=item.type,
                    settings=item.settings,
                    timeout=item.timeout,
                    patience=item.timeout + PATIENCE,
                    retry=retries.of_work(item.retry) if item.retry else None,
                    wrapped=item.retry is not None or "ERROR" in tells,
                    tells=tells,
                )
            )
    return tuple(planned)


def _parallel_name(parallel: Parallel, taken: set[str]) -> str:
    leaders = [_leader(branch[0]) for branch in parallel.branches]
    name = "Run " + ", ".join(leaders[:-1]) + f" and {leaders[-1]} side by side"
    if len(name) > names.MAX_NAME:
        name = f"Run {leaders[0]} and {len(leaders) - 1} more side by side"
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name[: names.MAX_NAME - 4]} ({count})"
    taken.add(unique)
    return unique


def _leader(item: Step | Parallel) -> str:
    return item.name if isinstance(item, Step) else _leader(item.branches[0][0])


def _comment(product: Product) -> str:
    # CloudFormation would take `${...}` in a definition for a placeholder
    return f"Refreshes {product.id}: {product.description}".replace("${", "$ {")


def deadline_words(plan: MachinePlan) -> str:
    """The wait in words, for a state's comment."""
    ends = {
        "fail": "then the run fails",
        "start": "then it starts with what has arrived",
        "skip": "then the run is skipped",
    }
    return f"At most {spoken(plan.deadline)}, {ends[plan.on_deadline]}."
