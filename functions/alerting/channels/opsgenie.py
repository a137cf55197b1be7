"""OpsGenie: one alert a run and team, closed when the run completes. docs.opsgenie.com/docs/alert-api"""

import os

from alerting.delivery import Delivery, Secrets, needed, post
from alerting.message import Alert, Message

RECOGNIZES_REPETITION = True  # by the alias
SEARCHES = False
PAGES = True
PRIORITY = {"ERROR": "P2", "LATE": "P3"}  # alerts of the other kinds inform


def deliver(delivery: Delivery, alert: Alert, message: Message, secrets: Secrets) -> str:
    """The alias. Raises `NotDelivered`."""
    base = os.environ.get("OPSGENIE_API_URL") or "https://api.opsgenie.com"
    headers = {"Authorization": f"GenieKey {needed(secrets, 'opsgenie_key')}"}
    alias = f"headgate-{alert['run_id']}-{delivery['target']}"
    if alert["kind"] == "COMPLETED" and delivery.get("failed_before"):
        note = {"note": message.title, "source": "headgate"}
        post(f"{base}/v2/alerts/{alias}/close?identifierType=alias", note, headers)
        return alias
    body = {
        "message": message.title[:130], "alias": alias, "description": message.text()[:15000], "source": "headgate",
        "responders": [{"type": "team", "name": delivery["target"]}], "priority": PRIORITY.get(alert["kind"], "P5"),
        "entity": alert["product"], "tags": ["headgate", alert["kind"]],
        "details": {"product": alert["product"], "business_date": alert["business_date"], "run_id": alert["run_id"]},
    }  # fmt: skip
    post(f"{base}/v2/alerts", body, headers)
    return alias
