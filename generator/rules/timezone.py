"""A time zone that does not exist."""

import difflib
from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG301", "unknown time zone", "Without the time zone the moment of the opening is unknown.", partial=True)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        zone = product.schedule.timezone if product.schedule else "UTC"
        if not _exists(zone):
            near = difflib.get_close_matches(zone, sorted(available_timezones()), n=1)
            yield Finding(
                RULE,
                mesh.file(product),
                "/schedule/timezone",
                f'"{zone}"',
                "a name of the IANA database such as America/Chicago",
                f"Did you mean {near[0]}?" if near else "",
            )


@cache
def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError only for names that look right
        return False
    except KeyError:
        return False
    return True
