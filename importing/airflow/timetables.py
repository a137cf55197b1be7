"""Timetables of Airflow as schedules, and conditions over assets as dependencies."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headgate.importing import schedules
from headgate.importing.airflow.serialized import Dag, asset_key
from headgate.importing.result import Document

DATA_INTERVAL = "CronDataIntervalTimetable"
TRIGGERS = ("CronTriggerTimetable", "CronPartitionTimetable")


@dataclass(slots=True)
class Opening:
    """What starts the runs of a DAG. `condition` nests `{"all": [...]}` and `{"any": [...]}` over keys of assets. `dated` says that the business
    date of a run is the date that Airflow calls `ds`."""

    schedule: Document = field(default_factory=dict)
    condition: Any = None
    notes: list[str] = field(default_factory=list)
    dated: bool = True


def opening(dag: Dag) -> Opening:
    made = Opening()
    timetable = dag.values.get("timetable")
    if isinstance(timetable, dict):
        _timetable(dag, timetable, made)
    elif dag.values.get("schedule_interval") is not None:  # of Airflow 2, where it says the same in fewer words
        interval = dag.get("schedule_interval")
        if isinstance(interval, str):
            _cron(interval, _zone(dag), True, made)
        else:
            _delta(interval, made)
    if made.condition is None and dag.values.get("dataset_triggers"):
        made.condition = _condition(dag.values["dataset_triggers"], made)
    return made


def leaves(condition: Any) -> list[str]:
    """The keys of the assets in a condition."""
    if condition is None or isinstance(condition, str):
        return [condition] if condition else []
    return [each for members in condition.values() for member in members for each in leaves(member)]


def dependencies(condition: Any, products: Callable[[str], list[str]]) -> Any:
    """The condition over products: an asset that several products refresh is any of these."""
    if isinstance(condition, str):
        found = products(condition)
        return found[0] if len(found) == 1 else {"any_of": found}
    ((operator, members),) = condition.items()
    return {f"{operator}_of": [dependencies(each, products) for each in members]}


def _timetable(dag: Dag, timetable: dict[str, Any], made: Opening) -> None:
    kind = str(timetable.get("__type", "")).rpartition(".")[2]
    values = timetable.get("__var") or {}
    zone = values.get("timezone") or _zone(dag)
    assets = (
        values.get("asset_condition")
        or values.get("dataset_condition")
        or values.get("assets")
        or values.get("datasets")
    )
    if kind == DATA_INTERVAL or kind in TRIGGERS:
        _cron(str(values.get("expression", "")), str(zone), kind == DATA_INTERVAL, made)
    elif kind in ("DeltaDataIntervalTimetable", "DeltaTriggerTimetable"):
        _delta(values.get("delta"), made)
    elif kind in ("AssetTriggeredTimetable", "DatasetTriggeredTimetable"):
        made.condition = _condition(assets, made) if assets else None
    elif kind in ("AssetOrTimeSchedule", "DatasetOrTimeSchedule"):
        _timetable(dag, values.get("timetable") or {}, made)
        made.notes.append(
            "runs at its times or when its assets are refreshed; here it opens at its times and waits for them"
        )
        made.condition = _condition(assets, made) if assets else None
    elif kind in ("NullTimetable", ""):
        pass
    else:
        made.notes.append(f"has the timetable {kind}, which is left out: state a schedule")


def _cron(expression: str, zone: str, interval: bool, made: Opening) -> None:
    try:
        schedule = schedules.from_unix(expression, zone)
    except ValueError as error:
        made.notes.append(f"has the schedule {expression}: {error}")
        return
    made.schedule = schedule
    if not interval:
        return
    daily = schedule.get("frequency") == "daily" or (
        "cron" in schedule and not schedules.cycles(schedule) and schedule["cron"].endswith("* * ? *")
    )
    if daily:
        made.schedule = {**schedule, "date_offset": -1}  # a run of Airflow is about the day that has ended: its `ds`
    else:
        made.dated = False
        made.notes.append(
            "its runs are about the interval that has ended (`ds` is its beginning); here the business date is the day of the opening"
        )


def _delta(seconds: Any, made: Opening) -> None:
    if isinstance(seconds, int | float) and seconds == 86400:
        made.schedule = {"frequency": "daily", "time": "00:00", "date_offset": -1}
        made.notes.append(
            "runs a day after the run before, from its start_date; here it opens at 00:00 UTC: state the time"
        )
    else:
        made.notes.append(f"runs every {seconds} seconds, which is no time of day: state a schedule")


def _condition(value: Any, made: Opening) -> Any:
    if isinstance(value, list):  # before Airflow 2.9: all of them
        return _joined("all", [_condition(each, made) for each in value])
    kind = str(value.get("__type", "asset"))
    if kind.endswith(("_all", "_any")):
        return _joined(kind[-3:], [_condition(each, made) for each in value.get("objects", ())])
    inner = value.get("__var", value)
    if kind.endswith("_alias"):
        made.notes.append(
            f"waits for the alias {inner.get('name')}, whose assets are known when tasks run: name the products that it depends on"
        )
        return None
    return asset_key(inner)


def _joined(operator: str, members: list[Any]) -> Any:
    known = [each for each in members if each]
    return known[0] if len(known) == 1 else {operator: known} if known else None


def _zone(dag: Dag) -> str:
    zone = dag.values.get("timezone")
    return zone if isinstance(zone, str) else "UTC"
