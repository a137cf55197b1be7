"""A business day as a file: when each refresh event comes, how jobs and functions go, what operators do, and the expected end."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).with_name("scenario.schema.json")
SECONDS = {"s": 1, "m": 60, "h": 3600}


class ScenarioError(Exception):
    """The scenario cannot be played; the message has a line for each problem, with the file and the place in it."""


@dataclass(frozen=True)
class Moment:
    """Something that happens at a moment: an event put on the central bus, one of another system, a file that lands in a bucket, a job that another scheduler starts, or an action of an operator, which is
    expected to be `refused` or not."""

    at: datetime
    event: dict[str, Any] | None = None
    action: dict[str, Any] | None = None
    refused: bool = False
    deliver: tuple[Path, str] | None = None  # a file, and the product whose data of the date it is
    landing: tuple[str, str, bytes] | None = None  # a file that lands: bucket, key and content
    signal: dict[str, Any] | None = None  # {source, detail_type, detail}
    job: tuple[str, dict[str, str]] | None = None  # a Glue job that another scheduler starts, and its arguments
    note: str = ""


@dataclass(frozen=True)
class Expectation:
    status: str
    attempt: int | None = None
    after: datetime | None = None
    by: datetime | None = None
    late: bool | None = None
    error: str | None = None


@dataclass(frozen=True)
class Scenario:
    """A day. `runs` says how runs of jobs and functions go: see `local.adapters.settings`. With `shadow` the application launches nothing."""

    business_date: date
    timezone: ZoneInfo
    starts: datetime
    ends: datetime
    description: str = ""
    moments: tuple[Moment, ...] = ()
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    expect: dict[str, Expectation] = field(default_factory=dict)
    dead_letters: int = 0
    jobs: Path | None = None
    shadow: bool = False


def read(path: Path) -> Scenario:
    """The scenario in the file. Raises `ScenarioError` with all problems of the file."""
    try:
        given = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not YAML: {error}") from None
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    problems = [
        f"{path}: /{'/'.join(str(part) for part in each.absolute_path)}: {each.message}"
        for each in sorted(validator.iter_errors(given), key=lambda each: [str(part) for part in each.absolute_path])
    ]
    if problems:
        raise ScenarioError("\n".join(problems))
    return _read(path, given)


def _read(path: Path, given: dict[str, Any]) -> Scenario:
    problems = []
    try:
        zone = ZoneInfo(given["timezone"])
        day = date.fromisoformat(given["business_date"])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from None

    def at(clock: str) -> datetime:
        """`06:30` of the business date, `06:30 +1` of the day after it."""
        hour, _, days = clock.partition(" ")
        return datetime.combine(day + timedelta(days=int(days or 0)), time.fromisoformat(hour), zone)

    starts = at(given.get("starts", "00:00"))
    data, jobs = (path.parent / given[name] if name in given else None for name in ("data", "jobs"))
    moments = []
    for number, each in enumerate(given.get("events", ())):
        file = (data or path.parent) / each["file"] if "file" in each else None
        if file is not None and not file.is_file():
            problems.append(f"{path}: /events/{number}/file: {file} does not exist")
        deliver = (file, each["product"]) if file is not None else None
        moments.append(Moment(at(each["at"]), event=_detail(each, day), deliver=deliver, note=each.get("note", "")))
    for number, each in enumerate(given.get("files", ())):
        file = (data or path.parent) / each["file"] if "file" in each else None
        if file is not None and not file.is_file():
            problems.append(f"{path}: /files/{number}/file: {file} does not exist")
            continue
        landing = (each["bucket"], each["key"], file.read_bytes() if file else _content(each))
        moments.append(Moment(at(each["at"]), landing=landing, note=each.get("note", "")))
    for each in given.get("signals", ()):
        signal = {key: each[key] for key in ("source", "detail_type", "detail")}
        moments.append(Moment(at(each["at"]), signal=signal, note=each.get("note", "")))
    for each in given.get("existing", ()):
        filled = {
            key: text.replace("{business_date}", day.isoformat()) for key, text in each.get("arguments", {}).items()
        }
        moments.append(Moment(at(each["at"]), job=(each["job"], filled), note=each.get("note", "")))
    for each in given.get("acts", ()):
        action = {"business_date": day.isoformat(), "actor": "scenario"}
        action |= {key: value for key, value in each.items() if key not in ("at", "note", "refused")}
        moments.append(
            Moment(at(each["at"]), action=action, refused=each.get("refused", False), note=each.get("note", ""))
        )
    expect = {name: _expectation(each, at) for name, each in given.get("expect", {}).items()}
    ends = at(given["ends"]) if "ends" in given else _end(starts, moments, expect)
    problems += [
        f"{path}: {each.at:%Y-%m-%d %H:%M} is not between starts ({starts:%Y-%m-%d %H:%M}) and ends ({ends:%Y-%m-%d %H:%M})"
        for each in moments
        if not starts <= each.at < ends
    ]
    if jobs is not None and not jobs.is_dir():
        problems.append(f"{path}: /jobs: {jobs} does not exist")
    if problems:
        raise ScenarioError("\n".join(problems))
    runs = {name: [_behaviour(each) for each in each_run] for name, each_run in given.get("runs", {}).items()}
    moments.sort(key=lambda each: each.at)
    return Scenario(
        day, zone, starts, ends, given.get("description", ""), tuple(moments), runs, expect, given.get("dead_letters", 0), jobs,
        given.get("shadow", False),
    )  # fmt: skip


def _content(given: dict[str, Any]) -> bytes:
    text: str = given.get("content") or "x" * given.get("size", 0)
    return text.encode()


def _end(starts: datetime, moments: list[Moment], expect: dict[str, Expectation]) -> datetime:
    """As many whole days after the start as everything in the scenario takes."""
    named = [each.at for each in moments] + [at for each in expect.values() for at in (each.after, each.by) if at]
    last = max(named, default=starts)
    return starts + timedelta(days=max(1, (last - starts).days + 1))


def _expectation(given: dict[str, Any], at: Callable[[str], datetime]) -> Expectation:
    moments: dict[str, Any] = {key: at(given[key]) for key in ("after", "by") if key in given}
    return Expectation(**{**given, **moments})


def _detail(given: dict[str, Any], day: date) -> dict[str, Any]:
    if "detail" in given:
        detail: dict[str, Any] = given["detail"]
        return detail
    domain, product = given["product"].split("/")
    named: dict[str, Any] = {key: given[key] for key in ("cycle", "attempt") if key in given}
    date_of = given.get("business_date", day.isoformat())
    return {
        "domain": domain,
        "product": product,
        "business_date": date_of,
        "status": given.get("status", "COMPLETED"),
        **named,
    }


def _behaviour(given: dict[str, Any]) -> dict[str, Any]:
    takes = {"takes": int(given["takes"][:-1]) * SECONDS[given["takes"][-1]]} if "takes" in given else {}
    return {**given, **takes}


class _Loader(yaml.SafeLoader):
    """Reads dates as text, like the rest of the project."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
