"""E-mail through Amazon SES. docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from alerting.channels import Delivery, NotDelivered
from alerting.words import Alert, Words


@cache
def ses() -> Any:
    return boto3.client("sesv2")


def email(delivery: Delivery, alert: Alert, words: Words, secrets: dict[str, str]) -> str:
    """SES's message id. Raises `NotDelivered`."""
    sender = os.environ.get("ALERT_SENDER")
    if not sender:
        raise NotDelivered("no sender: the parameter AlertSender is empty")
    body = {"Text": {"Data": words.text(), "Charset": "UTF-8"}}
    subject = {"Data": f"[{alert['kind']}] {words.title}", "Charset": "UTF-8"}
    try:
        sent = ses().send_email(
            FromEmailAddress=sender, Destination={"ToAddresses": [delivery["target"]]}, Content={"Simple": {"Subject": subject, "Body": body}},
        )  # fmt: skip
    except ClientError as error:
        raise NotDelivered(f"SES: {error.response['Error']['Code']}: {error.response['Error']['Message']}") from None
    except BotoCoreError as error:
        raise NotDelivered(f"SES: {error}") from None
    return str(sent["MessageId"])
