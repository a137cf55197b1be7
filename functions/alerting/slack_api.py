"""Calls of Slack's Web API. docs.slack.dev/apis/web-api, docs.slack.dev/apis/web-api/rate-limits"""

import json
import os
from typing import Any
from urllib.parse import urlencode

from alerting.delivery import Answer, Busy, MaybeDelivered, NotDelivered, Refused, ask, patiently

# errors of which Slack's documentation states that the call may have taken effect
UNCERTAIN = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
PAGES = 5  # of a channel's history


class SlackRefused(Refused):
    """Slack refused the call with the error `code`."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack: {code}")
        self.code = code


class Slack:
    """Slack with one token. Each call raises `NotDelivered`, as `SlackRefused` where Slack gives an error, or `MaybeDelivered`."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._base = os.environ.get("SLACK_API_URL") or "https://slack.com/api/"

    def write(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a method that takes JSON."""
        body = json.dumps({name: value for name, value in arguments.items() if value is not None})
        return self._call(method, body.encode(), "application/json; charset=utf-8").content()

    def read(self, method: str, **arguments: str) -> Answer:
        """The answer to a method that reads; these take forms only."""
        return self._call(method, urlencode(arguments).encode(), "application/x-www-form-urlencoded")

    def messages(self, channel: str, thread: str, since: str) -> list[dict[str, Any]]:
        """The messages of the thread, or else of the channel, since that moment. Raises `MaybeDelivered` if there are too many."""
        given = {"channel": channel, "oldest": since, "limit": "999", "include_all_metadata": "true"}
        method = "conversations.replies" if thread else "conversations.history"
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            page = self.read(method, **given, **({"ts": thread} if thread else {})).content()
            found += page.get("messages", ())
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not page.get("has_more"):
                return found
            if not cursor:
                break
            given["cursor"] = cursor
        raise MaybeDelivered("Slack: the channel has too many messages to find it")

    def _call(self, method: str, body: bytes, content: str) -> Answer:
        def once() -> Answer:
            try:
                answer = ask(f"{self._base}{method}", body, {"Authorization": f"Bearer {self._token}"}, content)
            except Busy as error:
                raise NotDelivered(f"Slack: {error}") from None
            except MaybeDelivered as doubt:
                raise MaybeDelivered(f"Slack: {doubt}") from None
            _check(answer)
            return answer

        return patiently(once)


def _check(answer: Answer) -> None:
    """Raises unless the answer says `ok`: whatever the status, that is Slack's confirmation."""
    content, status = answer.content(), answer.status
    code = content.get("error")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        raise Busy("Slack: ratelimited", answer.pause())
    if 300 <= status < 400:
        raise Refused(f"Slack: answered with a redirect ({status}), which is not followed")
    if status >= 500 or code in UNCERTAIN:
        raise MaybeDelivered(f"Slack: {code or status}")
    if status < 300 and content.get("ok") is True:
        return
    if content.get("ok") is False or status >= 400:
        raise SlackRefused(str(code or status))
    raise MaybeDelivered(f"Slack: {status} without Slack's confirmation")
