"""The answer to the question `shadow`: what Headgate would have done otherwise than the existing scheduler."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from state.answers import Row
from state.calls import State
from step_types import watchable

TOLERANCE = 300  # seconds: starts that differ by no more are the same
MOST_UNMATCHED, MOST_UNSEEN = 100, 200

Pages = Callable[[Callable[[str], list[Row]]], tuple[list[dict[str, Any]], bool]]


def shadow(
    state: State, event: dict[str, Any], first: date, last: date, pages: Pages, page: int, now: datetime
) -> dict[str, Any]:
    """Every product of these dates with both starts, each date as a whole, the job runs of the existing scheduler that no product is known of, and the products
    whose job runs cannot be seen."""
    domain, seconds = event.get("domain"), event.get("tolerance", TOLERANCE)
    rows, more = pages(lambda after: state.shadow_page(first, last, domain, seconds, after, page, now))
    begins, ends = datetime.combine(first, time(), UTC), datetime.combine(last + timedelta(days=2), time(), UTC)
    # a date a call: of a month of a large mesh one call would take longer than a statement may
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {
        "mode": state.mode(),
        "tolerance": seconds,
        "days": [found for day in dates for found in state.shadow_days(day, day, domain, seconds, now)],
        "products": rows,
        "unmatched": state.unmatched_job_runs(begins, ends, MOST_UNMATCHED),
        "unseen": state.unseen_products(sorted(watchable()), domain, MOST_UNSEEN),
        "more": more,
    }
