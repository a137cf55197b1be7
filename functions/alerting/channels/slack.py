"""Slack: one thread a cause and channel. The first message shows the state: it is edited, and its details stay.

docs.slack.dev/reference/methods/chat.postMessage, docs.slack.dev/reference/methods/chat.update
"""

import json
import logging
import re
from typing import Any

from alerting.conversation import Conversation
from alerting.delivery import Delivery, MaybeDelivered, NotDelivered, Refused, Secrets, needed
from alerting.message import Alert, Message, looks
from alerting.slack_api import Slack, SlackRefused
from alerting.text import fitted

LOG = logging.getLogger("headgate")
RECOGNIZES_REPETITION = False
SEARCHES = True  # the channel, for the alert's key in the metadata of its messages
PAGES = False
UPDATES = True
MARKS = {
    "ERROR": ":red_circle:",
    "LATE": ":large_orange_circle:",
    "AT_RISK": ":large_yellow_circle:",
    "FILES": ":large_orange_circle:",
    "COMPLETED": ":large_green_circle:",
}
LONGEST = 2_900  # characters of a section; Slack takes 3,000
NO_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message", "thread_locked"})
SCOPES = ("chat:write", "channels:history")
MARKUP = re.compile(r"[*_~`]|:[a-z0-9_+-]+:")  # what Slack would take for a format, or for an emoji
ID = re.compile(r"[CGD][A-Z0-9]{6,}")


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The id of the conversation's first message in the channel, `<channel id> <ts>`. Where an earlier try may have been delivered, the channel
    is searched for it first (scope `channels:history`). Raises `NotDelivered` or `MaybeDelivered`."""
    slack = Slack(needed(secrets, "slack_token"))
    conversation = Conversation.of(delivery)
    channel, _, thread = (conversation.first or delivery.get("place") or delivery["target"]).partition(" ")
    if delivery.get("doubtful"):
        found = _found(slack, delivery, channel, thread)
        if found:
            return found
    shown = bool(thread) and not conversation.informs and _edited(slack, channel, thread, conversation, alert, message)
    given = {
        "channel": channel, "text": message.title, "blocks": [headline(alert, message)],
        "attachments": [{"fallback": message.title, "blocks": details(message)}],
        "metadata": {"event_type": "headgate_alert", "event_payload": {"alert": delivery["key"]}},
    }  # fmt: skip
    if thread:
        # an edit notifies nobody: readers of the channel are notified of a new failure, and of a recovery that the first message cannot show
        loud = conversation.action in ("open", "reopen") or (conversation.action == "resolve" and not shown)
        try:
            slack.write("chat.postMessage", **given, thread_ts=thread, reply_broadcast=loud or None)
            return f"{channel} {thread}"
        except SlackRefused as refusal:
            if refusal.code not in NO_THREAD:
                raise
    answer = slack.write("chat.postMessage", **given)
    if not isinstance(answer.get("ts"), str):
        raise MaybeDelivered("Slack: no time stamp in the answer")
    return f"{answer.get('channel') or channel} {answer['ts']}"


def _edited(
    slack: Slack, channel: str, thread: str, conversation: Conversation, alert: Alert, message: Message
) -> bool:
    """Makes the first message show the state. Its attachments, which say what failed first, stay as they are, since none are given. A
    refusal (a deleted message, an edit window that is closed) is logged: the message itself is sent nevertheless."""
    recovered = conversation.action == "resolve"
    before = "its files were rejected or corrected" if alert.get("after") == "FILES" else "it had failed or was late"
    text = message.title + (f", after {before}; see the thread" if recovered else "")
    mark = MARKS["COMPLETED"] if recovered else MARKS.get(looks(alert), ":white_circle:")
    shown = [_section(f"{mark} *{_escaped(text)}*")]
    covered = [(name, value) for name, value in message.facts if name in ("Also because of it", "First of them due")]
    if covered and not recovered:
        shown.append(_section(_lines(covered)))
    try:
        slack.write("chat.update", channel=channel, ts=thread, text=f"{mark} {text}", blocks=shown)
    except Refused as refusal:
        LOG.warning(json.dumps({"not_edited": f"{channel} {thread}", "reason": str(refusal)}))
        return False
    except MaybeDelivered as doubt:  # an edit may be repeated
        raise NotDelivered(str(doubt)) from None
    return True


def _found(slack: Slack, delivery: Delivery, channel: str, thread: str) -> str | None:
    """The id of the message of an earlier try, None if there is none. Raises `MaybeDelivered` if that cannot be found out."""
    if not ID.fullmatch(channel):
        raise MaybeDelivered(
            "Slack: no message was sent to this channel before, so its id is not known and its history cannot be read"
        )
    try:
        messages = slack.messages(channel, thread, delivery["since"])
    except SlackRefused as refusal:
        if thread and refusal.code in NO_THREAD:
            return None
        raise MaybeDelivered(f"it cannot be found out whether it was delivered: {refusal}") from None
    except NotDelivered as error:
        raise MaybeDelivered(f"it cannot be found out whether it was delivered: {error}") from None
    for message in messages:
        if message.get("metadata", {}).get("event_payload", {}).get("alert") == delivery["key"]:
            return f"{channel} {thread or message['ts']}"
    return None


def check(target: str, secrets: Secrets) -> list[str]:
    """What is wrong with the token or the channel, as far as Slack says without a message. Raises `NotDelivered` or `MaybeDelivered`."""
    slack = Slack(needed(secrets, "slack_token"))
    granted = {each.strip() for each in slack.read("auth.test").headers.get("x-oauth-scopes", "").split(",")}
    wrong = [f"the token has no scope {scope}" for scope in SCOPES if scope not in granted]
    if ID.fullmatch(target):
        try:
            found = slack.read("conversations.info", channel=target).content().get("channel", {})
        except SlackRefused as refusal:
            return [*wrong, f"the channel cannot be read: {refusal}"]
        if found.get("is_archived"):
            wrong.append("the channel is archived")
        if found.get("is_member") is False:
            wrong.append("the app is no member of the channel: invite it, so that its history can be read")
    return wrong


def blocks(alert: Alert, message: Message) -> list[dict[str, Any]]:
    """The message in Block Kit."""
    return [headline(alert, message), *details(message)]


def headline(alert: Alert, message: Message) -> dict[str, Any]:
    return _section(f"{MARKS.get(looks(alert), ':white_circle:')} *{_escaped(message.title)}*")


def details(message: Message) -> list[dict[str, Any]]:
    """The facts, and under them the links and the command."""
    made = [_section(_lines(message.facts))]
    footer = [f"<{url}|{name}>" for name, url in message.links]
    if message.rerun:
        footer.append(f"`{_escaped(message.rerun)}`")
    made += (
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": each} for each in footer if len(each) <= LONGEST]}]
        if footer
        else []
    )
    return made


def _lines(facts: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> str:
    names = [f"*{_escaped(name)}*  " for name, _ in facts]
    room = LONGEST - sum(len(each) + 3 for each in names)  # a line's end, and the two marks of code
    texts = fitted([text for _, text in facts], room, _escaped)
    return "\n".join(name + _literal(text) for name, text in zip(names, texts, strict=True))


def _literal(escaped: str) -> str:
    """The text so that Slack shows it as it is: as code if it holds marks of a format, of which a back quote has to be another quote."""
    return f"`{escaped.replace('`', chr(39))}`" if MARKUP.search(escaped) else escaped


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    """docs.slack.dev/messaging/formatting-message-text: three characters have to be."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
