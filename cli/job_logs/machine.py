"""Step Functions keeps the history of an execution for 90 days: docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html"""

from collections.abc import Iterator
from typing import Any

from headgate.cli.job_logs import Client, JobRun, Note, Place

EVENTS = 1000  # the most of a call


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """The states that the execution entered last, and its error."""
    states = client("stepfunctions")
    events = states.get_execution_history(executionArn=job_run.id, maxResults=EVENTS, reverseOrder=True)["events"]
    for each in reversed(events):
        if entered := each.get("stateEnteredEventDetails"):
            yield Note(f"{each['timestamp']:%H:%M:%S} state", entered["name"])
        elif failure := _failure(each):
            yield Note(f"{each['timestamp']:%H:%M:%S} {each['type']}", failure)


def _failure(event: dict[str, Any]) -> str:
    """The error and cause that an event of a failure names."""
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    return ": ".join(filter(None, (details.get("error"), details.get("cause"))))
