"""Of which product, step and business date a job run of the existing scheduler is. Pure.

A job that one step alone runs is of that step, whatever it was given. Where several run it, what is the same in every run of a step decides: arguments
without a placeholder that differs from run to run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from file_names import HOUR, read_date
from job_run import Seen
from state.answers import Json

OF_RUN = re.compile(r"\{(business_date|cycle|run_id|attempt|upstream\.[^{}]*)\}")
FILLED = {
    "business_date": r"(?P<business_date>\d{4}-?\d\d-?\d\d)",
    "cycle": r"(?P<cycle>[0-2]\d(?:[0-5]\d)?)",
}
DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d")
MOST_NAMED = 5  # steps in a message


@dataclass(frozen=True, slots=True)
class Match:
    """`date` and `cycle` are None where the arguments do not say them. Without a product, `problem` says why."""

    product: str | None = None
    step: str | None = None
    date: str | None = None
    cycle: str | None = None
    problem: str | None = None


def matched(seen: Seen, steps: list[Json]) -> Match:
    """The one of `steps` {product_id, step, arguments} that the job run is of; each of them runs its job."""
    if seen.started_at is None:
        return Match(problem="its service did not know it any more, so that its start is unknown")
    given = dict(_texts(seen.arguments or {}))
    fitting = [(fits, each) for each in steps if (fits := _fits(each, given)) is not None]
    best = [each for fits, each in fitting if fits == max(number for number, _ in fitting)]
    if len(steps) == 1:
        best = steps
    if len(best) != 1:
        said = "its arguments fit more than one of them" if best else "its arguments fit none of them"
        return Match(problem=f"{_named(best or steps)} run the job {seen.job}, and {said}")
    (step,) = best
    return Match(step["product_id"], step["step"], *_day(step, given))


def _fits(step: Json, given: dict[str, str]) -> int | None:
    """How many of the arguments that are the same in every run of the step the job run has; None if it differs in one."""
    fixed = {place: _of_product(text, step) for place, text in _texts(step["arguments"]) if not OF_RUN.search(text)}
    return len(fixed) if all(given.get(place) == text for place, text in fixed.items()) else None


def _day(step: Json, given: dict[str, str]) -> tuple[str | None, str | None]:
    """The business date and the cycle, read where the step has them in its arguments."""
    day: str | None = None
    cycle: str | None = None
    for place, text in _texts(step["arguments"]):
        found = re.fullmatch(_pattern(_of_product(text, step)), given.get(place, ""))
        if found is None:
            continue
        values = found.groupdict()
        if day is None and values.get("business_date"):
            dates = (read_date(values["business_date"], each) for each in DATE_FORMATS)
            day = next(filter(None, dates), None)
        if cycle is None and values.get("cycle") and (hour := HOUR.fullmatch(values["cycle"])):
            cycle = hour[1] + (hour[2] or "00")
    return day, cycle


def _pattern(text: str) -> str:
    """What a text of the step looks like in a run: each placeholder is a group the first time, and anything after that."""
    parts: list[str] = []
    end, known = 0, set[str]()
    for found in OF_RUN.finditer(text):
        name = found[1]
        parts += [re.escape(text[end : found.start()]), FILLED[name] if name in FILLED.keys() - known else ".*"]
        known.add(name)
        end = found.end()
    return "".join([*parts, re.escape(text[end:])])


def _of_product(text: str, step: Json) -> str:
    domain, _, name = step["product_id"].partition("/")
    return text.replace("{product}", name).replace("{domain}", domain)


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text and number in it, at any depth, with its place."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, f"{place}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}/{number}")
    elif value is not None:
        yield place, str(value)


def _named(steps: list[Json]) -> str:
    names = [f"{each['product_id']} ({each['step']})" for each in steps]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
