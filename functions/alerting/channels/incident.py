"""OpsItems of AWS Systems Manager: one a cause, resolved on recovery.
docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateOpsItem.html"""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from alerting.conversation import Conversation
from alerting.delivery import Busy, Delivery, NotDelivered, Refused, Secrets
from alerting.message import Alert, Message
from clients import client, code_of, described, is_unanswered

RECOGNIZES_REPETITION = True  # by `/aws/dedup`, as long as the OpsItem is open
SEARCHES = False
PAGES = True
UPDATES = True
LONGEST_TITLE, LONGEST_DESCRIPTION = 1_024, 2_048
ALREADY, GONE = "OpsItemAlreadyExistsException", "OpsItemNotFoundException"


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str | None:
    """The id of the OpsItem, None if there is nothing to send. The target is its severity, 1 to 4. Raises `NotDelivered`."""
    conversation = Conversation.of(delivery)
    if conversation.informs:
        return None
    content = {"Title": message.title[:LONGEST_TITLE], "Description": message.text(LONGEST_DESCRIPTION)}
    resolves = conversation.action == "resolve"  # the description stays: it says what had failed
    try:
        if conversation.first and _updated(
            conversation.first, {"Status": "Resolved"} if resolves else {"Status": "Open", **content}
        ):
            return conversation.first
        return None if resolves else _created(conversation, delivery, alert, content)
    except (ClientError, BotoCoreError) as error:
        raise _failure(error) from None


def ssm() -> Any:
    return client("ssm")


def _updated(item: str, changes: dict[str, str]) -> bool:
    """False if there is no such OpsItem."""
    try:
        ssm().update_ops_item(OpsItemId=item, **changes)
    except ClientError as error:
        if code_of(error) == GONE:
            return False
        raise
    return True


def _created(conversation: Conversation, delivery: Delivery, alert: Alert, content: dict[str, str]) -> str:
    """The id of a new OpsItem, or of the open one of the same cause."""
    known = {"product": alert["product"], "run_id": alert["run_id"], "business_date": alert["business_date"]}
    data = {name: {"Type": "SearchableString", "Value": value} for name, value in known.items()}
    dedup = {"dedupString": f"headgate {conversation.key}"}
    try:
        made = ssm().create_ops_item(
            Source="headgate", Category="Availability", Severity=delivery["target"], **content,
            OperationalData={**data, "/aws/dedup": {"Type": "SearchableString", "Value": json.dumps(dedup)}},
        )  # fmt: skip
    except ClientError as error:
        if code_of(error) != ALREADY:
            raise
        return str(error.response.get("OpsItemId") or "")
    return str(made["OpsItemId"])


def _failure(error: ClientError | BotoCoreError) -> NotDelivered:
    kind = Busy if is_unanswered(error) else Refused
    return kind(f"Systems Manager: {described(error)}")
