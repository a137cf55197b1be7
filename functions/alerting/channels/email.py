"""E-mail through Amazon SES: one thread a cause. docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

import hashlib
import os
from functools import cache
from html import escape
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from alerting.conversation import Conversation
from alerting.delivery import Busy, Delivery, MaybeDelivered, Refused, Secrets
from alerting.message import Alert, Message, looks
from clients import is_unanswered

RECOGNIZES_REPETITION = False
SEARCHES = False
PAGES = False
UPDATES = False
COLORS = {"ERROR": "#b42318", "LATE": "#b54708", "AT_RISK": "#b54708", "FILES": "#b54708", "COMPLETED": "#067647"}
CELL = "padding:2px 12px 2px 0;vertical-align:top"


@cache
def ses() -> Any:
    return boto3.client(
        "sesv2", config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
    )  # a second try may be a second message


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """SES's message id and the subject, with a blank between: later messages of the conversation answer them. Raises `NotDelivered` or
    `MaybeDelivered`."""
    sender = os.environ.get("ALERT_SENDER")
    if not sender:
        raise Refused("no sender: the parameter AlertSender is empty")
    conversation = Conversation.of(delivery)
    first, _, subject = (conversation.first or "").partition(" ")
    subject = f"Re: {subject}" if subject else f"[{alert['kind']}] {message.title}"
    content = {
        "Subject": {"Data": subject, "Charset": "UTF-8"},
        "Body": {
            "Text": {"Data": message.text(), "Charset": "UTF-8"},
            "Html": {"Data": html(alert, message), "Charset": "UTF-8"},
        },
        "Headers": [{"Name": name, "Value": value} for name, value in _thread(conversation.key, first, sender).items()],
    }
    try:
        sent = ses().send_email(
            FromEmailAddress=sender, Destination={"ToAddresses": [delivery["target"]]}, Content={"Simple": content}
        )
    except ClientError as error:
        answer = error.response
        broken = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        kind = MaybeDelivered if broken else Busy if is_unanswered(error) else Refused
        raise kind(f"SES: {answer['Error']['Code']}: {answer['Error'].get('Message', '')}") from None
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise MaybeDelivered(f"SES: {error}") from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise Busy(f"SES: {error}") from None
    except BotoCoreError as error:
        raise Refused(f"SES: {error}") from None
    return f"{sent['MessageId']} {subject.removeprefix('Re: ')}"


def _thread(key: str, first: str, sender: str) -> dict[str, str]:
    """The headers by which mail programs make a thread. SES gives a message its Message-ID itself (`<id>@<region>.amazonses.com`), so all
    messages of a conversation refer to one id that is made from its key, and to the first."""
    cause = f"<headgate.{hashlib.sha256(key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    if not first:
        return {"References": cause}
    region = os.environ.get("AWS_REGION", "us-east-1")
    answered = f"<{first}@{'email' if region == 'us-east-1' else region}.amazonses.com>"
    return {"References": f"{cause} {answered}", "In-Reply-To": answered}


def html(alert: Alert, message: Message) -> str:
    """The message as a page of its own: tables and styles in line, as mail programs show them."""
    color = COLORS.get(looks(alert), "#344054")
    rows = "".join(
        f'<tr><td style="{CELL};color:#667085;white-space:nowrap">{escape(name)}</td><td style="{CELL}">{escape(text)}</td></tr>'
        for name, text in message.facts
    )
    links = " &nbsp; ".join(f'<a href="{escape(url)}">{escape(name)}</a>' for name, url in message.links)
    again = f"<p>Run again: <code>{escape(message.rerun)}</code></p>" if message.rerun else ""
    return (
        f'<html><body style="font-family:sans-serif;font-size:14px;color:#101828"><h2 style="font-size:18px;color:{color}">'
        f"{escape(message.title)}</h2><table>{rows}</table><p>{links}</p>{again}</body></html>"
    )
