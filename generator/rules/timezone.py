"""A time zone that does not exist."""

import difflib
from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product

RULE = Rule(
    "HG301",
    "unknown time zone",
    "Without the time zone the moment of the opening, or of the SLA, is unknown.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        given = {
            "/schedule/timezone": product.schedule.timezone if product.schedule else None,
            "/sla/timezone": product.sla.timezone if product.sla else None,
            "/files/date/timezone": _of_arrivals(product),
            "/signal/date/timezone": _of_signal(product),
            **{
                f"/alerts/{section}/{index}/timezone": each["timezone"]
                for section in ("quiet", "maintenance")
                for index, each in enumerate(product.alerting.get(section, ()))
            },
            **{f"{leaf.pointer}/needs/timezone": leaf.needs.timezone for leaf in product.dependencies() if leaf.needs},
        }
        for place, zone in given.items():
            if zone is None or exists(zone):
                continue
            near = difflib.get_close_matches(zone, sorted(available_timezones()), n=1)
            yield Finding(
                RULE,
                mesh.file(product),
                place,
                f'"{zone}"',
                "a name of the IANA database such as America/Chicago",
                f"Did you mean {near[0]}?" if near else "",
            )


def _of_arrivals(product: Product) -> str | None:
    """The time zone of files that are dated by their arrival, unless it is the schedule's."""
    zone = product.files.date.get("timezone") if product.files else None
    return None if product.schedule and zone == product.schedule.timezone else zone


def _of_signal(product: Product) -> str | None:
    """The time zone of the signal's date, unless it is the schedule's."""
    zone = product.signal.date.get("timezone") if product.signal else None
    return None if product.schedule and zone == product.schedule.timezone else zone


@cache
def exists(name: str) -> bool:
    """Whether it is a name of the IANA database."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError only for names that look right
        return False
    except KeyError:
        return False
    return True
