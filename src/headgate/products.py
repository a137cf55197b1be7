"""Products as Python values, for a file `products/<domain>/<file>.py` whose function `products()` yields them. Each is checked, planned and generated
as the YAML with the same keys would be; `description` and the other fields mean what the metadata reference says.

    def products() -> Iterator[Product]:
        for region in ("eu", "us"):
            yield Product(
                f"positions-{region}", description=f"Positions of {region}", depends_on=all_of("raw/trades"),
                steps=[Step("build", "glue", {"job": f"positions-{region}"}, retry=Retry(2, interval="60s"))],
            )
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

Keys = Mapping[str, Any]  # a section with the keys that it has in YAML


@dataclass(frozen=True)
class Schedule:
    """When runs open: `frequency` with `time`, or `cron`."""

    frequency: str | None = None
    cron: str | None = None
    time: str | None = None
    day: str | int | None = None
    timezone: str | None = None
    date_offset: int | None = None
    calendar: str | None = None


@dataclass(frozen=True)
class Dependency:
    """A refresh of another product that is needed."""

    product: str
    status: Sequence[str] | None = None
    offset: int | None = None
    max_age: str | None = None
    cycle: str | None = None
    account: str | None = None
    on_update: str | None = None
    needs: Keys | None = None


@dataclass(frozen=True)
class Condition:
    """All of these, or any of them; made by `all_of` and `any_of`."""

    all_of: Sequence["str | Dependency | Condition"] | None = None
    any_of: Sequence["str | Dependency | Condition"] | None = None


def all_of(*members: str | Dependency | Condition) -> Condition:
    """Every one of them is needed; a text is the identity of a product."""
    return Condition(all_of=members)


def any_of(*members: str | Dependency | Condition) -> Condition:
    """One of them is enough."""
    return Condition(any_of=members)


@dataclass(frozen=True)
class Retry:
    """How failed work is repeated."""

    attempts: int
    interval: str | None = None
    backoff: float | None = None
    max_delay: str | None = None


@dataclass(frozen=True)
class Step:
    """One piece of work: `settings` are the keys of its step type."""

    name: str
    type: str
    settings: Keys
    retry: Retry | None = None


@dataclass(frozen=True)
class Parallel:
    """Branches that run beside each other: a step, or several in their order."""

    branches: Sequence["Step | Sequence[Step | Parallel]"]


@dataclass(frozen=True)
class Product:
    """A data product of the file's domain. `timeout`, `cluster` and `definition` are those of the pipeline; without steps and definition the product is
    external."""

    name: str
    description: str
    owner: str | None = None
    email: str | None = None
    schedule: Schedule | None = None
    depends_on: Condition | None = None
    wait: Keys | None = None
    files: Keys | None = None
    signal: Keys | None = None
    dataset: Keys | None = None
    steps: Sequence[Step | Parallel] = ()
    timeout: str | None = None
    cluster: str | Keys | None = None
    definition: str | Keys | None = None
    clusters: Keys | None = None
    publish: Keys | None = None
    sla: Keys | None = None
    contract: Keys | None = None
    notify: Sequence[Keys] | None = None
    alerts: Keys | None = None

    def document(self) -> dict[str, Any]:
        """The product as YAML has it."""
        made: dict[str, Any] = _written(self)
        of_pipeline = {key: made.pop(key) for key in ("timeout", "cluster", "definition", "steps") if key in made}
        del made["name"]
        if self.definition is not None and not self.steps:
            of_pipeline.pop("steps")
        if self.steps or self.definition is not None:
            made["pipeline"] = of_pipeline
        return made


def _written(value: Any) -> Any:
    """The value as YAML has it: what is None is left out."""
    if isinstance(value, Step):
        retry = {} if value.retry is None else {"retry": _written(value.retry)}
        return {"name": value.name, value.type: _written(value.settings), **retry}
    if isinstance(value, Parallel):
        return {
            "parallel": [
                {"steps": _written(each)} if isinstance(each, Sequence) else _written(each) for each in value.branches
            ]
        }
    if is_dataclass(value):
        return {each.name: _written(part) for each in fields(value) if (part := getattr(value, each.name)) is not None}
    if isinstance(value, Mapping):
        return {str(key): _written(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_written(each) for each in value]
    return value
