"""The state machine of one product, decided: which states there are, what they are called, how long each may take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from generator.model.duration import spoken
from generator.model.product import Parallel, Product, Step
from generator.plan import names, retries

# Glue ends a job at its own timeout. The machine waits longer, for the start-up before the clock starts and for the event.
PATIENCE = 15 * 60
# The rest of a run: calls to functions and to AWS with their retries, and waits for a job's capacity.
SLACK = 12 * 3600
ONE_YEAR = 365 * 86400


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step. `position` is its index in the configuration that the machine reads; times in seconds."""

    name: str
    type: str
    position: int
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
    has_dependencies: bool
    deadline: int
    on_deadline: str
    timeout: int
    items: tuple[StepPlan | ParallelPlan, ...]
    bus: str | None  # the placeholder of the bus that refresh events go to; None publishes nothing
    tells: tuple[str, ...]
    incident: int | None

    def steps(self) -> Iterator[StepPlan]:
        return _steps(self.items)

    def shape(self) -> bytes:
        """Equal for plans whose machines differ in names and texts only, so that a linter cannot tell them apart."""
        return orjson.dumps(
            [
                self.has_dependencies,
                self.deadline,
                self.on_deadline,
                self.timeout,
                self.bus,
                self.tells,
                self.incident,
                _shape(self.items),
            ]
        )


def _shape(items: tuple["StepPlan | ParallelPlan", ...]) -> list[Any]:
    return [
        [item.type, item.position, sorted(item.settings), item.timeout, item.retry, item.wrapped, item.tells]
        if isinstance(item, StepPlan)
        else [_shape(branch) for branch in item.branches]
        for item in items
    ]


def _steps(items: tuple[StepPlan | ParallelPlan, ...]) -> Iterator[StepPlan]:
    for item in items:
        if isinstance(item, StepPlan):
            yield item
        else:
            for branch in item.branches:
                yield from _steps(branch)


def plan_machine(product: Product) -> MachinePlan:
    """The plan of a product that has a pipeline."""
    pipeline = product.pipeline
    assert pipeline is not None
    positions = {step.name: index for index, step in enumerate(product.steps())}
    tells_steps = tuple(kind for kind in ("COMPLETED", "ERROR") if kind in product.told_about("step"))
    severities = [each.incident for each in product.notify if each.incident is not None]
    return MachinePlan(
        product=product.id,
        domain=product.domain,
        name=product.name,
        machine=names.machine_name(product),
        comment=_comment(product),
        has_dependencies=product.depends_on is not None,
        deadline=product.deadline,
        on_deadline=product.on_deadline,
        timeout=min(product.deadline + (pipeline.timeout or pipeline.longest()) + SLACK, ONE_YEAR),
        items=_plan_items(pipeline.items, positions, tells_steps, set()),
        bus=("CentralEventBusArn" if product.visibility == "mesh" else "DomainEventBusArn")
        if product.refresh_event
        else None,
        tells=tuple(kind for kind in ("COMPLETED", "ERROR", "SKIPPED") if kind in product.told_about("product")),
        incident=min(severities) if severities else None,
    )


def _plan_items(
    items: tuple[Step | Parallel, ...], positions: dict[str, int], tells: tuple[str, ...], taken: set[str]
) -> tuple[StepPlan | ParallelPlan, ...]:
    planned: list[StepPlan | ParallelPlan] = []
    for item in items:
        if isinstance(item, Parallel):
            name = _parallel_name(item, taken)
            planned.append(
                ParallelPlan(name, tuple(_plan_items(branch, positions, tells, taken) for branch in item.branches))
            )
        else:
            planned.append(
                StepPlan(
                    name=item.name,
                    type=item.type,
                    position=positions[item.name],
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
