"""Plays a scenario on a running application: jumps from moment to moment, and waits at each until the application is idle."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.local.buckets import put_file
from headgate.local.producer import publish
from headgate.local.runtime import Runtime
from headgate.local.scenario import Expectation, Moment, Scenario
from headgate.local.stack import FunctionError

# Called at each moment at which the application is idle; true if it has done something there, which the day then waits for.
Progress = Callable[[datetime], bool | None]


@dataclass
class Day:
    """The day that was played: products as `headgate status` shows them, entries as `headgate history` does, the operations that were
    `refused` {at, action, product, message}, and in `problems` each difference from what the scenario expects."""

    products: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    dead_letters: int
    incidents: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    refused: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    shadow: dict[str, Any] | None = None  # as `headgate shadow --json`, of a day in shadow


def play(runtime: Runtime, scenario: Scenario, data: Path, progress: Progress = lambda moment: None) -> Day:
    """Plays the day to its end, or until every product is as the scenario expects and no run is open."""
    runtime.control.set_behaviours(scenario.runs)
    moments, refused = list(scenario.moments), []
    unexpected: list[str] = []
    while True:
        idle = runtime.control.wait_until_idle(120)
        if progress(datetime.fromtimestamp(idle["now"], scenario.timezone)):
            continue
        if not moments and not runtime.open_runs(scenario.business_date) and _as_expected(runtime, scenario):
            break
        due = [each for each in (idle["next"], moments[0].at.timestamp() if moments else None) if each is not None]
        next_moment = min(due, default=scenario.ends.timestamp())
        if next_moment >= scenario.ends.timestamp():
            break
        runtime.control.jump(next_moment)
        while moments and moments[0].at.timestamp() <= next_moment:
            moment = moments.pop(0)
            message = perform(runtime, moment, scenario, data)
            if message is not None:
                refused.append(_refusal(moment, message))
            if (message is not None) != moment.refused:
                unexpected.append(_unexpected(moment, message))
    day = snapshot(runtime, scenario)
    day.refused, day.problems = refused, [*unexpected, *day.problems, *([] if scenario.expect else _errors(day))]
    return day


def perform(runtime: Runtime, moment: Moment, scenario: Scenario, data: Path) -> str | None:
    """Performs what the scenario has at a moment. Returns why the application refused an operation, None if it did not."""
    if moment.deliver is not None:
        file, product = moment.deliver
        day = scenario.business_date.isoformat()
        target = data / product / f"{day}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text("utf-8").replace("{business_date}", day), "utf-8")
    if moment.event is not None:
        put_event(runtime, moment.event, moment.at)
    if moment.signal is not None:
        put_signal(runtime, moment.signal)
    if moment.job is not None:
        name, given = moment.job
        runtime.client("glue").start_job_run(JobName=name, Arguments=given)
    if moment.landing is not None:
        put_file(runtime, *moment.landing)
    if moment.action is not None:
        try:
            runtime.call("OperateFunctionName", moment.action)
        except FunctionError as error:
            return str(error)
    return None


def _refusal(moment: Moment, message: str) -> dict[str, Any]:
    action = moment.action or {}
    return {"at": moment.at.isoformat(), "action": action["action"], "product": action["product"], "message": message}


def _unexpected(moment: Moment, message: str | None) -> str:
    action = moment.action or {}
    what = f"{moment.at:%H:%M} {action['action']} {action['product']}"
    return f"{what} was refused: {message}" if message is not None else f"{what} was not refused, expected a refusal"


def put_event(runtime: Runtime, detail: dict[str, Any], at: datetime) -> None:
    """Puts a refresh event on the central bus, as a producer outside Headgate does."""
    full = {**detail, "refreshed_at": at.astimezone(UTC).isoformat(), "metadata": {}}
    publish(runtime.client("events"), runtime.outputs["CentralEventBusArn"], full)


def put_signal(runtime: Runtime, event: dict[str, Any]) -> None:
    """An AWS service publishes the event, or a producer puts it on the domain bus."""
    if event["source"].startswith("aws."):
        runtime.control.service_event(runtime.account, runtime.region, event)
        return
    entry = {"Source": event["source"], "DetailType": event["detail_type"], "Detail": json.dumps(event["detail"])}
    runtime.client("events").put_events(Entries=[{**entry, "EventBusName": runtime.outputs["DomainEventBusArn"]}])


def snapshot(runtime: Runtime, scenario: Scenario) -> Day:
    """The day as it is now, compared with what the scenario expects."""
    date = scenario.business_date.isoformat()
    products = runtime.call("InquireFunctionName", {"question": "status", "business_date": date})["products"]
    entries = runtime.call("InquireFunctionName", {"question": "history", "business_date": date})["entries"]
    day = Day(products, entries, runtime.dead_letters(), runtime.control.incidents(), runtime.control.alerts())
    day.problems = list(_problems(day, scenario))
    if scenario.shadow:
        day.shadow = runtime.call("InquireFunctionName", {"question": "shadow", "business_date": date})
    return day


def _errors(day: Day) -> Iterator[str]:
    """What is no good end where a scenario says nothing of the products."""
    for each in day.products:
        if each["status"] == "ERROR":
            yield f"{each['product']} ended with {each.get('error', 'an error')}, and the scenario expects nothing of any product"


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
        yield f"{name} ended in attempt {actual.get('attempt')}, expected {expected.attempt}"
    if expected.late is not None and bool(actual.get("late")) != expected.late:
        yield f"{name} is {_lateness(bool(actual.get('late')))}, expected {_lateness(expected.late)}"
    if expected.error is not None and expected.error not in actual.get("error", ""):
        yield f"{name} ended with {actual.get('error')}, expected {expected.error}"
    if ended and expected.after and ended < expected.after:
        yield f"{name} ended at {ended.astimezone(scenario.timezone):%H:%M}, before {expected.after:%H:%M}"
    if ended and expected.by and ended > expected.by:
        yield f"{name} ended at {ended.astimezone(scenario.timezone):%H:%M}, after {expected.by:%H:%M}"


def _lateness(late: bool) -> str:
    return "late" if late else "in time"


def _as_expected(runtime: Runtime, scenario: Scenario) -> bool:
    return not snapshot(runtime, scenario).problems
