"""A batch of SQS messages: the good ones are recorded in one call, and only the bad ones are returned to the queue."""

import json
import logging
from collections.abc import Callable
from typing import Any

import runtime
from state.errors import BadEvent, StateError, StateUnavailable

LOG = logging.getLogger("headgate")
LOG.setLevel(logging.INFO)

Parsed = dict[str, Any]
MAX_BODY = 64 * 1024


def process(
    event: dict[str, Any],
    parse: Callable[[dict[str, Any]], Parsed | None],
    record: Callable[[list[Parsed]], object],
) -> dict[str, Any]:
    """Records the batch and does what is due then. The answer has partial batch failures (ReportBatchItemFailures).

    `parse` gives None for a message to ignore and raises `BadEvent`; a bad message is returned to the queue, and after its last
    receipt lies in the DLQ, its reason in the log. `record` may be called again with the same messages. If the whole batch cannot
    be recorded because of one message, each is recorded alone. While the database does not answer, all are returned.
    """
    good: list[tuple[str, Parsed]] = []
    failed: list[str] = []
    for message in event["Records"]:
        try:
            parsed = parse(_body(message))
        except BadEvent as error:
            LOG.error(json.dumps({"refused": message["messageId"], "reason": str(error)}))
            failed.append(message["messageId"])
        else:
            if parsed is not None:
                good.append((message["messageId"], parsed))
    failed += _record(good, record)
    runtime.perform_due()
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _record(good: list[tuple[str, Parsed]], record: Callable[[list[Parsed]], object]) -> list[str]:
    if not good:
        return []
    try:
        record([parsed for _, parsed in good])
    except StateUnavailable as error:
        LOG.warning(json.dumps({"returned": len(good), "reason": str(error)}))
        return [name for name, _ in good]
    except StateError as error:
        if len(good) == 1:
            LOG.error(json.dumps({"refused": good[0][0], "reason": str(error)}))
            return [good[0][0]]
        return [name for each in good for name in _record([each], record)]
    return []


def _body(message: dict[str, Any]) -> dict[str, Any]:
    text = message.get("body", "")
    if len(text) > MAX_BODY:
        raise BadEvent(f"{len(text):,} characters; an event has at most {MAX_BODY:,}")
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BadEvent(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadEvent("not a JSON object")
    return body
