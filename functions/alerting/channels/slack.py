"""Slack through its Web API: one thread a run and channel, the first message edited when the run recovers.

`slack_sdk` comes with a layer of the alert function alone. docs.slack.dev/reference/methods/chat.postMessage
"""

import http.client
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from alerting.delivery import TIMEOUT, Busy, Delivery, MaybeDelivered, NotDelivered, Secrets, needed, patiently, seconds
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = False
SEARCHES = True  # the channel, for the alert's key in the metadata of its messages
PAGES = False
MARKS = {"ERROR": ":red_circle:", "LATE": ":large_orange_circle:", "COMPLETED": ":large_green_circle:"}
LONGEST = 2_900  # characters of a section; Slack takes 3,000
# errors of which Slack's documentation states that the call may have taken effect
UNCERTAIN = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The id of the run's first message in the channel, `<channel id> <ts>`. Where an earlier try may have been delivered, the channel is
    searched for it first (scope `channels:history`). Raises `NotDelivered` or `MaybeDelivered`."""
    from slack_sdk import WebClient

    client = WebClient(
        token=needed(secrets, "slack_token"), base_url=os.environ.get("SLACK_API_URL") or "https://slack.com/api/",
        timeout=int(TIMEOUT), retry_handlers=[],
    )  # fmt: skip
    channel, _, thread = (delivery.get("first") or delivery.get("place") or delivery["target"]).partition(" ")
    if delivery.get("doubtful"):
        found = _found(client, delivery, channel, thread)
        if found:
            return found
    if alert["kind"] == "COMPLETED" and thread and delivery.get("failed_before"):
        recovered = f"{MARKS['COMPLETED']} {message.title}, after it had failed or was late; see the thread"
        _call(client.chat_update, channel=channel, ts=thread, text=recovered, blocks=[_section(recovered)])
    answer = _call(
        client.chat_postMessage, channel=channel, thread_ts=thread or None, text=message.title, blocks=blocks(alert, message),
        metadata={"event_type": "headgate_alert", "event_payload": {"alert": delivery["key"]}},
    )  # fmt: skip
    return f"{channel} {thread}" if thread else f"{answer['channel']} {answer['ts']}"


def _call(method: Callable[..., Any], **arguments: Any) -> Any:
    """A call of Slack's API, repeated when Slack asks to wait. Raises `NotDelivered` or `MaybeDelivered`."""
    from slack_sdk.errors import SlackApiError

    def once() -> Any:
        try:
            return method(**arguments)
        except SlackApiError as error:
            code, status = error.response.get("error"), error.response.status_code
            if status == 429:
                raise Busy("Slack: ratelimited", seconds(error.response.headers.get("Retry-After"))) from None
            if status >= 500 or code in UNCERTAIN:
                raise MaybeDelivered(f"Slack: {code or status}") from None
            raise NotDelivered(f"Slack: {code or status}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)):
                raise NotDelivered(f"Slack: {reason}") from None
            raise MaybeDelivered(f"Slack: {reason}") from None

    return patiently(once)


def _found(client: Any, delivery: Delivery, channel: str, thread: str) -> str | None:
    """The id of the message of an earlier try, None if there is none. Raises `MaybeDelivered` if that cannot be found out."""
    if channel == delivery["target"]:
        raise MaybeDelivered(
            "Slack: no message was sent to this channel before, so its id is not known and its history cannot be read"
        )
    query: dict[str, Any] = {
        "channel": channel,
        "include_all_metadata": True,
        "limit": 999,
        "oldest": delivery["since"],
    }
    try:
        found = (
            _call(client.conversations_replies, ts=thread, **query)
            if thread
            else _call(client.conversations_history, **query)
        )
    except NotDelivered as error:
        raise MaybeDelivered(f"it cannot be found out whether it was delivered: {error}") from None
    for message in found["messages"]:
        if message.get("metadata", {}).get("event_payload", {}).get("alert") == delivery["key"]:
            return f"{channel} {thread or message['ts']}"
    if found.get("has_more"):
        raise MaybeDelivered("Slack: the channel has too many messages to find it")
    return None


def blocks(alert: Alert, message: Message) -> list[dict[str, Any]]:
    """The message in Block Kit."""
    mark = MARKS.get(alert["kind"], ":white_circle:")
    facts = "\n".join(f"*{_escaped(name)}*  {_escaped(text)}" for name, text in message.facts)
    made = [_section(f"{mark} *{_escaped(message.title)}*"), _section(facts[:LONGEST])]
    footer = [f"<{url}|{name}>" for name, url in message.links]
    if message.rerun:
        footer.append(f"`{message.rerun}`")
    if footer:
        made.append({"type": "context", "elements": [{"type": "mrkdwn", "text": "   ".join(footer)[:LONGEST]}]})
    return made


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """docs.slack.dev/messaging/formatting-message-text: three characters have to be."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
