"""Plays a scenario on a running application: jumps from moment to moment, and at each waits until nothing is going on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.local.runtime import Runtime
from headgate.local.scenario import Expectation, Moment, Scenario

Progress = Callable[[datetime], None]


@dataclass
class Day:
    """What was played: the state as `headgate status` and `history` tell it, and what is not as the scenario says."""

    products: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    dead_letters: int
    incidents: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    problems: list[str] = field(default_factory=list)


def play(runtime: Runtime, scenario: Scenario, data: Path, progress: Progress = lambda moment: None) -> Day:
    """Plays the day to its end, or until everything has come out as the scenario expects and nothing is open."""
    runtime.control.set_behaviours(scenario.runs)
    moments = list(scenario.moments)
    while True:
        settled = runtime.control.settled(120)
        progress(datetime.fromtimestamp(settled["now"], scenario.timezone))
        if not moments and not runtime.open_runs(scenario.business_date) and _as_expected(runtime, scenario):
            break
        due = [each for each in (settled["next"], moments[0].at.timestamp() if moments else None) if each is not None]
        following = min(due, default=scenario.ends.timestamp())
        if following >= scenario.ends.timestamp():
            break
        runtime.control.jump(following)
        while moments and moments[0].at.timestamp() <= following:
            happen(runtime, moments.pop(0), scenario, data)
    return look(runtime, scenario)


def happen(runtime: Runtime, moment: Moment, scenario: Scenario, data: Path) -> None:
    """Lets a moment of the scenario happen."""
    if moment.deliver is not None:
        file, product = moment.deliver
        day = scenario.business_date.isoformat()
        target = data / product / f"{day}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text("utf-8").replace("{business_date}", day), "utf-8")
    if moment.event is not None:
        put_event(runtime, moment.event, moment.at)
    if moment.action is not None:
        runtime.call("OperateFunctionName", moment.action)


def put_event(runtime: Runtime, detail: dict[str, Any], at: datetime) -> None:
    """Puts a refresh event on the central bus, as a producer outside Headgate does."""
    full = {**detail, "refreshed_at": at.astimezone(UTC).isoformat(), "metadata": {}}
    kind = "Data Product Failed" if detail.get("status") == "ERROR" else "Data Product Refreshed"
    entry = {
        "Source": "headgate",
        "DetailType": kind,
        "EventBusName": runtime.outputs["CentralEventBusArn"],
        "Detail": json.dumps(full),
    }
    answer = runtime.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the event was refused: {answer['Entries']}")


def look(runtime: Runtime, scenario: Scenario) -> Day:
    """The day as it stands, compared with what the scenario expects."""
    date = scenario.business_date.isoformat()
    products = runtime.call("InquireFunctionName", {"question": "status", "business_date": date})["products"]
    entries = runtime.call("InquireFunctionName", {"question": "history", "business_date": date})["entries"]
    day = Day(products, entries, runtime.dead_letters(), runtime.control.incidents(), runtime.control.alerts())
    day.problems = list(_problems(day, scenario))
    return day


def _problems(day: Day, scenario: Scenario) -> Iterator[str]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in day.products:
        found.setdefault(each["product"], []).append(each)
    for name, expected in scenario.expect.items():
        for actual in found.get(name, [{"status": "not in the catalog"}]):
            yield from _differences(name, actual, expected, scenario)
    if day.dead_letters != scenario.dead_letters:
        yield f"{day.dead_letters} messages are in dead letter queues, expected {scenario.dead_letters}"


def _differences(name: str, actual: dict[str, Any], expected: Expectation, scenario: Scenario) -> Iterator[str]:
    if actual["status"] != expected.status:
        yield f"{name} is {actual['status']}, expected {expected.status}"
        return
    ended = datetime.fromisoformat(actual["finished_at"]) if "finished_at" in actual else None
    if expected.attempt is not None and actual.get("attempt") != expected.attempt:
        yield f"{name} took attempt {actual.get('attempt')}, expected {expected.attempt}"
    if expected.late is not None and bool(actual.get("late")) != expected.late:
        yield f"{name} is {'late' if actual.get('late') else 'in time'}, expected the other"
    if expected.error is not None and expected.error not in actual.get("error", ""):
        yield f"{name} ended with {actual.get('error')}, expected {expected.error}"
    if ended and expected.after and ended < expected.after:
        yield f"{name} ended at {ended.astimezone(scenario.timezone):%H:%M}, before {expected.after:%H:%M}"
    if ended and expected.by and ended > expected.by:
        yield f"{name} ended at {ended.astimezone(scenario.timezone):%H:%M}, after {expected.by:%H:%M}"


def _as_expected(runtime: Runtime, scenario: Scenario) -> bool:
    return not look(runtime, scenario).problems
