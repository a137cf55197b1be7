"""From a checked document to the model. The document has passed its schema, so nothing is checked again."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from headgate.generator.model import definition
from headgate.generator.model.alerting import alerting, receivers, severities
from headgate.generator.model.cluster import with_cluster
from headgate.generator.model.duration import seconds
from headgate.generator.model.files import source
from headgate.generator.model.notification import Notification, implied
from headgate.generator.model.product import (
    Central,
    Code,
    Condition,
    Contract,
    Dependency,
    Domain,
    Needs,
    Parallel,
    Pipeline,
    Product,
    Retry,
    Sla,
    Step,
)
from headgate.generator.model.schedule import Calendar, Schedule, cron_of
from headgate.generator.model.signal import signal
from headgate.generator.schemas import default
from headgate.generator.steps import step_types

Document = dict[str, Any]
Shipped = Mapping[str, tuple[Code, ...]]  # the files of steps, by the place of the step

WEEKDAYS = {name: number for number, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"), 1)}
COMPLETED = tuple(default("product", "dependency", "status"))
DEADLINE = default("product", "wait", "deadline")
ON_DEADLINE = default("product", "wait", "on_deadline")
RESUME = default("product", "wait", "resume")
REFRESH_EVENT = default("product", "publish", "refresh_event")
VISIBILITY = default("product", "publish", "visibility")
LINEAGE = default("product", "publish", "openlineage")
TIMEZONE = default("product", "schedule", "timezone")
DATE_OFFSET = default("product", "schedule", "date_offset")
OFFSET = default("product", "dependency", "offset")
CYCLE = default("product", "dependency", "cycle")
ON_UPDATE = default("product", "dependency", "on_update")
LEVEL = default("product", "notification", "level")
RETRY = {key: default("product", "step", "retry", key) for key in ("interval", "backoff", "max_delay")}
WEEKEND = tuple(default("calendar", "weekend"))


def product(
    domain: str,
    name: str,
    document: Document,
    shipped: Shipped | None = None,
    files: Mapping[str, Any] = MappingProxyType({}),
) -> Product:
    """The product at `domain`/`name` from its document, defaults merged in. `files` is what the JSON files hold that it names."""
    wait = document.get("wait", {})
    publish = document.get("publish", {})
    resume = wait.get("resume", RESUME)
    return Product(
        domain=domain,
        name=name,
        description=document["description"],
        owner=document["owner"],
        email=document.get("email"),
        schedule=schedule(document["schedule"]) if "schedule" in document else None,
        depends_on=condition(document["depends_on"], "/depends_on") if "depends_on" in document else None,
        files=source(document["files"], _timezone(document)) if "files" in document else None,
        deadline=seconds(wait.get("deadline", DEADLINE)),
        on_deadline=wait.get("on_deadline", ON_DEADLINE),
        resume=None if resume == "never" else seconds(resume),
        pipeline=pipeline(domain, name, document, shipped or {}, files) if "pipeline" in document else None,
        clusters=frozenset(document.get("clusters", ())),
        refresh_event=publish.get("refresh_event", REFRESH_EVENT),
        visibility=publish.get("visibility", VISIBILITY),
        sla=sla(document["sla"]) if "sla" in document else None,
        notify=tuple(notification(each, document) for each in document.get("notify", ())),
        alerting=alerting(document.get("alerts", {})),
        given=frozenset(document),
        implied=implied(document),
        contract=contract(document["contract"]) if "contract" in document else None,
        signal=signal(document["signal"], _timezone(document)) if "signal" in document else None,
        dataset=document.get("dataset") or document.get("signal", {}).get("openlineage"),
        lineage=publish.get("openlineage", LINEAGE),
    )


def _timezone(document: Document) -> str | None:
    return document["schedule"].get("timezone", TIMEZONE) if "schedule" in document else None


def domain(name: str, document: Document) -> Domain:
    return Domain(
        name,
        document["owner"],
        document.get("description"),
        document.get("email"),
        document.get("account"),
        document.get("region"),
        tuple(document.get("operators", ())),
    )


def central(document: Document) -> Central:
    return Central(document["account"], document["region"])


def calendar(name: str, document: Document) -> Calendar:
    """Raises ValueError for a date that is in no calendar, such as 2026-02-30."""
    return Calendar(
        name,
        frozenset(WEEKDAYS[day] for day in document.get("weekend", WEEKEND)),
        frozenset(date.fromisoformat(day) for day in document["dates"]),
    )


def schedule(document: Document) -> Schedule:
    return Schedule(
        cron_of(document),
        document.get("timezone", TIMEZONE),
        document.get("date_offset", DATE_OFFSET),
        document.get("calendar"),
    )


def sla(document: Document) -> Sla:
    return Sla(
        document.get("complete_by"),
        document.get("timezone"),
        document.get("days"),
        seconds(document["after"]) if "after" in document else None,
    )


def condition(document: Document, pointer: str) -> Condition:
    operator = "all_of" if "all_of" in document else "any_of"
    return Condition(
        operator,
        tuple(_member(each, f"{pointer}/{operator}/{index}") for index, each in enumerate(document[operator])),
        pointer,
    )


def _member(document: Document | str, pointer: str) -> Condition | Dependency:
    if isinstance(document, str):
        return Dependency(document, COMPLETED, OFFSET, None, CYCLE, None, ON_UPDATE, pointer)
    if "product" not in document:
        return condition(document, pointer)
    return Dependency(
        document["product"],
        tuple(document.get("status", COMPLETED)),
        document.get("offset", OFFSET),
        seconds(document["max_age"]) if "max_age" in document else None,
        document.get("cycle", CYCLE),
        document.get("account"),
        document.get("on_update", ON_UPDATE),
        pointer,
        _needs(document["needs"]) if "needs" in document else None,
    )


def _needs(document: Document) -> Needs:
    return Needs(
        document.get("by"), document.get("timezone"), tuple(document.get("columns", ())), document.get("version")
    )


def contract(document: Document) -> Contract:
    return Contract(document["version"], tuple(document.get("columns", {}).items()))


def pipeline(domain: str, name: str, product: Document, shipped: Shipped, files: Mapping[str, Any]) -> Pipeline:
    document = product["pipeline"]
    timeout = seconds(document["timeout"]) if "timeout" in document else None
    if "definition" in document:
        return definition.pipeline(document["definition"], files, timeout)
    given = document.get("cluster")
    shared = given if isinstance(given, str) else None
    cluster = product.get("clusters", {}).get(shared) if shared else given
    if cluster and isinstance(cluster.get("configurations"), str):
        cluster = cluster | {"configurations": files[cluster["configurations"]]}
    retry = _retry(cluster["retry"]) if cluster and "retry" in cluster else None
    steps = Pipeline(_items(document["steps"], "/pipeline/steps", shipped), timeout, shared=shared)
    return with_cluster(steps, domain, name, cluster, retry)


def _items(documents: list[Document], pointer: str, shipped: Shipped) -> tuple[Step | Parallel, ...]:
    return tuple(_item(each, f"{pointer}/{index}", shipped) for index, each in enumerate(documents))


def _item(document: Document, pointer: str, shipped: Shipped) -> Step | Parallel:
    if "parallel" not in document:
        return _step(document, pointer, shipped)
    branches = []
    for index, branch in enumerate(document["parallel"]):
        at = f"{pointer}/parallel/{index}"
        nested = _items(branch["steps"], f"{at}/steps", shipped) if "steps" in branch else None
        branches.append(nested or (_step(branch, at, shipped),))
    return Parallel(tuple(branches), pointer)


def _step(document: Document, pointer: str, shipped: Shipped) -> Step:
    types = step_types()
    kind = next(key for key in document if key in types)
    settings = types[kind].filled(document[kind])
    return Step(
        document["name"],
        kind,
        settings,
        seconds(settings["timeout"]),
        _retry(document["retry"]) if "retry" in document else None,
        pointer,
        shipped.get(pointer, ()),
    )


def _retry(document: Document) -> Retry:
    interval = seconds(document.get("interval", RETRY["interval"]))
    max_delay = (
        seconds(document["max_delay"]) if "max_delay" in document else max(seconds(RETRY["max_delay"]), interval)
    )
    return Retry(document["attempts"], interval, float(document.get("backoff", RETRY["backoff"])), max_delay)


def notification(document: Document, product: Document) -> Notification:
    return Notification(
        tuple(document["on"]),
        document.get("level", LEVEL),
        tuple((kind, tuple(values)) for kind, values in receivers(document, product).items()),
        tuple(severities(document, product).items()),
    )
