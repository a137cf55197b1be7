"""A schedule whose business dates are further ahead than the dates of events may be."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG307",
    "business date too far ahead",
    "A refresh event that is dated further ahead than the stack's `EventDaysAhead` is refused: one of the year 9999 would be the latest for ever.",
    Severity.WARNING,
)
DAYS_AHEAD = 7  # the default of EventDaysAhead
BUSINESS_DAYS_AHEAD = 4  # more can be more than a week, with a weekend and a holiday between


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        schedule = product.schedule
        if schedule and schedule.date_offset > (BUSINESS_DAYS_AHEAD if schedule.calendar else DAYS_AHEAD):
            kind = "business days" if schedule.calendar else "days"
            yield Finding(
                RULE,
                mesh.file(product),
                "/schedule/date_offset",
                f"business dates {schedule.date_offset} {kind} after the opening",
                f"dates at most {DAYS_AHEAD} days ahead",
                "Deploy every account that is to receive its events with a larger EventDaysAhead.",
            )
