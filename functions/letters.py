"""The messages that lie in the dead letter queues of this application, each with its reason; and sending them once more.

SQS shows a message by hiding it for a while. What is read here is visible again at the end, unless it was sent on and deleted.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import dead_letters
from clients import described
from dead_letters import LOG, REASON, name_of
from letter_subject import subject
from state.errors import UnknownLetter

MOST = 100  # messages of a queue that are listed or sent on in one call
MOST_SEARCHED = 1_000  # messages of a queue among which one is searched for
PAGE = 10  # what SQS gives at once
HIDDEN = (
    60  # seconds at most, should this end before it makes them visible: longer than the function that reads may take
)
WAIT = 1  # seconds: a receive that waits asks all of SQS's servers, another one only some
DEAD = "-dead"  # what is refused of a queue lies in the one with its name and this
NO_REASON = (
    "its function failed each time it was received, and SQS moved it here without a reason; the function's log has it"
)
NOT_DELIVERED = "EventBridge could not deliver it to {target}: {code}: {message}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of a dead letter queue, as it was received."""

    url: str
    id: str
    receipt: str
    sent_at: datetime
    body: str
    attributes: dict[str, str]

    @property
    def reason(self) -> str:
        """Why it lies there: from the function that refused it, or from EventBridge; SQS gives none."""
        if REASON in self.attributes:
            return self.attributes[REASON]
        code, message = self.attributes.get("ERROR_CODE"), self.attributes.get("ERROR_MESSAGE", "")
        return (
            NOT_DELIVERED.format(target=self.attributes.get("TARGET_ARN", ""), code=code, message=message)
            if code
            else NO_REASON
        )

    @property
    def target(self) -> str | None:
        """The queue where it is sent once more: the one it came from, or that EventBridge could not deliver to. None if it is no queue."""
        if self.url.endswith(DEAD):
            return self.url.removesuffix(DEAD)
        aimed = self.attributes.get("TARGET_ARN", "").rsplit(":", 1)[-1]
        return next((each for url in dead_letters.urls() if name_of(each := url.removesuffix(DEAD)) == aimed), None)

    def summary(self) -> dict[str, Any]:
        return {
            "id": self.id, "queue": name_of(self.url), "sent_at": self.sent_at.isoformat(), "reason": self.reason,
            "subject": subject(self.body), "redrivable": self.target is not None,
        }  # fmt: skip


def listed() -> dict[str, Any]:
    """The first messages of each queue, oldest first: {letters, queues: [{queue, messages}, or {queue, reason} if it does not answer}]}."""
    counted = dead_letters.counts()
    filled = {each["queue"] for each in counted if each.get("messages") != 0}
    letters: list[dict[str, Any]] = []
    unread: list[dict[str, Any]] = []
    for url in dead_letters.urls():
        if name_of(url) in filled:
            with _received(url, None, unread) as found:
                letters += [each.summary() for each in sorted(found.values(), key=lambda each: (each.sent_at, each.id))]
    reasons = {each["queue"]: each for each in unread}
    return {"letters": letters, "queues": [reasons.get(each["queue"], each) for each in counted]}


def shown(letter: str) -> dict[str, Any]:
    """The message whose id begins so, whole. Raises `UnknownLetter`."""
    unread: list[dict[str, Any]] = []
    for url in dead_letters.urls():
        with _received(url, letter, unread) as found:
            for each in found.values():
                if each.id.startswith(letter):
                    return {**each.summary(), "body": each.body, "attributes": each.attributes}
    raise UnknownLetter(_not_found(letter, unread))


def redrive(letter: str | None, actor: str) -> dict[str, Any]:
    """Sends the message whose id begins so, or all (None), to the queue they came from: {redriven: [id], left: [{id, queue, reason}], more};
    `in_doubt` are those that may arrive twice, if there are any; `more` if a queue may hold others. Raises `UnknownLetter`."""
    redriven, in_doubt, more = [], [], False
    left: list[dict[str, Any]] = []
    for url in dead_letters.urls():
        with _received(url, letter, left) as found:
            more |= letter is None and len(found) >= MOST
            for each in list(found.values()):
                if letter is None or each.id.startswith(letter):
                    problem = _sent_on(each, actor)
                    if problem:
                        left.append({"id": each.id, "queue": name_of(url), "reason": problem})
                    else:
                        redriven.append(found.pop(each.id).id)
                        in_doubt += [each.id] if each.reason.startswith(dead_letters.IN_DOUBT) else []
        if letter is not None and (redriven or any("id" in each for each in left)):
            break
    if letter is not None and not redriven and not any("id" in each for each in left):
        raise UnknownLetter(_not_found(letter, left))
    doubtful = {"in_doubt": in_doubt} if in_doubt else {}
    return {"redriven": redriven, **doubtful, "left": left, "more": more}


def _not_found(letter: str, unread: list[dict[str, Any]]) -> str:
    failed = "".join(f"; {each['queue']} was not read: {each['reason']}" for each in unread)
    return f"no dead letter has the id {letter}: it was redriven or deleted, or somebody else reads it at this moment{failed}"


def _sent_on(letter: Letter, actor: str) -> str | None:
    """Sends the message, and deletes it once it lies there: between the two it is there twice, and the second one changes nothing. Gives why
    that failed."""
    target = letter.target
    if target is None:
        return f"it has no queue to go to; {letter.reason}"
    try:
        by = {dead_letters.REDRIVEN_BY: dead_letters.attribute(actor)}
        dead_letters.queues().send_message(QueueUrl=target, MessageBody=letter.body, MessageAttributes=by)
        dead_letters.queues().delete_message(QueueUrl=letter.url, ReceiptHandle=letter.receipt)
    except (ClientError, BotoCoreError) as error:
        return described(error)
    LOG.info(json.dumps({"redriven": letter.id, "queue": name_of(letter.url), "actor": actor}))
    return None


@contextmanager
def _received(url: str, wanted: str | None, unread: list[dict[str, Any]]) -> Iterator[dict[str, Letter]]:
    """Messages of the queue by their ids: the first ones, or those up to the one whose id begins with `wanted`. Nobody else receives them in
    the block; afterwards those that are still in it are visible. A queue that does not answer goes to `unread` with its reason."""
    found: dict[str, Letter] = {}
    try:
        most = MOST if wanted is None else MOST_SEARCHED
        while len(found) < most and (page := _page(url)):
            found |= page
            if wanted is not None and any(each.startswith(wanted) for each in page):
                break
    except (ClientError, BotoCoreError) as error:
        unread.append({"queue": name_of(url), "reason": described(error)})
    try:
        yield found
    finally:
        with suppress(ClientError, BotoCoreError):  # they are visible in a minute without it
            for each in found.values():
                dead_letters.queues().change_message_visibility(
                    QueueUrl=url, ReceiptHandle=each.receipt, VisibilityTimeout=0
                )


def _page(url: str) -> dict[str, Letter]:
    answer = dead_letters.queues().receive_message(
        QueueUrl=url, MaxNumberOfMessages=PAGE, VisibilityTimeout=HIDDEN, WaitTimeSeconds=WAIT,
        AttributeNames=["SentTimestamp"], MessageAttributeNames=["All"],
    )  # fmt: skip
    return {each["MessageId"]: _letter(url, each) for each in answer.get("Messages", ())}


def _letter(url: str, message: dict[str, Any]) -> Letter:
    sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    attributes = {key: str(each.get("StringValue", "")) for key, each in message.get("MessageAttributes", {}).items()}
    return Letter(url, message["MessageId"], message["ReceiptHandle"], sent_at, message["Body"], attributes)
