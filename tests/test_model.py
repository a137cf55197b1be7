"""Schedules, business dates and what they make possible."""

import contextlib
from datetime import date, timedelta

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read, scalar
from headgate.generator.model.availability import Timing, held, leaf_dates, rhythm
from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.duration import seconds, spoken
from headgate.generator.model.product import Condition, Dependency, Retry
from headgate.generator.model.regions import REGIONS
from headgate.generator.model.schedule import HORIZON_DAYS, HORIZON_START, Calendar, Schedule, bits, firings, shift
from headgate.generator.model.unix_cron import converted


def fires(expression: str, start: date, days: int = 31) -> list[int]:
    return [day.day for day in (start + timedelta(days=n) for n in range(days)) if parse(expression).fires_on(day)]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        # 2027-03-01 is a Monday
        ("0 3 * * ? *", list(range(1, 32))),
        ("0 3 L * ? *", [31]),
        ("0 3 L-2 * ? *", [29]),
        ("0 3 LW * ? *", [31]),
        ("0 3 6W * ? *", [5]),
        ("0 3 7W * ? *", [8]),
        ("0 3 1,15 * ? *", [1, 15]),
        ("0 3 1/10 * ? *", [1, 11, 21, 31]),
        ("0 3 ? * MON *", [1, 8, 15, 22, 29]),
        ("0 3 ? * 2-6 *", [n for n in range(1, 32) if (n - 1) % 7 < 5]),
        ("0 3 ? * 6L *", [26]),
        ("0 3 ? * L *", [6, 13, 20, 27]),
        ("0 3 ? * TUE#2 *", [9]),
        ("0 3 ? * 3#2 *", [9]),
        ("0 3 * APR ? *", []),
        ("0 3 * * ? 2028", []),
        ("cron(0 3 5 MAR ? 2027)", [5]),
    ],
)
def test_cron_fires_as_eventbridge_says(expression: str, days: list[int]) -> None:
    assert fires(expression, date(2027, 3, 1)) == days


def test_the_last_working_day_of_a_month_that_ends_on_a_sunday() -> None:
    assert fires("0 3 LW * ? *", date(2027, 1, 1)) == [29]


def test_times_of_an_intraday_schedule() -> None:
    assert parse("30 4,13,22 * * ? *").times == ("0430", "1330", "2230")
    assert len(parse("*/10 * * * ? *").times) == 144
    assert parse("30 1/3 * * ? *").times[:3] == ("0130", "0430", "0730")


@pytest.mark.parametrize(
    "expression",
    ["", "* * * * * *", "a * * * ? *", "0 3 0 * ? *", "0 3 * 13 ? *", "0 3 * * ? 1969", "0/0 * * * ? *", "0 3 ? * 8 *"],
)
def test_what_eventbridge_refuses(expression: str) -> None:
    with pytest.raises(CronError):
        parse(expression)


BANKING = Calendar("banking", frozenset({6, 7}), frozenset({date(2027, 1, 1)}))


def test_business_days_skip_weekends_and_holidays() -> None:
    assert shift(date(2026, 12, 31), 1, BANKING) == date(2027, 1, 4)
    assert shift(date(2027, 1, 4), -1, BANKING) == date(2026, 12, 31)
    assert shift(date(2027, 1, 2), 0, BANKING) == date(2027, 1, 2)
    assert shift(date(2027, 1, 4), -1, None) == date(2027, 1, 3)


def test_a_schedule_knows_its_business_dates_and_when_they_open() -> None:
    found = firings(Schedule("0 6 ? * MON-FRI *", "America/Chicago", -1, "banking"), BANKING)

    opens = {HORIZON_START + timedelta(days=bit): minutes for bit, (minutes, _) in found.openings.items()}
    assert date(2027, 1, 1) not in opens
    # the run for Friday the 8th opens on Monday the 11th, 06:00 in Chicago (12:00 UTC)
    assert opens[date(2027, 1, 8)] == 10 * 24 * 60 + 12 * 60
    # ... and after the clocks went forward on 14 March at 11:00 UTC
    assert opens[date(2027, 3, 12)] % (24 * 60) == 11 * 60


schedules = st.builds(
    Schedule,
    st.sampled_from(
        ["0 6 * * ? *", "0 6 ? * MON *", "0 6 ? * MON-FRI *", "0 6 1 * ? *", "0 6 L * ? *", "0 6 ? * TUE#2 *"]
    ),
    st.sampled_from(["UTC", "America/Chicago", "Asia/Tokyo"]),
    st.integers(-2, 1),
)


