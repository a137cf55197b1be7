"""A calendar whose last date has passed, or passes soon."""

from collections.abc import Iterator
from datetime import timedelta

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

AHEAD = timedelta(days=60)
RULE = Rule(
    "HG305",
    "calendar ends",
    "After its last date every holiday counts as a business day, and runs open that nothing refreshes. It is reported from 60 days before the last date.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    used = {product.schedule.calendar for product in mesh.products.values() if product.schedule}
    for name, calendar in sorted(mesh.calendars.items()):
        last = max(calendar.dates, default=None)
        if name not in used or last is None or last > mesh.today + AHEAD:
            continue
        left = (last - mesh.today).days
        when = "today" if left == 0 else f"in {left} day{'s' if left > 1 else ''}" if left > 0 else "passed"
        yield Finding(
            RULE,
            mesh.root / "calendars" / f"{name}.yaml",
            "/dates",
            f"{last} as the last date ({when})",
            f"dates beyond {mesh.today + AHEAD}",
            "Add the dates without business of the next year.",
        )
