"""The default scenario of a mesh: a business day on which every event from outside arrives and every pipeline succeeds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from headgate.cli.default_files import files_of, lands
from headgate.generator.model.cron import parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Condition, Dependency, Product
from headgate.generator.model.schedule import shift

if TYPE_CHECKING:
    from headgate.local.scenario import Moment, Scenario

SEARCH_DAYS = 40  # days before and after among which a schedule may open the date's run


def default_scenario(mesh: Mesh, day: date) -> "Scenario":
    """The scenario of that business date. A product that its schedule does not open on it counts as refreshed before, and so
    do the other dates that offsets name. A product without schedule and dependencies is opened by a backfill. A product that
    completes only after a failure, such as a fallback, has no expectation."""
    from headgate.local.scenario import Expectation, Scenario

    openings = {key: list(_openings(mesh, product, day)) for key, product in mesh.products.items()}
    due = {key for key in openings if _is_due(mesh.products[key], openings[key])}
    starts = min(
        [
            datetime.combine(day, time(), UTC),
            *(at - timedelta(minutes=20) for each in openings.values() for at, _ in each),
        ]
    )
    moments = sorted(_moments(mesh, day, openings, due, starts), key=lambda each: each.at)
    completes = _completing(mesh, due, day)
    expect = {key: Expectation("COMPLETED") for key in sorted(completes) if mesh.products[key].pipeline}
    return Scenario(
        day, ZoneInfo("UTC"), starts, starts + timedelta(days=3), "a day of the whole mesh on which everything succeeds", tuple(moments), expect=expect,
    )  # fmt: skip


def _openings(mesh: Mesh, product: Product, day: date) -> Iterator[tuple[datetime, str]]:
    """When the schedule opens runs of that business date, with their cycles."""
    schedule, calendar = product.schedule, mesh.calendar_of(product)
    if schedule is None:
        return
    cron, zone = parse(schedule.cron), ZoneInfo(schedule.timezone)
    several = len(cron.times) > 1
    for distance in range(-SEARCH_DAYS, SEARCH_DAYS + 1):
        opening = day + timedelta(days=distance)
        if not cron.fires_on(opening) or (calendar and not calendar.is_business_day(opening)):
            continue
        if shift(opening, schedule.date_offset, calendar) == day:
            for each in cron.times:
                clock = time(int(each[:2]), int(each[2:]))
                yield datetime.combine(opening, clock, zone), each if several else ""


def _is_due(product: Product, openings: list[tuple[datetime, str]]) -> bool:
    return bool(openings) or product.schedule is None


def _moments(
    mesh: Mesh, day: date, openings: dict[str, list[tuple[datetime, str]]], due: set[str], starts: datetime
) -> "Iterator[Moment]":
    from headgate.local.scenario import Moment

    first = starts + timedelta(minutes=5)
    for key, product in mesh.products.items():
        if product.pipeline and key in due:
            for at, cycle in openings[key] or [(first, "")]:
                for landing in files_of(mesh, product, day, cycle):
                    yield Moment(max(lands(mesh, product, day, at), first), landing=landing)
            if product.schedule is None and product.depends_on is None and product.files is None:
                given = {"action": "backfill", "product": key, "business_date": day.isoformat(), "actor": "scenario"}
                yield Moment(first, action=given)
        else:
            for at, cycle in openings[key] or [(first, "")]:
                yield Moment(max(at, first), event=_event(key, day, cycle))
    others = {(leaf.product, date) for leaf, date in _other_dates(mesh, day)}
    for name, other in sorted(others):
        yield Moment(first, event=_event(name, other, ""))


def _other_dates(mesh: Mesh, day: date) -> Iterator[tuple[Dependency, date]]:
    for product in mesh.products.values():
        for leaf in product.dependencies():
            if leaf.offset and leaf.max_age is None:
                yield leaf, shift(day, leaf.offset, mesh.calendar_of(product))


def _event(key: str, day: date, cycle: str) -> dict[str, Any]:
    domain, name = key.split("/")
    detail = {"domain": domain, "product": name, "business_date": day.isoformat(), "status": "COMPLETED"}
    return {**detail, "cycle": cycle} if cycle else detail


def _completing(mesh: Mesh, due: set[str], day: date) -> set[str]:
    """The products that complete on such a day: the smallest set that is closed under satisfied conditions."""
    found: set[str] = {key for key, each in mesh.products.items() if not each.pipeline or key not in due}
    while True:
        more = {
            key
            for key, each in mesh.products.items()
            if key not in found
            and (each.depends_on is None or _holds(each.depends_on, found))
            and (each.files is None or files_of(mesh, each, day, ""))
        }
        if not more:
            return found & due
        found |= more


def _holds(node: Condition | Dependency, refreshed: set[str]) -> bool:
    if isinstance(node, Dependency):
        return (
            "COMPLETED" in node.statuses and node.account is None and (node.product in refreshed or bool(node.offset))
        )
    results = (_holds(each, refreshed) for each in node.members)
    return all(results) if node.operator == "all_of" else any(results)
