"""Microsoft Teams: an Adaptive Card, posted to the webhook of a workflow.
support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498"""

from typing import Any

from alerting.conversation import Conversation
from alerting.delivery import Answer, Delivery, Secrets, post, referenced
from alerting.message import Alert, Message, looks

RECOGNIZES_REPETITION = False
SEARCHES = False
PAGES = False
UPDATES = False
COLORS = {"ERROR": "attention", "LATE": "warning", "AT_RISK": "warning", "FILES": "warning", "COMPLETED": "good"}
LONGEST = 8_000  # characters of all facts; Teams takes cards of 28 KB


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The key of the alert: a workflow answers with no id, and knows neither threads nor edits. The target is `secret:<name>`, since everybody who
    has the URL may post. Raises `NotDelivered` or `MaybeDelivered`."""
    receiver = referenced(secrets, delivery["target"], "url")
    resolves = Conversation.of(delivery).action == "resolve"
    made = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card(alert, message, resolves)}
    post(receiver["url"], {"type": "message", "attachments": [made]}, {}, _is_taken, repeatable=False)
    return str(delivery["key"])


def card(alert: Alert, message: Message, resolves: bool = False) -> dict[str, Any]:
    """The message as an Adaptive Card of version 1.4 (adaptivecards.io/explorer). A TextRun shows its text as it is: a TextBlock and a
    FactSet would take marks in it for Markdown."""
    color = "good" if resolves else COLORS.get(looks(alert), "default")
    lines = [_run([(message.title, {"weight": "bolder", "size": "medium", "color": color})])]
    lines += [
        _run([(f"{name}  ", {"weight": "bolder"}), (text, {})]) for name, text in message.details(LONGEST).items()
    ]
    actions = [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in message.links]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": lines, "actions": actions, "msteams": {"width": "Full"},
    }  # fmt: skip


def _run(parts: list[tuple[str, dict[str, str]]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style} for text, style in parts]}


def _is_taken(answer: Answer) -> bool:
    """A workflow answers 202 before it runs, or 200 where it ends with an answer of its own."""
    return answer.status in (200, 202) and not answer.is_page()
