"""What a machine is planned from: the product, reduced to what decides its states, with names and texts apart."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate.generator.model.product import Parallel, Product, Step
from headgate.generator.plan import names, retries
from headgate.generator.plan.task_form import form_of
from headgate.generator.steps import step_types


@dataclass(frozen=True, slots=True)
class StepOutline:
    """One step; times in seconds. `settings` are without the resource, the arguments and the timeout."""

    name: str
    key: str  # under which the machine finds the step in its configuration; plain enough for every JSONPath
    group: str  # the name of the Parallel of one branch around it, where it has one
    type: str
    resource: str
    settings: dict[str, Any]
    given: tuple[str, ...]  # which of the arguments it has
    form: dict[str, Any] | None  # of the argument that is written key by key
    timeout: int
    retry: tuple[retries.Retrier, ...]
    alerts: tuple[str, ...]  # of the step itself

    @property
    def grouped(self) -> bool:
        """A Parallel of one branch holds all its states: a retry or a catcher then covers them together."""
        return bool(self.retry) or "ERROR" in self.alerts


@dataclass(frozen=True, slots=True)
class ParallelOutline:
    group: str  # the name of its state
    branches: tuple[tuple["StepOutline | ParallelOutline", ...], ...]


Items = tuple[StepOutline | ParallelOutline, ...]


@dataclass(frozen=True, slots=True)
class MachineOutline:
    """`deadline` in seconds. The machine has no limit of its own: each of its states has one, and none comes twice (docs/decisions/0037)."""

    product: str
    domain: str
    name: str
    comment: str
    deadline: int
    on_deadline: str
    items: Items
    cluster: StepOutline | None
    bus: str | None  # the placeholder of the bus that the machine puts refresh events on; None where it puts none
    by_function: bool  # a function publishes them: the bus is in another region, and Step Functions calls none
    alerts: tuple[str, ...]


def needs_cluster(item: StepOutline | ParallelOutline) -> bool:
    """Whether it, or a step inside it, runs on the cluster."""
    steps = (each for each in every_item((item,)) if isinstance(each, StepOutline))
    return any(step_types()[each.type].note("runs-on") for each in steps)


def every_item(items: Items) -> Iterator[StepOutline | ParallelOutline]:
    """Steps and parallels, each before those inside it."""
    for item in items:
        yield item
        if isinstance(item, ParallelOutline):
            for branch in item.branches:
                yield from every_item(branch)


def outline(product: Product, elsewhere: bool = False) -> MachineOutline:
    """The outline of a product that has a pipeline. `elsewhere`: the central bus is in another region, or may be."""
    pipeline = product.pipeline
    assert pipeline is not None
    step_alerts = tuple(kind for kind in ("COMPLETED", "ERROR") if kind in product.notifies_about("step"))
    central = product.visibility == "mesh"
    return MachineOutline(
        product=product.id,
        domain=product.domain,
        name=product.name,
        # CloudFormation would take `${...}` in a definition for a placeholder
        comment=f"Refreshes {product.id}: {product.description}".replace("${", "$ {"),
        deadline=product.deadline,
        on_deadline=product.on_deadline,
        items=_items(pipeline.items, step_alerts, set()),
        cluster=_cluster(pipeline.cluster) if pipeline.cluster else None,
        bus=("${CentralEventBusArn}" if central else "${DomainEventBusArn}")
        if product.refresh_event and not (central and elsewhere)
        else None,
        by_function=product.refresh_event and central and elsewhere,
        alerts=tuple(kind for kind in ("COMPLETED", "ERROR", "SKIPPED") if kind in product.notifies_about("product")),
    )


def _items(items: tuple[Step | Parallel, ...], alerts: tuple[str, ...], taken: set[str]) -> Items:
    return tuple(
        _step(item, alerts)
        if isinstance(item, Step)
        else ParallelOutline(
            _parallel_name(item, taken), tuple(_items(branch, alerts, taken) for branch in item.branches)
        )
        for item in items
    )


def _step(step: Step, alerts: tuple[str, ...]) -> StepOutline:
    kind = step_types()[step.type].of(step.settings)
    apart = (kind.resource, *kind.arguments, "timeout", *kind.note("deployed", ()))
    return StepOutline(
        name=step.name,
        key=step.name.replace("-", "_"),
        # a machine has states of its own called `Run failed`, `Run completed` and `Run skipped`
        group=f"Run step {step.name}" if step.name in ("failed", "completed", "skipped") else f"Run {step.name}",
        type=step.type,
        resource=names.resource(step),
        settings={key: value for key, value in (step.settings | _places(step)).items() if key not in apart},
        given=tuple(kind.given(step.settings)),
        form=form_of(step.settings[kind.note("form")]) if kind.note("form") else None,
        timeout=step.timeout,
        retry=(
            *retries.of_refused(kind.note("refused")),
            *(retries.of_work(step.retry, kind.note("retried-errors", ())) if step.retry else ()),
        ),
        alerts=alerts,
    )


def _places(step: Step) -> dict[str, str]:
    """Where the files are that a machine's definition names; those of arguments come with the configuration of the run."""
    return {each.property: f"s3://${{CodeBucketName}}/{each.key}" for each in step.code}


def _cluster(cluster: Step) -> StepOutline:
    """Who waits too long for a cluster that others start has lost it as well."""
    made = _step(cluster, ())
    late = [each | {"ErrorEquals": [*each["ErrorEquals"], "States.Timeout"]} for each in made.retry]
    return replace(made, retry=tuple(late)) if cluster.settings.get("shared") else made


def _parallel_name(parallel: Parallel, taken: set[str]) -> str:
    leaders = [_leader(branch[0]) for branch in parallel.branches]
    name = "Run " + ", ".join(leaders[:-1]) + f" and {leaders[-1]} in parallel"
    if len(name) > names.MAX_NAME:
        name = f"Run {leaders[0]} and {len(leaders) - 1} more in parallel"
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name[: names.MAX_NAME - 4]} ({count})"
    taken.add(unique)
    return unique


def _leader(item: Step | Parallel) -> str:
    return item.name if isinstance(item, Step) else _leader(item.branches[0][0])
