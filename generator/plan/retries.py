"""When a call to AWS is repeated. Retriers name errors, specific ones first; every delay has a ceiling and full jitter."""

from collections.abc import Sequence
from typing import Any

from headgate.generator.model.product import Retry

Retrier = dict[str, Any]


def retrier(errors: list[str], interval: int, attempts: int, backoff: float, max_delay: int) -> Retrier:
    """One retrier; `interval` and `max_delay` in seconds. Step Functions wants MaxDelaySeconds above IntervalSeconds."""
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": interval,
        "MaxAttempts": attempts,
        "BackoffRate": float(backoff),
        "MaxDelaySeconds": max(max_delay, interval + 1),
        "JitterStrategy": "FULL",
    }


# The transient errors of a Lambda invocation: docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html. The
# functions themselves raise StateUnavailable while the database resumes or does not answer. A function that died or ran into
# its timeout is Lambda.Unknown on older runtimes, and goes by these two names on newer ones
# (docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
#
# Both go on for five hours, half of that as the jitter has it: waiting is free, and an outage of the database or of Lambda is no
# failure of the work (docs/decisions/0037).
DIED = ("Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout")
OUTAGE: dict[str, Any] = {"attempts": 37, "backoff": 2, "max_delay": 600}
FUNCTION = (
    retrier(
        [
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        ],
        interval=2,
        **OUTAGE,
    ),
    retrier(["StateUnavailable", *DIED], interval=5, **OUTAGE),
)
# A call whose answer is waited for is over within its timeout; that of a state which waits for a token is its deadline.
CALL = (FUNCTION[0], retrier(["StateUnavailable", *DIED, "States.Timeout"], interval=5, **OUTAGE))

# A launch that was not answered may be in the service's list a moment later.
LOOK_UP = (retrier(["LaunchNotFound"], interval=30, attempts=3, backoff=1, max_delay=30), *CALL)

# Work without a time-out of its own is asked to stop at the step's, and asked about until it has.
STOPPING = (retrier(["JobStillRunning"], interval=5, attempts=20, backoff=2, max_delay=60), *CALL)

# An entry that PutEvents refused arrives as EventBridge.FailedEntry: the integration looks at FailedEntryCount itself
# (docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html). Publishing twice does no harm, so all else is
# repeated as well.
EVENTS = (
    retrier(
        ["EventBridge.FailedEntry", "EventBridge.InternalException"], interval=2, attempts=8, backoff=2, max_delay=120
    ),
    retrier(["States.TaskFailed", "States.Timeout"], interval=5, attempts=4, backoff=2, max_delay=120),
)

# A repeated alert is recognized by its run, attempt and kind.
TOPIC = (
    retrier(
        ["SNS.InternalErrorException", "SNS.ThrottledException", "SNS.SdkClientException"],
        interval=2,
        attempts=6,
        backoff=2,
        max_delay=60,
    ),
    retrier(["States.TaskFailed", "States.Timeout"], interval=5, attempts=2, backoff=2, max_delay=60),
)

# Errors of the state database and of the job tracker: the work itself has not failed. Of a job that still runs a second one
# is never started.
REFUSED: Retrier = {
    "ErrorEquals": ["StateError", "StateUnavailable", "UnknownRun", "StaleAttempt", "IllegalTransition", "BadEvent"],
    "MaxAttempts": 0,
}


def of_refused(noted: dict[str, Any] | None) -> tuple[Retrier, ...]:
    """The retrier of a launch that a service answers without starting anything, where its type has such."""
    return (retrier(["LaunchRefused"], **noted),) if noted else ()


def of_work(retry: Retry, errors: Sequence[str]) -> tuple[Retrier, ...]:
    """The retriers of a step that metadata gives a retry. `errors` are those of failed work, which the step type names.

    Where that is every error (`States.ALL`), what Headgate's own functions raise is excluded first: a retrier of no attempts
    never retries (docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html), and the first that matches counts.
    """
    work = retrier(list(errors), retry.interval, retry.attempts, retry.backoff, retry.max_delay)
    return (REFUSED, work) if "States.ALL" in errors else (work,)
