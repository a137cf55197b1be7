"""The compiled catalog: every product's metadata with all defaults filled in, as data for the functions and for `plan`.

`statemachines/catalog/catalog.json` holds one product a line, so that a changed product is one changed line.
"""

from dataclasses import asdict
from datetime import date
from functools import cache
from hashlib import blake2b
from typing import Any

import orjson

from headgate.generator.model.build import LINEAGE, ON_UPDATE, RESUME
from headgate.generator.model.cron import FIRST_YEAR, LAST_YEAR, parse
from headgate.generator.model.duration import seconds
from headgate.generator.model.files import Bucket, Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Domain, Parallel, Product, Retry, Step
from headgate.generator.model.schedule import Calendar
from headgate.generator.plan import names
from headgate.generator.plan.asl import Machine, all_states, own_part
from headgate.generator.plan.catalog_notify import bucket_entry, notify_of
from headgate.generator.plan.catalog_signal import signal_entry
from headgate.generator.plan.given_calls import work_in
from headgate.generator.quality.rules import parse as parse_rule
from headgate.generator.steps import StepType, step_types

VERSION = 1
LEFT_OUT = {
    "resume": seconds(RESUME),
    "on_update": ON_UPDATE,
    "openlineage": LINEAGE,
}  # defaults that entries do not hold
Entry = dict[str, Any]


def write(mesh: Mesh) -> bytes:
    """The whole catalog as JSON, sorted, one domain, calendar or product a line. `central` says where the central bus is, if the metadata does."""
    sections = {
        "domains": {key: _domain(each) for key, each in sorted(mesh.domains.items())},
        "calendars": {key: _calendar(each) for key, each in sorted(mesh.calendars.items())},
        "products": {
            key: entry(mesh.products[key], mesh.bucket_of(mesh.products[key])) for key in sorted(mesh.products)
        },
    }
    if mesh.buckets:
        sections["buckets"] = {
            f"{domain}/{key}": bucket_entry(each)
            for domain, buckets in sorted(mesh.buckets.items())
            for key, each in sorted(buckets.items())
        }
    lines = [f'{{\n"version": {VERSION}']
    if mesh.central:
        lines.append(f'"central": {orjson.dumps(asdict(mesh.central)).decode()}')
    for section, entries in sections.items():
        body = ",\n".join(f'"{key}": {orjson.dumps(value).decode()}' for key, value in entries.items())
        lines.append(f'"{section}": {{\n{body}\n}}' if body else f'"{section}": {{}}')
    return (",\n".join(lines) + "\n}\n").encode()


def read(data: bytes) -> dict[str, Any]:
    """The catalog of an earlier run; empty where there is none or it is of another version."""
    try:
        catalog = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return catalog if isinstance(catalog, dict) and catalog.get("version") == VERSION else {}


def given(entry: Entry, key: str) -> Any:
    """The value under the key, or what entries leave out."""
    return entry.get(key, LEFT_OUT.get(key))


def entry(product: Product, bucket: Bucket | None = None) -> Entry:
    """One product, whose files land in the bucket; durations in seconds. Sections that are absent in the metadata are absent here."""
    result: Entry = {"description": product.description, "owner": product.owner}
    if product.email:
        result["email"] = product.email
    if product.schedule:
        result["schedule"] = {
            "cron": product.schedule.cron,
            "timezone": product.schedule.timezone,
            "date_offset": product.schedule.date_offset,
            "calendar": product.schedule.calendar,
            "fires": _fires(product.schedule.cron),
        }
    if product.depends_on:
        result["depends_on"] = _condition(product.depends_on)
    if product.files and bucket:
        result["files"] = _files(product.files, bucket)
    if product.pipeline:
        result["machine"] = names.machine_name(product)
        result["execution_prefix"] = names.execution_prefix(product)
        result["wait"] = {"deadline": product.deadline, "on_deadline": product.on_deadline}
        if product.resume != LEFT_OUT["resume"]:
            result["wait"]["resume"] = product.resume
        result["pipeline"] = {
            "timeout": product.pipeline.timeout,
            "steps": [_item(each) for each in product.pipeline.all_items()],
        }
    result["publish"] = {"refresh_event": product.refresh_event, "visibility": product.visibility}
    if product.lineage:
        result["publish"]["openlineage"] = True
    if product.dataset:
        result["dataset"] = product.dataset
    if product.signal:
        result["signal"] = signal_entry(product.signal)
    if product.sla:
        result["sla"] = {key: value for key, value in asdict(product.sla).items() if value is not None}
    if product.notify or product.implied:
        result["notify"] = [*notify_of(product)]
    if product.alerting:
        result["alerts"] = product.alerting
    return result


