"""The database reads schedules as the generator does, and finds the openings of a date as it makes them."""

from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.generator.model import cron
from headgate.generator.plan.catalog import _fires
from tests.state_world import World, at, daily, product

crons = st.sampled_from(
    ["0 6 * * ? *", "0 6 ? * MON-FRI *", "0 6 L * ? *", "0 6 L-3 * ? *", "0 6 LW * ? *", "0 6 1W * ? *", "0 6 15W * ? *", "0 6 31W * ? *",
     "0 6 ? * 6L *", "0 6 ? * TUE#2 *", "0 6 ? * 1#5 *", "0 6 1/9 FEB-MAY ? 2027", "0 6 ? * L *", "30 1/3 * * ? *"]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=crons, start=st.dates(date(2026, 1, 1), date(2028, 12, 31)))
def test_the_database_and_the_generator_read_cron_alike(world: World, expression: str, start: date) -> None:
    world.load({"d/x": product(schedule={**daily(), "fires": _fires(expression)})}, at("2026-01-01 00:00"))
    days = [start + timedelta(days=n) for n in range(62)]

    found = world.sql(
        "SELECT fires_on(s, day::date) FROM data_product_schedule s, unnest(%s::date[]) WITH ORDINALITY AS d(day, n) ORDER BY n",
        days,
    )

    parsed = cron.parse(expression)
    assert [fires for (fires,) in found] == [parsed.fires_on(day) for day in days]


BANKING = {
    "weekend": [6, 7],
    "dates": ["2026-12-24", "2026-12-25", "2026-12-28", "2026-12-31", "2027-01-01", "2027-01-04"],
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    expression=crons,
    offset=st.integers(-4, 4),
    calendar=st.sampled_from([None, "banking"]),
    timezone=st.sampled_from(["UTC", "America/Chicago", "Pacific/Apia"]),
)
def test_the_openings_for_a_date_are_those_that_the_schedule_makes_for_it(
    world: World, expression: str, offset: int, calendar: str | None, timezone: str
) -> None:
    fires = {"fires": _fires(expression), "date_offset": offset, "calendar": calendar, "timezone": timezone}
    world.load({"d/x": product(schedule=daily() | fires)}, at("2026-01-01 00:00"), {"banking": BANKING})
    days = [date(2026, 12, 15) + timedelta(days=n) for n in range(40)]

    by_date = world.sql(
        "SELECT day::text, o.at, o.cycle FROM data_product_schedule s CROSS JOIN unnest(%s::date[]) day CROSS JOIN openings_for(s, day) o ORDER BY 1, 2",
        days,
    )
    in_order = world.sql(
        "SELECT business_date::text, at, cycle FROM data_product_schedule s CROSS JOIN openings_of(s, '2026-11-01', '2027-03-10') o WHERE business_date = ANY (%s) ORDER BY 1, 2",
        days,
    )

    assert by_date == in_order
