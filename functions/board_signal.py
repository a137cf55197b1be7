"""Says that the state has changed, for the snapshot of the hosted board.

The queue is FIFO and gives its messages after ten seconds; a message names the ten seconds in which it was sent, and the queue keeps one of each name. So a
snapshot is written after every change, and at most every ten seconds. Only who has just changed the state sends, so nothing wakes the database.
"""

import json
import os
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clients import client, described
from effects import LOG

SECONDS = 10  # the DelaySeconds of the queue
_sent: dict[str, int] = {}  # the last name that this warm function has sent, by queue


def queues() -> Any:
    return client("sqs")


def changed(now: datetime) -> None:
    """Sends, unless there is no board or it was said in these ten seconds. `now` is not before the change was committed. What the caller was called for is
    done, and does not fail because of this: the next change says it again."""
    queue, name = os.environ.get("BOARD_QUEUE", ""), int(now.timestamp()) // SECONDS
    if not queue or _sent.get(queue) == name:
        return
    try:
        queues().send_message(
            QueueUrl=queue,
            MessageBody=json.dumps({"source": "headgate.board"}),
            MessageGroupId="snapshot",
            MessageDeduplicationId=str(name),
        )
        _sent[queue] = name
    except (BotoCoreError, ClientError) as error:
        LOG.warning(json.dumps({"board_not_informed": queue, "reason": described(error)}))
