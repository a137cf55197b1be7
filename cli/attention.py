"""What of a day's status needs attention, what the rest of it comes to, and which of it was asked for. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from headgate.cli.formatting import Entry, Row
from headgate.cli.status_rows import is_past

FAILED = ("ERROR", "FAILED")
ENDED = ("COMPLETED", "REFRESHED", "SKIPPED", "CANCELLED", "ARCHIVED")
ORDER = (
    "ERROR",
    "FAILED",
    "WAITING",
    "PROCESSING",
    "EXPECTED",
    "NOT OPENED",
    "SKIPPED",
    "CANCELLED",
    "REFRESHED",
    "COMPLETED",
    "ARCHIVED",
)


@dataclass(frozen=True)
class Selection:
    """The products that a user asks for; an empty field selects every product."""

    statuses: tuple[str, ...] = ()
    owner: str = ""

    def __bool__(self) -> bool:
        return bool(self.statuses or self.owner)

    def of(self, products: Sequence[Entry]) -> list[Entry]:
        """The products that are selected. `late`, `at risk`, `held` and `outdated` are statuses to select by as well."""
        return [each for each in products if self._has_status(each) and self.owner in ("", each.get("owner"))]

    def _has_status(self, each: Entry) -> bool:
        also = {
            name
            for name, key in (("late", "late"), ("at risk", "at_risk"), ("held", "held"), ("outdated", "outdated_at"))
            if each.get(key)
        }
        return not self.statuses or not {each["status"].lower(), *also}.isdisjoint(self.statuses)


def needs_attention(products: Sequence[Entry], now: datetime) -> list[Entry]:
    """Those that failed or whose effects were given up, are late, should have opened or could not be, are at risk, have not been received at their usual time, are held, or are outdated, in this order."""
    ranked = [(rank, number, each) for number, each in enumerate(products) if (rank := _rank(each, now)) is not None]
    return [each for _, _, each in sorted(ranked, key=lambda one: one[:2])]


def _rank(each: Entry, now: datetime) -> int | None:
    if each["status"] in FAILED or (each.get("parked") and each["status"] in ("WAITING", "PROCESSING")):
        return 0
    if each.get("outdated_at"):
        return 7
    if each["status"] in ENDED:
        return None
    reasons = (
        each.get("late"),
        is_past(each.get("deadline_at"), now),
        (each.get("missed") and not each.get("scheduled_at")) or each.get("opening_error"),
        each.get("at_risk"),
        is_past(each.get("usually_at"), now),
        each.get("held"),
    )
    return next((rank for rank, reason in enumerate(reasons, start=1) if reason), None)


def by_domain(products: Sequence[Entry]) -> list[Row]:
    """A heading, and a row for each domain: how many products it has, and how many have which status."""
    domains: dict[str, dict[str, int]] = {}
    for each in products:
        counted = domains.setdefault(each["product"].split("/")[0], {})
        counted[each["status"]] = counted.get(each["status"], 0) + 1
    statuses = [name for name in ORDER if any(name in counted for counted in domains.values())]
    return [["domain", "products", *statuses, ""], *_rows(domains, statuses)]


def _rows(domains: dict[str, dict[str, int]], statuses: Sequence[str]) -> Iterator[Row]:
    for domain, counted in domains.items():
        yield [
            domain,
            f"{sum(counted.values()):,}",
            *(f"{counted[name]:,}" if name in counted else "" for name in statuses),
            "",
        ]
