"""A batch of SQS messages: the good ones are recorded in one call, and only the bad ones are returned to the queue."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import runtime
from message_body import read
from state.errors import BadEvent, StateError, StateUnavailable

LOG = logging.getLogger("headgate")
LOG.setLevel(logging.INFO)

Parsed = dict[str, Any]
Record = Callable[[list[Parsed], datetime], object]
LONGEST_REASON = 1_000  # characters of a log line


def process(
    event: dict[str, Any], context: Any, parse: Callable[[dict[str, Any]], Parsed | None], record: Record
) -> dict[str, Any]:
    """Records the batch and does what is due then. The answer has partial batch failures (ReportBatchItemFailures).

    `parse` gives None for a message to ignore and raises `BadEvent`; a bad message is returned to the queue, and after its last
    receipt lies in the DLQ, its reason in the log. `record` may be called again with the same messages. If the whole batch cannot
    be recorded because of one message, each is recorded alone. While the database does not answer, all are returned.
    """
    now = runtime.now()
    good: list[tuple[str, Parsed]] = []
    failed: list[str] = []
    for message in event["Records"]:
        try:
            parsed = parse(read(message["body"]))
        except Exception as error:  # noqa: BLE001 - whatever one message causes, the others are recorded
            refuse(message["messageId"], error)
            failed.append(message["messageId"])
        else:
            if parsed is not None:
                good.append((message["messageId"], parsed))
    failed += _record(good, record, now)
    runtime.tried(lambda: runtime.perform_due(context, now))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def refuse(message: str, error: Exception) -> None:
    """Logs why the message of that id goes back to its queue."""
    expected = isinstance(error, (BadEvent, StateError))
    reason = str(error) if expected else f"{type(error).__name__}: {error}"
    LOG.error(json.dumps({"refused": message, "reason": reason[:LONGEST_REASON]}), exc_info=not expected)


def _record(good: list[tuple[str, Parsed]], record: Record, now: datetime) -> list[str]:
    if not good:
        return []
    try:
        record([parsed for _, parsed in good], now)
    except StateUnavailable as error:
        LOG.warning(json.dumps({"returned": len(good), "reason": str(error)}))
        return [name for name, _ in good]
    except Exception as error:  # noqa: BLE001 - of which message it is shows when each is recorded alone
        if len(good) == 1:
            refuse(good[0][0], error)
            return [good[0][0]]
        return [name for each in good for name in _record([each], record, now)]
    return []
