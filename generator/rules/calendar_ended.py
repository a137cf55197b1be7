"""A calendar whose last date has passed."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG305",
    "calendar has ended",
    "After its last date every holiday counts as a business day, and runs open that nothing refreshes.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    used = {product.schedule.calendar for product in mesh.products.values() if product.schedule}
    for name, calendar in sorted(mesh.calendars.items()):
        if name in used and calendar.dates and max(calendar.dates) < mesh.today:
            yield Finding(
                RULE,
                mesh.root / "calendars" / f"{name}.yaml",
                "/dates",
                f"{max(calendar.dates)} as the last date",
                f"dates after today, {mesh.today}",
                "Add the dates without business of this year and the next.",
            )
