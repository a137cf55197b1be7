"""The alert API that OpsGenie and Jira Service Management share: one alert an alias, which a second creation only counts up.
docs.opsgenie.com/docs/alert-api, developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events"""

import re
from typing import Any
from urllib.parse import quote

from alerting.conversation import Conversation
from alerting.delivery import Answer, Delivery, post
from alerting.message import Alert, Message

LONGEST_MESSAGE, LONGEST_DESCRIPTION, LONGEST_ALIAS = 130, 15_000, 512
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # a team by its id, else by its name


def deliver(base: str, key: str, delivery: Delivery, alert: Alert, message: Message) -> str | None:
    """The alias. None if there is nothing to send: these services receive trouble only. Raises `NotDelivered`."""
    conversation = Conversation.of(delivery)
    if conversation.informs:
        return None
    team = delivery["target"]
    alias = f"headgate-{conversation.key}-{team}"[:LONGEST_ALIAS]
    headers = {"Authorization": f"GenieKey {key}"}

    def call(path: str, body: dict[str, Any]) -> None:
        post(f"{base}/v2/alerts{path}", body, headers, _is_taken)

    if conversation.action == "resolve":
        call(
            f"/{quote(alias, safe='')}/close?identifierType=alias", {"note": message.title[:1000], "source": "headgate"}
        )
        return alias
    if conversation.action == "update":
        call(f"/{quote(alias, safe='')}/notes?identifierType=alias", {"note": message.text(LONGEST_DESCRIPTION)})
        return alias
    body = {
        "message": message.title[:LONGEST_MESSAGE], "alias": alias, "description": message.text(LONGEST_DESCRIPTION), "source": "headgate",
        "responders": [{"type": "team", "id" if ID.fullmatch(team) else "name": team}], "priority": f"P{conversation.severity}",
        "entity": alert["product"], "tags": ["headgate", alert["kind"]],
        "details": {"product": alert["product"], "business_date": alert["business_date"], "run_id": alert["run_id"]},
    }  # fmt: skip
    call("", body)
    return alias


def _is_taken(answer: Answer) -> bool:
    """Requests are processed later: they are answered with 202 and the id of the request."""
    return answer.status == 202 and bool(answer.content().get("requestId"))
