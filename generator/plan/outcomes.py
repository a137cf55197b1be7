"""The ways a machine ends. Each one records its outcome first; alerts and events follow and never change it."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.plan.outline import MachineOutline
from headgate.generator.plan.states import Catch, State, catch_all
from headgate.generator.plan.tasks import (
    EXECUTION,
    FAILURE,
    OUTCOME_RECORDER,
    RUN,
    alert,
    event,
    fail,
    function,
    succeed,
)

COMPLETED, FAILED, SKIPPED = "Record success", "Record failure", "Record skip"
PUBLISH, PUBLISH_FAILURE, UNPUBLISHED = "Publish refresh event", "Publish failure event", "Refresh event not published"
COMPLETION_ALERT, FAILURE_ALERT, SKIP_ALERT = "Send completion alert", "Send failure alert", "Send skip alert"
DETAIL = "$.outcome.detail"  # what the state has recorded, so that both copies of the event are the same
RUN_IS_OVER = ("IllegalTransition", "StaleAttempt")  # raised by the state: the outcome of the attempt is another's
RUN_COMPLETED, RUN_FAILED, RUN_SKIPPED = "Run completed", "Run failed", "Run skipped"


def success(given: MachineOutline) -> Iterator[State]:
    """Every step has succeeded."""
    alerted = "COMPLETED" in given.alerts
    after = COMPLETION_ALERT if alerted else None
    yield _record(given, COMPLETED, "COMPLETED", "From here on the data counts as refreshed.",
                  PUBLISH if given.bus else after or RUN_COMPLETED, FAILED)  # fmt: skip
    if given.bus:
        yield _publish(PUBLISH, given, "COMPLETED", "Everything downstream waits for this event.", after, UNPUBLISHED)
        yield fail(UNPUBLISHED, "The run stays COMPLETED; the monitor publishes the event.")
    if alerted:
        yield alert(COMPLETION_ALERT, "COMPLETED", given.product, "An alert never fails a run.", None, RUN_COMPLETED)
    if alerted or not given.bus:
        yield succeed(RUN_COMPLETED)


def failure(given: MachineOutline) -> Iterator[State]:
    """Something failed; the error and its cause are at `$.failure`, and the execution ends with them."""
    after = FAILURE_ALERT if "ERROR" in given.alerts else RUN_FAILED
    yield _record(given, FAILED, "ERROR", "The run's outcome, with the error that ended it.",
                  PUBLISH_FAILURE if given.bus else after, after, "$.recording_failure", RUN_FAILED)  # fmt: skip
    if given.bus:
        yield _publish(PUBLISH_FAILURE, given, "ERROR", "Fallbacks wait for this event.", after, after)
    if "ERROR" in given.alerts:
        text = "An alert that cannot be sent never hides the failure itself."
        yield alert(FAILURE_ALERT, "ERROR", given.product, text, RUN_FAILED, RUN_FAILED)
    yield fail(RUN_FAILED)


def skip(given: MachineOutline) -> Iterator[State]:
    """The deadline passed, and metadata skips the run then."""
    alerted = "SKIPPED" in given.alerts
    yield _record(given, SKIPPED, "SKIPPED", "The run is over; nothing was started.",
                  SKIP_ALERT if alerted else RUN_SKIPPED, FAILED)  # fmt: skip
    if alerted:
        yield alert(SKIP_ALERT, "SKIPPED", given.product, "An alert never fails a run.", RUN_SKIPPED, RUN_SKIPPED)
    yield succeed(RUN_SKIPPED)


def _record(
    given: MachineOutline,
    name: str,
    status: str,
    comment: str,
    next_state: str,
    on_failure: str,
    failure_path: str = "$.failure",
    if_over: str = "",
) -> State:
    """`if_over` comes next where the run has its outcome from elsewhere, such as a cancellation: that is no news of this machine."""
    payload: dict[str, Any] = {"status": status} | RUN | (FAILURE if status == "ERROR" else {}) | EXECUTION
    if given.by_function and status != "SKIPPED":  # which no machine publishes
        payload |= {"publish": True}
        comment += (
            " The function publishes it: the central bus is in another region, which Step Functions does not call."
        )
    kept = ("$.outcome", {"detail.$": "$.Payload.detail"})
    over = (Catch(RUN_IS_OVER, if_over, failure_path),) if if_over else ()
    return function(
        name, OUTCOME_RECORDER, payload, next_state, (*over, *catch_all(on_failure, failure_path)), comment, kept
    )  # fmt: skip


def _publish(
    name: str, given: MachineOutline, status: str, comment: str, next_state: str | None, on_failure: str
) -> State:
    assert given.bus is not None
    completed = status == "COMPLETED"
    return event(
        name, given.bus, "Data Product Refreshed" if completed else "Data Product Failed", DETAIL, comment, next_state,
        catch_all(on_failure, "$.failure" if completed else "$.publishing_failure"),
    )  # fmt: skip
