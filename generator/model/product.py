"""The data product as a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headgate.generator.model.files import Source
from headgate.generator.model.notification import Notification
from headgate.generator.model.schedule import Schedule
from headgate.generator.model.signal import Signal

CLUSTER = "/pipeline/cluster"  # the place of a pipeline's cluster
DEFINITION = "/pipeline/definition"  # and of the file that defines its states


@dataclass(frozen=True, slots=True)
class Needs:
    """What a dependency needs of its upstream beside the refresh: `by` is a local time, `version` the least one with its first number."""

    by: str | None
    timezone: str | None
    columns: tuple[str, ...]
    version: str | None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a product promises of its content: the columns with their types, in their order."""

    version: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dependency:
    """A required refresh of one upstream. `max_age` in seconds; `pointer` is its place in the metadata."""

    product: str
    statuses: tuple[str, ...]
    offset: int
    max_age: int | None
    cycle: str
    account: str | None
    on_update: str
    pointer: str
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is `all_of` or `any_of`."""

    operator: str
    members: tuple["Condition | Dependency", ...]
    pointer: str

    def leaves(self) -> Iterator[Dependency]:
        for member in self.members:
            if isinstance(member, Dependency):
                yield member
            else:
                yield from member.leaves()


@dataclass(frozen=True, slots=True)
class Retry:
    """Of failed work: `attempts` more times; `interval` and `max_delay` in seconds."""

    attempts: int
    interval: int
    backoff: float
    max_delay: int

    def longest_wait(self) -> int:
        """Seconds between the attempts at worst, all together."""
        total, delay = 0.0, float(self.interval)
        for _ in range(self.attempts):
            total += min(delay, self.max_delay)
            delay *= self.backoff
        return int(total)


@dataclass(frozen=True, slots=True)
class Code:
    """A file that ships with the product: `name` in the product's folder, `property` by which the step names it. Its object's key has the digest
    of its content in it. `document` is what a file of JSON holds that is deployed as it stands."""

    property: str
    name: str
    key: str
    document: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work. `settings` is the step type's section as written; `timeout` in seconds; `code` are the files that it ships."""

    name: str
    type: str
    settings: dict[str, Any]
    timeout: int
    retry: Retry | None
    pointer: str
    code: tuple[Code, ...] = ()

    @property
    def section(self) -> str:
        """The place of its settings. Those of a cluster are the cluster itself."""
        return self.pointer if self.pointer in (CLUSTER, DEFINITION) else f"{self.pointer}/{self.type}"

    def longest(self) -> int:
        """Seconds this step can take at worst, retries included, waits for capacity not."""
        attempts = self.retry.attempts if self.retry else 0
        return self.timeout * (attempts + 1) + (self.retry.longest_wait() if self.retry else 0)


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches run side by side; each is a sequence."""

    branches: tuple[tuple["Step | Parallel", ...], ...]
    pointer: str

    def longest(self) -> int:
        return max(sum(item.longest() for item in branch) for branch in self.branches)


def all_steps(items: "tuple[Step | Parallel, ...]") -> Iterator[Step]:
    """Every step, in the order of the metadata."""
    for item in items:
        if isinstance(item, Step):
            yield item
        else:
            for branch in item.branches:
                yield from all_steps(branch)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`timeout` in seconds, None where metadata leaves it to what the steps can take. The `cluster` is as a step whose timeout is that of its start;
    its retry runs all steps again. `shared` is its name where products share it; there may be none of that name."""

    items: tuple[Step | Parallel, ...]
    timeout: int | None
    cluster: Step | None = None
    shared: str | None = None

    def all_items(self) -> tuple[Step | Parallel, ...]:
        """The items, after the cluster if there is one."""
        return (self.cluster, *self.items) if self.cluster else self.items

    def longest(self) -> int:
        steps = sum(item.longest() for item in self.items)
        if self.cluster is None:
            return steps
        again = self.cluster.retry.attempts if self.cluster.retry else 0
        return self.cluster.longest() + steps * (again + 1)


@dataclass(frozen=True, slots=True)
class Sla:
    """Until when a business date has to be COMPLETED: a local time, or `after` seconds from the first input. `days` later, None where metadata
    leaves it to the opening of the schedule."""

    complete_by: str | None
    timezone: str | None
    days: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Product:
    """One data product, its domain's defaults merged in. Durations in seconds."""

    domain: str
    name: str
    description: str
    owner: str
    email: str | None
    schedule: Schedule | None
    depends_on: Condition | None
    files: Source | None
    deadline: int
    on_deadline: str
    resume: int | None  # seconds; None is never
    pipeline: Pipeline | None
    refresh_event: bool
    visibility: str
    sla: Sla | None
    notify: tuple[Notification, ...]
    alerting: dict[str, Any]  # as the catalog holds it
    given: frozenset[str]  # the sections that the metadata gives
    clusters: frozenset[str] = frozenset()  # the names of those that its domain defines
    implied: tuple[Notification, ...] = ()  # of FILES, where none of `notify` names it
    contract: Contract | None = None
    signal: Signal | None = None
    dataset: dict[str, str] | None = None  # in OpenLineage, where the metadata names it
    lineage: bool = False  # whether its attempts are published as run events of OpenLineage

    @property
    def id(self) -> str:
        return f"{self.domain}/{self.name}"

    @property
    def sla_timezone(self) -> str | None:
        """By whose clock the SLA is due; None if nothing says it."""
        if self.sla is None or self.sla.complete_by is None:
            return None
        return self.sla.timezone or (self.schedule.timezone if self.schedule else None)

    def dependencies(self) -> tuple[Dependency, ...]:
        return tuple(self.depends_on.leaves()) if self.depends_on else ()

    def steps(self) -> tuple[Step, ...]:
        return tuple(all_steps(self.pipeline.items)) if self.pipeline else ()

    def work(self) -> tuple[Step, ...]:
        """The cluster, if the pipeline has one, and the steps."""
        return tuple(all_steps(self.pipeline.all_items())) if self.pipeline else ()

    def notifies_about(self, level: str) -> frozenset[str]:
        """The kinds that some notification of that level asks for. A notification of steps covers the run as well."""
        return frozenset(kind for each in self.notify for kind in each.on if level == "product" or each.level == level)


@dataclass(frozen=True, slots=True)
class Central:
    """Where the central bus of a mesh of accounts is."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Domain:
    """`region` is that of the central bus where the domain names none, and the mesh says where the bus is."""

    name: str
    owner: str
    description: str | None
    email: str | None
    account: str | None
    region: str | None
    operators: tuple[str, ...] = ()
