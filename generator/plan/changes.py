"""What differs between two catalogs, by meaning, in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.generator.model.availability import rhythm
from headgate.generator.model.schedule import Schedule
from headgate.generator.plan import file_changes, signal_changes
from headgate.generator.plan.catalog import given
from headgate.generator.plan.notify_changes import notify_listing
from headgate.generator.plan.step_changes import shown, step_changes

Entry = dict[str, Any]
SECTIONS = (
    ("wait", ("deadline", "on_deadline", "resume")),
    ("publish", ("refresh_event", "visibility", "openlineage")),
    ("sla", ("complete_by", "timezone", "days", "after")),
)


@dataclass(frozen=True, slots=True)
class ProductChange:
    """`kind` is added, removed or changed; `sentences` describe the change. `deploys`: whether jobs are deployed with the product."""

    product: str
    kind: str
    sentences: tuple[str, ...]
    deploys: bool = False


def compare(old: Entry, new: Entry) -> list[ProductChange]:
    """The changed products of two catalogs, sorted."""
    before, after = old.get("products", {}), new.get("products", {})
    found = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            found.append(ProductChange(key, "added", tuple(_introduction(after[key]))))
        elif key not in after:
            found.append(ProductChange(key, "removed", ()))
        elif before[key] != after[key]:
            deploys = any("code" in each for each in _steps(after[key].get("pipeline", {}).get("steps", ())))
            found.append(ProductChange(key, "changed", tuple(_differences(before[key], after[key])), deploys))
    for key, entry in sorted(new.get("calendars", {}).items()):
        if key in old.get("calendars", {}) and old["calendars"][key] != entry:
            found.append(ProductChange(f"calendars/{key}", "changed", tuple(_dates(old["calendars"][key], entry))))
    return found


def _introduction(entry: Entry) -> Iterator[str]:
    if "pipeline" not in entry:
        yield "external: refreshed elsewhere"
    if "signal" in entry:
        yield f"refreshed by {signal_changes.spoken_signal(entry['signal'])}"
    by_file = "files" in entry and not {"schedule", "depends_on"} & entry.keys()
    yield "opens by its first file" if by_file else f"opens {_rhythm(entry)}"
    if "depends_on" in entry:
        yield f"waits for {condition_text(entry['depends_on'])}"
    if "files" in entry:
        yield f"waits for files {file_changes.spoken_source(entry['files'])}"


def _differences(old: Entry, new: Entry) -> Iterator[str]:
    yield from _dependencies(old.get("depends_on"), new.get("depends_on"))
    yield from file_changes.differences(old.get("files"), new.get("files"))
    yield from signal_changes.differences(old.get("signal"), new.get("signal"))
    if old.get("schedule") != new.get("schedule"):
        was, now = _rhythm(old), _rhythm(new)
        if was != now:
            yield f"opens {was} -> {now}"
        was_schedule, now_schedule = old.get("schedule") or {}, new.get("schedule") or {}
        for key in ("timezone", "date_offset", "calendar"):
            if was_schedule and now_schedule and was_schedule[key] != now_schedule[key]:
                yield f"{key} {shown(was_schedule[key])} -> {shown(now_schedule[key])}"
    for section, keys in SECTIONS:
        for key in keys:
            before, after = (given(entry.get(section) or {}, key) for entry in (old, new))
            if before != after:
                yield f"{_named(section, key)} {shown(before, key)} -> {shown(after, key)}"
    yield from _pipeline(old.get("pipeline"), new.get("pipeline"))
    if old.get("notify") != new.get("notify"):
        yield "notify: " + notify_listing(old.get("notify"), new.get("notify"))
    for key in ("owner", "email", "description", "machine", "alerts", "dataset"):
        if old.get(key) != new.get(key) and not (key == "machine" and ("pipeline" in old) != ("pipeline" in new)):
            yield f"{key} {shown(old.get(key))} -> {shown(new.get(key))}"


def _named(section: str, key: str) -> str:
    """The key as a reader knows it without its section."""
    return f"sla {key}" if section == "sla" and key != "complete_by" else key


def _rhythm(entry: Entry) -> str:
    schedule = entry.get("schedule")
    return rhythm(Schedule(schedule["cron"], schedule["timezone"]) if schedule else None)


def _dependencies(old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old == new:
        return
    was = {each["product"]: each for each in dependencies_of(old)}
    now = {each["product"]: each for each in dependencies_of(new)}
    added, removed = sorted(now.keys() - was.keys()), sorted(was.keys() - now.keys())
    if added:
        yield ("now also waits for " if was else "now waits for ") + ", ".join(added)
    if removed:
        yield "no longer waits for " + ", ".join(removed)
    options = False
    for product in sorted(was.keys() & now.keys()):
        for key in ("status", "offset", "max_age", "cycle", "account", "on_update"):
            before, after = given(was[product], key), given(now[product], key)
            if before != after:
                options = True
                yield f"waits for {product} with {key} {shown(before, key)} -> {shown(after, key)}"
    if not (added or removed or options) or (
        old and new and _skeleton(old) != _skeleton(new) and not (added or removed)
    ):
        yield f"waits for {condition_text(old)} -> {condition_text(new)}"
    elif old and new and next(iter(old)) != next(iter(new)):
        yield f"waits for {next(iter(new)).split('_')[0]} of them"


def _skeleton(node: Any) -> Any:
    if "product" in node:
        return node["product"]
    operator = next(iter(node))
    return [operator, *(_skeleton(member) for member in node[operator])]


def dependencies_of(node: Entry | None) -> Iterator[Entry]:
    """The dependencies of a condition of the catalog."""
    if node is None:
        return
    if "product" in node:
        yield node
    else:
        for member in node[next(iter(node))]:
            yield from dependencies_of(member)


def condition_text(node: Entry | None) -> str:
    """`all of raw/rd1, any of (raw/rd7, raw/rd8)`"""
    if node is None:
        return "nothing"
    if "product" in node:
        extras = [f"{key} {shown(node[key], key)}" for key in ("offset", "max_age") if node.get(key)]
        extras += ["/".join(node["status"])] if node["status"] != ["COMPLETED"] else []
        extras += [f"cycle {node['cycle']}"] if node["cycle"] != "last" else []
        return str(node["product"]) + (f" ({', '.join(extras)})" if extras else "")
    operator = next(iter(node))
    members = [
        condition_text(member) if "product" in member else f"({condition_text(member)})" for member in node[operator]
    ]
    return members[0] if len(members) == 1 else operator.replace("_", " ") + " " + ", ".join(members)


def _pipeline(old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old is None and new is None:
        return
    if old is None or new is None:
        yield "now has a pipeline" if old is None else "no longer has a pipeline: it is external now"
        return
    was, now = (
        {each["name"]: each for each in _steps(old["steps"])},
        {each["name"]: each for each in _steps(new["steps"])},
    )
    for name in now.keys() - was.keys():
        yield f"step {name} is new"
    for name in was.keys() - now.keys():
        yield f"step {name} is removed"
    for name in sorted(was.keys() & now.keys()):
        prefix = f"step {name}: " if len(now) > 1 else ""
        for sentence in step_changes(was[name], now[name]):
            yield prefix + sentence
    if was.keys() == now.keys() and _order(old["steps"]) != _order(new["steps"]):
        yield "steps run in another order"
    if old["timeout"] != new["timeout"]:
        yield f"pipeline timeout {shown(old['timeout'], 'timeout')} -> {shown(new['timeout'], 'timeout')}"


def _steps(items: Sequence[Entry]) -> Iterator[Entry]:
    for item in items:
        if "parallel" in item:
            for branch in item["parallel"]:
                yield from _steps(branch)
        else:
            yield item


def _order(items: list[Entry]) -> list[Any]:
    return [[_order(branch) for branch in item["parallel"]] if "parallel" in item else item["name"] for item in items]


def _dates(old: Entry, new: Entry) -> Iterator[str]:
    was, now = set(old["dates"]), set(new["dates"])
    for verb, dates in (("adds", sorted(now - was)), ("drops", sorted(was - now))):
        if dates:
            yield f"{verb} {', '.join(dates[:5])}" + (f" and {len(dates) - 5} more dates" if dates[5:] else "")
    if old["weekend"] != new["weekend"]:
        yield f"weekend {old['weekend']} -> {new['weekend']}"
