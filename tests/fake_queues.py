# ruff: noqa: N803 - boto3's names
"""SQS as far as dead letter queues need it: messages that are sent, received, hidden and deleted."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

MOST_BYTES = 1_048_576


@dataclass
class Message:
    id: str
    body: str
    attributes: dict[str, dict[str, str]]
    sent: float
    hidden_until: float = 0.0
    received: int = 0
    receipt: str = ""


@dataclass
class FakeQueues:
    """Queues by their URL. `broken` is the code by which it refuses; `now` is its clock, in seconds."""

    messages: dict[str, list[Message]] = field(default_factory=dict)
    broken: str = ""
    calls: int = 0
    now: float = 1_000_000_000.0
    _numbers: Any = field(default_factory=itertools.count)

    def of(self, name: str) -> list[Message]:
        """The messages of the queue of that name."""
        return [each for url, messages in self.messages.items() if url.endswith(f"/{name}") for each in messages]

    def reasons(self, name: str) -> list[str]:
        return [each.attributes.get("Reason", {}).get("StringValue", "") for each in self.of(name)]

    def visible(self, name: str) -> int:
        return sum(each.hidden_until <= self.now for each in self.of(name))

    def _called(self, operation: str) -> None:
        self.calls += 1
        if self.broken:
            raise ClientError({"Error": {"Code": self.broken, "Message": "as the test wants it"}}, operation)

    def send_message(
        self, QueueUrl: str, MessageBody: str, MessageAttributes: Any = None, DelaySeconds: int = 0
    ) -> dict[str, str]:
        self._called("SendMessage")
        assert 0 <= DelaySeconds <= 900, "SQS takes no more"
        number = f"{next(self._numbers):08x}-0000-4000-8000-000000000000"
        sent = Message(number, MessageBody, MessageAttributes or {}, self.now, self.now + DelaySeconds)
        self.messages.setdefault(QueueUrl, []).append(sent)
        return {"MessageId": number}

    def receive_message(
        self,
        QueueUrl: str,
        MaxNumberOfMessages: int,
        VisibilityTimeout: int,
        **ignored: Any,
    ) -> dict[str, Any]:
        self._called("ReceiveMessage")
        found = [each for each in self.messages.get(QueueUrl, ()) if each.hidden_until <= self.now][
            :MaxNumberOfMessages
        ]
        for each in found:
            each.hidden_until, each.received = self.now + VisibilityTimeout, each.received + 1
            each.receipt = f"{each.id} {each.received}"
        return {
            "Messages": [
                {
                    "MessageId": each.id, "ReceiptHandle": each.receipt, "Body": each.body, "MessageAttributes": each.attributes,
                    "Attributes": {"SentTimestamp": str(int(each.sent * 1000))},
                }
                for each in found
            ]
        } if found else {}  # fmt: skip

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self._called("ChangeMessageVisibility")
        for each in self.messages[QueueUrl]:
            if each.receipt == ReceiptHandle:
                each.hidden_until = self.now + VisibilityTimeout

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self._called("DeleteMessage")
        self.messages[QueueUrl] = [each for each in self.messages[QueueUrl] if each.receipt != ReceiptHandle]

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        self._called("GetQueueAttributes")
        return {"Attributes": {AttributeNames[0]: str(len(self.messages.get(QueueUrl, ())))}}