def _files(source: Source, bucket: Bucket) -> Entry:
    """`bucket_name` may have `{account}` in it, which is filled in where the catalog is loaded."""
    return {
        "bucket": source.bucket,
        "bucket_name": bucket.real_name(bucket.account),
        "via": bucket.via,
        "versioned": bucket.versioned,
        **source.naming(),
        "settle": source.settle,
        "sweep": source.sweep,
        "load": source.load,
        "min_bytes": source.min_bytes,
        "on_correction": source.on_correction,
        "reconcile": source.reconcile,
    }


@cache
def _fires(expression: str) -> Entry:
    """The cron expression taken apart, so that the database evaluates sets and parses nothing."""
    cron = parse(expression)
    return {
        "times": [f"{time[:2]}:{time[2:]}" for time in cron.times],
        "months": sorted(cron.months),
        "month_days": sorted(cron.days_of_month),
        "week_days": sorted(cron.days_of_week),
        "years": None if len(cron.years) == LAST_YEAR - FIRST_YEAR + 1 else sorted(cron.years),
        "last_days": sorted(cron.last_days),
        "near_weekdays": sorted(cron.near_weekdays),
        "last_week_days": sorted(cron.last_weekdays),
        "nth_week_days": [f"{day}#{nth}" for day, nth in sorted(cron.nth_weekdays)],
    }


def _condition(node: Condition | Dependency) -> Entry:
    if isinstance(node, Condition):
        return {node.operator: [_condition(member) for member in node.members]}
    result: Entry = {"product": node.product, "status": list(node.statuses), "offset": node.offset, "cycle": node.cycle}
    if node.max_age is not None:
        result["max_age"] = node.max_age
    if node.account is not None:
        result["account"] = node.account
    if node.on_update != LEFT_OUT["on_update"]:
        result["on_update"] = node.on_update
    return result


def _item(item: Step | Parallel) -> Entry:
    if isinstance(item, Parallel):
        return {"parallel": [[_item(each) for each in branch] for branch in item.branches]}
    kind = step_types()[item.type]
    apart = (kind.resource, *kind.arguments, "timeout")
    return (
        {
            "name": item.name,
            "type": item.type,
            "resource": item.settings[kind.resource],
            "arguments": kind.catalogued(item.settings),
            "settings": {key: _setting(kind, key, value) for key, value in item.settings.items() if key not in apart},
            "timeout": item.timeout,
            "retry": _retry(item.retry) if item.retry else None,
        }
        | ({"code": code_of(item)} if item.code else {})
        | ({"deployed": True} if names.is_deployed(item) else {})
    )


def code_of(step: Step) -> Entry:
    """The keys of the files that the step ships by property: of one file, or of a list of them."""
    found: Entry = {}
    for each in step.code:
        listed = isinstance(step.settings[each.property], list)
        found[each.property] = [*found.get(each.property, ()), each.key] if listed else each.key
    return found


def _setting(kind: StepType, key: str, value: Any) -> Any:
    """As it is; the rules of batches as jobs evaluate them, and of what a file holds digests."""
    if key == kind.note("content"):
        return digests(value)
    if key != "batches" or "checks" not in value:
        return value
    checks = {
        severity: [{"rule": rule, "test": parse_rule(rule)} for rule in rules]
        for severity, rules in value["checks"].items()
    }
    return {**value, "checks": checks}


def digests(machine: Machine) -> Entry:
    """What the catalog keeps of a definition: where it starts, what it runs, and a digest of each state without those inside it."""
    return {
        "StartAt": machine["StartAt"],
        "work": work_in(machine),
        "States": {
            name: blake2b(orjson.dumps(own_part(state), option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()
            for name, state in all_states(machine)
        },
    }


def _retry(retry: Retry) -> Entry:
    return {
        "attempts": retry.attempts,
        "interval": retry.interval,
        "backoff": retry.backoff,
        "max_delay": retry.max_delay,
    }


def _domain(domain: Domain) -> Entry:
    values = {
        "description": domain.description,
        "owner": domain.owner,
        "email": domain.email,
        "account": domain.account,
        "region": domain.region,
        "operators": domain.operators or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _calendar(calendar: Calendar) -> Entry:
    return {"weekend": sorted(calendar.weekend), "dates": sorted(date.isoformat(day) for day in calendar.dates)}
