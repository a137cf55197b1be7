"""E-mail through Amazon SES. docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from alerting.delivery import Delivery, MaybeDelivered, NotDelivered, Secrets
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = False
SEARCHES = False
PAGES = False


@cache
def ses() -> Any:
    return boto3.client(
        "sesv2", config=Config(retries={"total_max_attempts": 1})
    )  # a second try may be a second message


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """SES's message id. Raises `NotDelivered` or `MaybeDelivered`."""
    sender = os.environ.get("ALERT_SENDER")
    if not sender:
        raise NotDelivered("no sender: the parameter AlertSender is empty")
    body = {"Text": {"Data": message.text(), "Charset": "UTF-8"}}
    subject = {"Data": f"[{alert['kind']}] {message.title}", "Charset": "UTF-8"}
    try:
        sent = ses().send_email(
            FromEmailAddress=sender, Destination={"ToAddresses": [delivery["target"]]}, Content={"Simple": {"Subject": subject, "Body": body}},
        )  # fmt: skip
    except ClientError as error:
        answer = error.response
        broken = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        kind = MaybeDelivered if broken else NotDelivered
        raise kind(f"SES: {answer['Error']['Code']}: {answer['Error']['Message']}") from None
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise MaybeDelivered(f"SES: {error}") from None
    except BotoCoreError as error:
        raise NotDelivered(f"SES: {error}") from None
    return str(sent["MessageId"])
