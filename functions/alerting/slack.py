"""Slack through its Web API: one thread a run and channel, the first message edited when the run recovers.

`slack_sdk` comes with a layer of the alert function alone. docs.slack.dev/reference/methods/chat.postMessage
"""

import os
from typing import Any

from alerting.channels import TIMEOUT, Delivery, NotDelivered, needed
from alerting.words import Alert, Words

MARKS = {"ERROR": ":red_circle:", "LATE": ":large_orange_circle:", "COMPLETED": ":large_green_circle:"}
LONGEST = 2_900  # characters of a section; Slack takes 3,000


def slack(delivery: Delivery, alert: Alert, words: Words, secrets: dict[str, str]) -> str:
    """The id of the run's first message in the channel, `<channel id> <ts>`. Raises `NotDelivered`."""
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    client = WebClient(
        token=needed(secrets, "slack_token"), base_url=os.environ.get("SLACK_API_URL", "https://slack.com/api/"), timeout=int(TIMEOUT),
        retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=2)],
    )  # fmt: skip
    first = delivery.get("first")
    try:
        if first:
            channel, _, thread = first.partition(" ")
            client.chat_postMessage(channel=channel, thread_ts=thread, text=words.title, blocks=blocks(alert, words))
            if alert["kind"] == "COMPLETED" and delivery.get("failed_before"):
                recovered = f"{MARKS['COMPLETED']} {words.title}, after it had failed or was late; the thread tells"
                client.chat_update(channel=channel, ts=thread, text=recovered, blocks=[_section(recovered)])
            return str(first)
        answer = client.chat_postMessage(channel=delivery["target"], text=words.title, blocks=blocks(alert, words))
    except SlackApiError as error:
        raise NotDelivered(f"Slack: {error.response.get('error', error.response.status_code)}") from None
    except OSError as error:
        raise NotDelivered(f"Slack: {getattr(error, 'reason', error)}") from None
    return f"{answer['channel']} {answer['ts']}"


def blocks(alert: Alert, words: Words) -> list[dict[str, Any]]:
    """The message in Block Kit."""
    mark = MARKS.get(alert["kind"], ":white_circle:")
    facts = "\n".join(f"*{_escaped(name)}*  {_escaped(text)}" for name, text in words.facts)
    made = [_section(f"{mark} *{_escaped(words.title)}*"), _section(facts[:LONGEST])]
    footer = [f"<{url}|{name}>" for name, url in words.links]
    if words.rerun:
        footer.append(f"`{words.rerun}`")
    if footer:
        made.append({"type": "context", "elements": [{"type": "mrkdwn", "text": "   ".join(footer)[:LONGEST]}]})
    return made


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """docs.slack.dev/messaging/formatting-message-text: three characters have to be."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
