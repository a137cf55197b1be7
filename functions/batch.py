"""A batch of SQS messages: the good ones are recorded in one call, refused ones are moved to the dead letter queue, and only what may
succeed later is returned to the queue."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dead_letters
import runtime
from message_body import MAX_EVENT, read
from state.errors import BadEvent, StateError, StateUnavailable

LOG = logging.getLogger("headgate")
LOG.setLevel(logging.INFO)

Parsed = dict[str, Any]
Parse = Callable[[dict[str, Any]], Parsed | None]
Record = Callable[[list[Parsed], datetime], Mapping[int, str]]
LONGEST_REASON = 1_000  # characters of a log line


@dataclass
class _Batch:
    """What is not recorded, by the ids of messages: `refused` for a reason that does not go away by itself, `returned` to be tried again."""

    refused: dict[str, str] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)


def process(event: dict[str, Any], context: Any, parse: Parse, record: Record, most: int = MAX_EVENT) -> dict[str, Any]:
    """Records the batch of messages of at most `most` characters, and does what is due then. The answer has partial batch failures (ReportBatchItemFailures).

    `parse` gives None for a message to ignore and raises `BadEvent`; `record` gives the reasons of those that it refuses, by their place
    in the list. What is refused is moved to the DLQ with its reason, and acknowledged once it lies there. Any other failure returns the
    message to its queue; after its last receipt SQS moves it. `record` may be called again with the same messages. If the whole batch
    cannot be recorded because of one message, each is recorded alone. While the database does not answer, all are returned.
    """
    now = runtime.now()
    good: list[tuple[str, Parsed]] = []
    batch = _Batch()
    for message in event["Records"]:
        try:
            parsed = parse(read(message["body"], most))
        except BadEvent as error:
            batch.refused[message["messageId"]] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever one message causes, the others are recorded
            log_refusal(message["messageId"], error)
            batch.returned.add(message["messageId"])
        else:
            if parsed is not None:
                good.append((message["messageId"], parsed))
    _record(good, record, now, batch)
    batch.returned |= _not_moved(event["Records"], batch.refused)
    runtime.tried(lambda: runtime.perform_due(context, now))
    names = [message["messageId"] for message in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in names if each in batch.returned]}


def log_refusal(message: str, error: Exception) -> None:
    """Logs why the message of that id is not recorded."""
    expected = isinstance(error, (BadEvent, StateError))
    reason = str(error) if expected else f"{type(error).__name__}: {error}"
    LOG.error(json.dumps({"refused": message, "reason": reason[:LONGEST_REASON]}), exc_info=not expected)


def _not_moved(messages: list[dict[str, Any]], reasons: dict[str, str]) -> set[str]:
    """Moves the refused messages to the DLQ; gives those that do not lie there."""
    bodies = {each["messageId"]: each["body"] for each in messages}
    for name, reason in reasons.items():
        log_refusal(name, BadEvent(reason))
    return reasons.keys() - set(dead_letters.move({name: (bodies[name], reason) for name, reason in reasons.items()}))


def _record(good: list[tuple[str, Parsed]], record: Record, now: datetime, batch: _Batch) -> None:
    if not good:
        return
    try:
        refused = record([parsed for _, parsed in good], now)
    except StateUnavailable as error:
        LOG.warning(json.dumps({"returned": len(good), "reason": str(error)}))
        batch.returned |= {name for name, _ in good}
    except Exception as error:  # noqa: BLE001 - of which message it is shows when each is recorded alone
        if len(good) == 1:
            log_refusal(good[0][0], error)
            batch.returned.add(good[0][0])
            return
        for each in good:
            _record([each], record, now, batch)
    else:
        batch.refused |= {good[place][0]: reason for place, reason in refused.items()}