@settings(max_examples=80, deadline=None)
@given(
    upstream=schedules,
    consumer=schedules,
    offset=st.integers(-9, 9),
    calendar=st.sampled_from([None, BANKING]),
    age=st.none() | st.integers(1, 40),
)
def test_bit_masks_say_what_a_loop_over_dates_says(
    upstream: Schedule, consumer: Schedule, offset: int, calendar: Calendar | None, age: int | None
) -> None:
    wanted = firings(consumer, calendar).dates
    there = firings(upstream, None).dates
    leaf = Dependency("d/p", ("COMPLETED",), offset, age * 86400 if age else None, "last", None, "notify", "")

    found = set(bits(leaf_dates(leaf, wanted, calendar, {"d/p": Timing(None, None, there)})))

    known = set(bits(there))
    for bit in bits(wanted):
        if age:
            expected = any(bit - back in known for back in range(age + 2)) or bit < age + 8
            assert bit not in found or expected
            assert not any(bit - back in known for back in range(age + 1)) or bit in found
        else:
            needed = (shift(HORIZON_START + timedelta(days=bit), offset, calendar) - HORIZON_START).days
            assert (bit in found) == (needed in known or not 0 <= needed < HORIZON_DAYS)


def test_conditions_combine_dates() -> None:
    leaves = [Dependency(f"d/{n}", ("COMPLETED",), 0, None, "last", None, "notify", "") for n in range(3)]
    masks = {"d/0": 0b0111, "d/1": 0b1100, "d/2": 0b0001}
    tree = Condition("all_of", (leaves[0], Condition("any_of", (leaves[1], leaves[2]), "")), "")

    assert held(tree, lambda leaf: masks[leaf.product]) == 0b0101


@given(st.integers(1, 10_000_000))
def test_durations_are_spoken_to_the_second_or_in_two_units(total: int) -> None:
    text = spoken(total)
    assert text
    if text[:-1].isdigit():
        assert seconds(text) == total


def test_rhythms_in_words() -> None:
    assert rhythm(None) == "by events"
    assert rhythm(Schedule("0 6 L * ? *")) == "monthly on the last day at 06:00 UTC"
    assert rhythm(Schedule("0 6,9 * * ? *")) == "by cron 0 6,9 * * ? * UTC"
    assert rhythm(Schedule("0 6 ? * MON *", calendar="banking")) == "on MON at 06:00 UTC on business days of banking"


def test_retries_add_up() -> None:
    assert Retry(4, 60, 2, 200).longest_wait() == 60 + 120 + 200 + 200


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("no", "no"), ("true", True), ("14:00", "14:00"), ("2026-01-01", "2026-01-01"), ("12", 12), ("-3", -3), ("1e3", 1000.0),
     ("012", "012"), ("0", 0), ("0x1f", 31), ("1_000", "1_000"), ("~", None), ("1.5", 1.5), (".5", 0.5), ("-", "-"), ("...", "...")],
)  # fmt: skip
def test_scalars_are_read_by_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_but_never_a_surprise(data: bytes) -> None:
    with contextlib.suppress(ReadError):
        assert isinstance(read(data), dict)


def test_the_regions_are_those_that_boto3_knows() -> None:
    session = boto3.session.Session()
    known = {
        each
        for partition in session.get_available_partitions()
        for each in session.get_available_regions("s3", partition)
    }

    assert known >= {"us-east-1", "cn-north-1"}
    assert known - REGIONS == set()


@pytest.mark.parametrize(
    ("unix", "forms"),
    [
        ("0 6 * * *", ("0 6 * * ? *",)),
        ("0 6 * * 5-7", ("0 6 ? * FRI,SAT,SUN *",)),
        ("0 6 * * */2", ("0 6 ? * SUN,TUE,THU,SAT *",)),
        ("30 6 1,15 JAN mon", ("30 6 1,15 JAN ? *", "30 6 ? JAN MON *")),
        ("0 6 * * 6-1", ()),
        ("0 6 * *", ()),
        ("a b c d e", ()),
    ],
)
def test_unix_cron_gets_the_form_of_eventbridge(unix: str, forms: tuple[str, ...]) -> None:
    assert converted(unix) == forms
