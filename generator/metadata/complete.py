"""Fills in what a product's document lacks, so that rules can check the rest of it. Rules about the values that are filled in
are not applied: the product counts as known in part."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.model.build import WEEKDAYS
from headgate.generator.steps import in_pipelines

UNKNOWN = "unknown"


def complete(document: dict[str, Any]) -> None:
    """Adds the required keys that are missing in the schedule and the steps. Values that are wrong stay."""
    schedule = document.get("schedule")
    if isinstance(schedule, dict):
        _schedule(schedule)
    pipeline = document.get("pipeline")
    if isinstance(pipeline, dict):
        for number, step in enumerate(_steps(pipeline.get("steps"))):
            _step(step, f"{UNKNOWN}-{number}")


def _schedule(schedule: dict[str, Any]) -> None:
    frequency = schedule.get("frequency")
    if frequency is None or "cron" in schedule:
        for key in ("frequency", "time", "day"):
            schedule.pop(key, None)
        schedule.setdefault("cron", "0 0 * * ? *")
        return
    schedule.setdefault("time", "00:00")
    day = schedule.pop("day", None)
    if frequency == "weekly":
        schedule["day"] = day if day in WEEKDAYS else "MON"
    elif frequency == "monthly":
        schedule["day"] = 1 if day is None or day in WEEKDAYS else day


def _steps(items: Any) -> Iterator[dict[str, Any]]:
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        nested = item.get("parallel", item.get("steps"))
        if nested is None:
            yield item
        else:
            yield from _steps(nested)


def _step(step: dict[str, Any], name: str) -> None:
    types = in_pipelines()
    step.setdefault("name", name)
    if not types.keys() & step.keys():
        step[next(iter(types))] = {}
    for kind in types.keys() & step.keys():
        if isinstance(step[kind], dict):
            step[kind].setdefault(types[kind].resource, name)
    if isinstance(step.get("retry"), dict):
        step["retry"].setdefault("attempts", 1)
