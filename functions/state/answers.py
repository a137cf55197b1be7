"""What the state's SQL functions answer. A field has the name and the meaning of the function's result of that name."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

Json = dict[str, Any]


def length(items: list[Json]) -> int:
    """How many elements a list had before it was cut."""
    return sum(each.get("more", 1) for each in items)


@dataclass(frozen=True, slots=True)
class NextTicks:
    """When the scheduler next opens a run, and when the monitor next has to look; None: not within a day."""

    opening: str | None
    look: str | None


@dataclass(frozen=True, slots=True)
class Openings:
    """`failed` are the products [{product, error}] whose runs could not be opened; `passed_over` those [{product, count, first, last}] of which
    openings are too old to be made, with the first and the last business date."""

    due: int
    opened: int
    failed: list[Json]
    passed_over: list[Json]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Of a batch of refresh events. `refused` [{event_key, reason}] are not recorded."""

    recorded: int
    repeated: int
    released: int
    refused: list[Json]


@dataclass(frozen=True, slots=True)
class Wait:
    """`missing` are the inputs [{product, business_date, cycle, status, owner}]."""

    released: bool
    missing: list[Json]


@dataclass(frozen=True, slots=True)
class Deadline:
    """`decision` is start, fail, skip or hold; `missing` as in `Wait`, None where everything arrived; `failed` is the root cause."""

    decision: str
    missing: list[Json] | None
    failed: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """`recorded_at` in RFC 3339: when the outcome was recorded first; `detail` is that of its event; `continues`: a backfill goes on with it."""

    recorded_at: str
    detail: Json
    continues: bool


@dataclass(frozen=True, slots=True)
class JobStart:
    """`refused` says why the job must not run, `<error>: <message>`; then it is recorded as one to stop."""

    state: str
    refused: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    effect_id: int
    kind: str
    payload: str
    tries: int


@dataclass(frozen=True, slots=True)
class Operated:
    """The `result` of an operation; of a trial the `changes` {runs, inputs, effects, jobs} that were taken back, their `digest`, and the result
    if it is short."""

    result: Json | None
    changes: Json | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run without an outcome, and the execution of its attempt: its machine and name, or its ARN where the product has no machine any more."""

    run_id: UUID
    attempt: int
    status: str
    machine: str | None
    name: str
    execution_arn: str | None

    @classmethod
    def of(cls, row: Json) -> "OpenRun":
        return cls(
            UUID(row["run_id"]), row["attempt"], row["status"], row["machine"], row["name"], row["execution_arn"]
        )


@dataclass(frozen=True, slots=True)
class Repaired:
    """`failures` says which repairs failed as a whole, and why."""

    released: int
    late: int
    failures: list[str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a run."""

    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class JobToAsk:
    """`handle` is JSON."""

    type: str
    job: str
    job_run_id: str
    handle: str
    stop: bool


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """`oldest_due` in RFC 3339, None if nothing is due."""

    due: int
    oldest_due: str | None
    failing: int
    last_failure: str | None
    parked: int


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """`kind` is runs or refresh_events. `page` is None if there is nothing to archive, or another worker is `busy` with a page."""

    page: str | None
    kind: str
    business_date: str
    busy: bool


@dataclass(frozen=True, slots=True)
class MachineEnded:
    """`stop` are the job runs [{type, job, job_run_id, handle}] to stop."""

    recorded: bool
    restarted: bool
    stop: list[Json]


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many products; and how many runs changed schedules opened at once, how many open ones took a new condition, how many were cancelled;
    `refused` are the products [{product, reason}] that stay as they were."""

    inserted: int
    changed: int
    removed: int
    unchanged: int
    opened: int
    conditions: int
    cancelled: int
    refused: list[Json]


@dataclass(frozen=True, slots=True)
class TakenAlert:
    """`deliveries` [{channel, target, action, severity, conversation, doubtful, since, place, about}] are due; `alert` is the content, None without
    them."""

    key: str
    deliveries: list[Json]
    alert: Json | None


@dataclass(frozen=True, slots=True)
class PutOff:
    """An alert of the outbox, `payload` as JSON, that is due in so many seconds."""

    effect_id: int
    payload: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Of an alert. `waiting` deliveries can be made when another sender is done; of those `in_doubt` [{channel, target}] nobody can find out whether
    they were made."""

    waiting: int
    in_doubt: list[Json]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a paged answer: `entry` is JSON, `key` the position after which the next page begins."""

    key: str
    entry: str


@dataclass(frozen=True, slots=True)
class StatusNews:
    """`products` [name] may have changed, None: all may have; `now_at` is the position for the next question. `shadow_since`: since when the application is
    in shadow, None if it is not."""

    now_at: str
    products: list[Any] | None
    shadow_since: str | None


@dataclass(frozen=True, slots=True)
class SnapshotNews:
    """`dates` [{business_date, position, changed}], the latest first; `shadow_since` as in `StatusNews`."""

    dates: list[Json]
    shadow_since: str | None


@dataclass(frozen=True, slots=True)
class CurrentLoad:
    """The last load of the catalog, moments in RFC 3339; None before the first."""

    load: int | None
    commit: str | None
    committed_at: str | None
    loaded_at: str | None
