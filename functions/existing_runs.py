"""What the existing scheduler runs while the application is in shadow, as the events of services say it."""

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import Any

from event_dates import out_of_bounds
from existing_matching import Match, matched
from job_run import Seen
from state.answers import Json
from state.calls import State
from step_types import watchable

PAGE = 1000  # steps a call
STARTED = "STARTED"


def in_shadow() -> bool:
    """Whether this deployment is one in shadow. The state decides; this saves the question."""
    return os.environ.get("SHADOW") == "true"


def reported(body: dict[str, Any]) -> tuple[str, Seen] | None:
    """The step type and the job run that an event of a service reports; None for what is neither. Raises `BadEvent`."""
    for name, kind in watchable().items():
        if (body.get("source"), body.get("detail-type")) == (kind.SOURCE, kind.DETAIL_TYPE):
            seen = kind.seen(body["detail"])
            return (name, seen) if seen else None
    return None


def record(state: State, found: list[tuple[str, Seen]], now: datetime) -> None:
    """Records the job runs of the jobs that steps run; others are of no concern. Each may be recorded again. Raises botocore's errors where a service does not
    answer what its event does not say."""
    steps = _steps(state, [{"type": name, "job": seen.job} for name, seen in found])
    rows = []
    for name, seen in found:
        of_job = [each for each in steps if (each["type"], each["job"]) == (name, seen.job)]
        if of_job:
            known = watchable()[name].looked_up(seen)
            rows.append(_row(name, known, _checked(matched(known, of_job), now)))
    if rows:
        account = os.environ["STATE_MACHINE_ARN_PREFIX"].split(":")[4]
        state.record_existing_jobs(rows, sorted(watchable()), account, now)


def _steps(state: State, jobs: list[Json]) -> list[Json]:
    found: list[Json] = []
    after = ""
    while rows := state.watched_steps(jobs, after, PAGE):
        found += [json.loads(each.entry) for each in rows]
        after = rows[-1].key
    return found


def _checked(match: Match, now: datetime) -> Match:
    """Without a date that no refresh event may have: then the start decides."""
    return replace(match, date=None) if match.date and out_of_bounds("", match.date, now.date()) else match


def _row(name: str, seen: Seen, match: Match) -> Json:
    ended_at = seen.ended_at or (seen.started_at if seen.state else None)
    return {
        "job_run_id": seen.job_run_id,
        "type": name,
        "job": seen.job,
        "product_id": match.product,
        "step": match.step,
        "business_date": match.date,
        "cycle": match.cycle,
        "state": seen.state or STARTED,
        "started_at": seen.started_at.isoformat() if seen.started_at else None,
        "ended_at": ended_at.isoformat() if ended_at else None,
        "problem": match.problem,
    }
