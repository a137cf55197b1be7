"""What the name of a landed object says by a source: its kind, date, cycle, facets and place in a set. Pure; the generator links to this file.

A source is the `files` of a product as the catalog has them (`files` of a product in docs/metadata.md, durations in seconds).
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any

NUMBERS = ("part", "parts")  # groups whose text is a number: `01` of `03` is 1 of 3
DATE, CYCLE = "{date}", "{cycle}"
HOUR = re.compile(r"([01]\d|2[0-3])([0-5]\d)?", re.ASCII)  # of a cycle


@dataclass(frozen=True, slots=True)
class Named:
    """`kind` is `data`, `marker` or `manifest`. `date` is None where the arrival decides, or where `problem` says why the name has none. `slot` is the
    place in its set that the file takes, one of `slots`, or which part it is; None where the files of a set are alike."""

    kind: str
    date: str | None = None
    cycle: str = ""
    facets: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    slot: str | None = None


def named(source: dict[str, Any], key: str) -> Named | None:
    """What the key says by the source; None if it is not of this source. The pattern stands for the whole key after the prefix."""
    prefix = source["prefix"]
    if not key.startswith(prefix) or key.endswith("/"):
        return None
    name = key[len(prefix) :]
    complete = source.get("complete") or {}
    for kind, template in (
        ("marker", complete.get("marker")),
        ("manifest", (complete.get("manifest") or {}).get("name")),
    ):
        if template and (found := template_pattern(template, source).fullmatch(name)):
            return _read(kind, source, found)
    found = _compiled(source["pattern"]).fullmatch(name)
    if not found:
        return None
    read = _read("data", source, found)
    return replace(read, slot=_slot(source, name, read.facets))


def slots(source: dict[str, Any]) -> list[str] | None:
    """The places of a complete set, each of which one file takes; None where `complete` says it otherwise. A name stands for itself."""
    complete = source.get("complete") or {}
    if "values" in complete:
        return [" ".join(each) for each in product(*(complete["values"][name] for name in sorted(complete["values"])))]
    return complete.get("names")


def template_pattern(template: str, source: dict[str, Any]) -> re.Pattern[str]:
    """The pattern of a name with `{date}` and `{cycle}` in it, as `marker`, `manifest` and `names` have them."""
    groups = {DATE: (source["date"].get("group"), ".+?"), CYCLE: ((source.get("cycle") or {}).get("group"), ".+?")}
    parts = re.split(r"(\{date\}|\{cycle\})", template)
    return _compiled(
        "".join(f"(?P<{groups[part][0]}>{groups[part][1]})" if part in groups else re.escape(part) for part in parts)
    )


def filled_in(template: str, source: dict[str, Any], date: str, cycle: str) -> str:
    """The name that the template stands for at an (ISO) date and a cycle, which are those of the name."""
    day = datetime.fromisoformat(date).strftime(source["date"].get("format", "%Y-%m-%d"))
    return template.replace(DATE, day).replace(CYCLE, cycle)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _slot(source: dict[str, Any], name: str, facets: dict[str, str]) -> str | None:
    complete = source.get("complete") or {}
    if "values" in complete:
        return " ".join(facets.get(each, "-") for each in sorted(complete["values"]))
    if "names" in complete:
        return next((each for each in complete["names"] if template_pattern(each, source).fullmatch(name)), None)
    if "parts" in complete and "part" in facets:
        return f"{facets['part']} of {facets.get('parts', '?')}"
    return None


def _read(kind: str, source: dict[str, Any], found: re.Match[str]) -> Named:
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    date, cycle = source["date"], (source.get("cycle") or {}).get("group")
    facets = {
        name: str(int(text)) if name in NUMBERS and text.isdecimal() else text
        for name, text in groups.items()
        if name not in (date.get("group"), cycle)
    }
    result = Named(kind, None, "", facets)
    if cycle:
        hour = HOUR.fullmatch(groups.get(cycle, ""))
        if hour is None:
            return replace(result, problem=f'"{groups.get(cycle, "")}" is not a cycle: an hour (14) or a time (1430)')
        result = replace(result, cycle=hour[1] + (hour[2] or "00"))
    if "group" not in date:
        return result
    text = groups.get(date["group"])
    if text is None:
        return replace(result, problem=f'the name has no "{date["group"]}"')
    day = read_date(text, date["format"])
    if day is None:
        return replace(result, problem=f'"{text}" is not a date of the format {date["format"]}')
    return replace(result, date=day)


def read_date(text: str, form: str) -> str | None:
    """The ISO date of a text; None if it is no date of that format. `strptime` also takes `2026115` by `%Y%m%d`: what does not read the same again is no date of that format."""
    try:
        day = datetime.strptime(text, form)  # noqa: DTZ007 - a date without a time
    except ValueError:
        return None
    return day.date().isoformat() if day.strftime(form).casefold() == text.casefold() else None
