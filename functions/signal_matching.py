"""Which products a signal refreshes, and for which business dates: what is recorded of it."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from event_dates import out_of_bounds
from file_names import HOUR, named, read_date
from signals import LONGEST, Reported, at_path
from state.answers import Json
from state.calls import State

PAGE = 1000  # products a call
NO_PRODUCT = "no product names it"
NO_MATCH = "nothing in it matches the pattern of the product"


class Unreadable(Exception):
    """A signal of a product whose date cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Day:
    """`date` is None where the arrival decides, or the moment `nominal_at` by the clock of the product."""

    date: str | None
    cycle: str = ""
    nominal_at: str | None = None
    facets: tuple[tuple[str, str], ...] = ()


def record(state: State, reported: list[Reported], now: datetime) -> dict[int, str]:
    """Records the signals. Each may be recorded again. Gives the reasons of those that are refused by some product, by their place in the list; for
    the others of their products they count. What refreshes nothing is noted for `health`."""
    known = _products(state, sorted({subject for each in reported for subject in each.subjects}))
    refused: dict[int, list[str]] = {}
    unused: list[Json] = []
    rows: dict[str, tuple[int, Json]] = {}
    for place, each in enumerate(reported):
        named = [product for product in known if _is_about(each, product)]
        if not named:
            unused += [_unused(each, subject, "", NO_PRODUCT) for subject in each.subjects]
        for product in named:
            name, subject = product["product_id"], product["signal"]["subject"]
            try:
                found = {row["signal_key"]: (place, row) for row in _rows(each, name, product["signal"], now)}
                unused += [] if found else [_unused(each, subject, name, NO_MATCH)]
                rows |= found
            except Unreadable as error:
                refused.setdefault(place, []).append(f"{name}: {error}")
                unused.append(_unused(each, subject, name, str(error), refused=True))
    if rows:
        subjects = {product["product_id"]: product["signal"]["subject"] for product in known}
        for refusal in state.record_signals([row for _, row in rows.values()], now).refused:
            place, row = rows[refusal["signal_key"]]
            name, reason = row["product_id"], refusal["reason"]
            refused.setdefault(place, []).append(reason)
            unused.append(
                _unused(reported[place], subjects[name], name, reason.removeprefix(f"{name}: "), refused=True)
            )
    if unused:
        last = {(each["kind"], each["subject"], each["product_id"], each["refused"]): each for each in unused}
        state.note_unused_signals(list(last.values()), now)
    return {place: "; ".join(reasons) for place, reasons in refused.items()}


def _is_about(reported: Reported, product: Json) -> bool:
    return bool(product["signal"]["kind"] == reported.kind and product["signal"]["subject"] in reported.subjects)


def _unused(reported: Reported, subject: str, product: str, reason: str, refused: bool = False) -> Json:
    example = reported.texts[0] if reported.texts else reported.facts.get("execution") or reported.facts.get("job")
    return {
        "kind": reported.kind,
        "subject": subject,
        "product_id": product,
        "refused": refused,
        "reason": reason,
        "example": example,
    }


def _products(state: State, subjects: list[str]) -> list[Json]:
    found: list[Json] = []
    after = ""
    while subjects and (rows := state.signalled_products(subjects, after, PAGE)):
        found += [json.loads(each.entry) for each in rows]
        after = rows[-1].key
    return found


def _rows(reported: Reported, product: str, signal: Json, now: datetime) -> Iterator[Json]:
    """What is recorded for a product: a row for each business date that the signal names. Raises `Unreadable`."""
    _check_account(reported, product, signal)
    for day in dict.fromkeys(_days(reported, signal)):
        for name, text in (("the business date", day.date), ("the time of the event", reported.at)):
            if text and (why := out_of_bounds("", text, now.date())):
                raise Unreadable(f"{name} {why.removeprefix('/detail/ ')}")
        facts = {**dict(day.facets), **reported.facts, "signal": reported.kind}
        # a key has no limit of its own, an index has
        identity = hashlib.sha256(f"{reported.identity} {day.date} {day.cycle}".encode()).hexdigest()
        yield {
            "signal_key": f"{product} {reported.kind} {identity}",
            "product_id": product,
            "business_date": day.date,
            "nominal_at": day.nominal_at,
            "cycle": day.cycle,
            "status": reported.status,
            "occurred_at": reported.at,
            "cause": reported.cause,
            "facts": {key: text[:LONGEST] for key, text in facts.items()},
        }


def _check_account(reported: Reported, product: str, signal: Json) -> None:
    expected = signal["account"] or os.environ["STATE_MACHINE_ARN_PREFIX"].split(":")[4]
    if reported.account != expected:
        raise Unreadable(
            f"account {reported.account or 'unknown'} reported it; its signals count from account {expected} only"
        )


def _days(reported: Reported, signal: Json) -> Iterator[Day]:
    date, cycle, naming = signal["date"], signal["cycle"], signal["naming"]
    if naming is not None:
        yield from _of_texts(reported, {**naming, "date": date, "cycle": cycle, "complete": {}})
    elif "input" in date or "input" in (cycle or {}):
        yield _of_input(reported, date, cycle)
    elif "nominal_time" in date or "nominal_time" in (cycle or {}):
        yield _of_nominal_time(reported, date, cycle)
    else:
        yield Day(None)


def _of_texts(reported: Reported, source: Json) -> Iterator[Day]:
    """Of each text that the pattern matches; others are of no concern to the product."""
    for text in reported.texts:
        if found := named(source, text):
            if found.problem:
                raise Unreadable(f"{text}: {found.problem}")
            yield Day(found.date, found.cycle, facets=tuple(found.facets.items()))


def _of_input(reported: Reported, date: Json, cycle: Json | None) -> Day:
    if reported.input is None:
        raise Unreadable("the event does not have the input of the execution, which is left out where it is long")

    def read(path: str) -> str:
        text = at_path(reported.input or "", path)
        if text is None:
            raise Unreadable(f"the input of the execution has no text or number at {path}")
        return text

    day = None
    if "input" in date:
        written = read(date["input"])
        day = read_date(written, date["format"])
        if day is None:
            raise Unreadable(
                f'"{written}" at {date["input"]} of the input is not a date of the format {date["format"]}'
            )
    return Day(day, _cycle(read(cycle["input"])) if cycle else "")


def _of_nominal_time(reported: Reported, date: Json, cycle: Json | None) -> Day:
    if reported.nominal is None:
        raise Unreadable("the run has no nominal time (facet nominalTime, nominalStartTime)")
    try:
        moment = datetime.fromisoformat(reported.nominal)
    except ValueError:
        raise Unreadable(f'the nominal time of the run is "{reported.nominal}", which is no moment') from None
    if date.get("timezone"):  # by this clock, also the cycle
        if moment.tzinfo is None:
            raise Unreadable(f'the nominal time of the run is "{reported.nominal}", without an offset')
        return Day(None, nominal_at=moment.isoformat())
    day = moment.date().isoformat() if "nominal_time" in date else None
    return Day(day, f"{moment:%H%M}" if cycle else "")


def _cycle(text: str) -> str:
    found = HOUR.fullmatch(text)
    if found is None:
        raise Unreadable(f'"{text}" is not a cycle: an hour (14) or a time (1430)')
    return found[1] + (found[2] or "00")
