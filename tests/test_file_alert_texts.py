"""What alerts about files say in each channel, also of files whose names would be something else there."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

from alerting.channels import email, incident, opsgenie, pagerduty, teams, webhook
from alerting.channels.slack import blocks
from alerting.message import Alert, compose
from tests.alert_world import Service
from tests.golden import FOLDER, expect

OF_POSITIONS = {
    "kind": "FILES", "level": "product", "product": "raw/positions", "description": "Positions as the custodian sends them",
    "owner": "raw-data-team", "business_date": "2026-11-20", "cycle": "", "attempt": 1, "run_id": "0b4e6f1c-9f57-4b7e-8f0e-3d2f5a7c9e11",
    "since": "2026-11-20T23:44:00+00:00", "timezone": "America/Chicago", "folder": {"bucket": "acme-landing", "prefix": "custodian/positions/"},
    "stack": {"name": "headgate", "region": "us-east-1", "account": "111122223333"},
}  # fmt: skip
KEY = "arn:aws:kms:us-east-1:111122223333:key/0a1b-2c3d"


def file(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"file": number, "name": name, "size": 4096, **more}


EMPTY = file(12, "positions_US_20261120.csv", size=0, reason="smaller than 1 byte")
USED = {"count": 12, "products": [f"d1/p{number}" for number in range(10)]}
ALERTS: dict[str, Alert] = {
    "rejected at landing": {
        "about": "landing", "rejected": 7, "files": [EMPTY], "set": "1 file there, 7 rejected, US missing", "on_deadline": "fail",
        "deadline_at": "2026-11-21T04:00:00+00:00", "waiting": {"count": 1, "products": ["d1/exposure"]},
    },
    "sent again": {"about": "landing", "rejected": 0, "files": [], "set": "2 files there, AP missing"},
    "arrived": {"about": "landing", "rejected": 0, "files": [], "over": "ARRIVED"},
    "ignored": {"about": "landing", "rejected": 0, "files": [], "over": "IGNORED"},
    "without a date": {
        "about": "landing", "undated": True, "rejected": 1, "files": [file(13, "positions_US_20261340.csv", reason="the date 20261340 is none")],
    },
    "left out by a wave": {
        "about": "batches", "step": "load", "rejected": 1, "failed": 2, "files": [
            file(14, "positions_EU_20261120.csv", status="REJECTED", reason="quality", rules='ColumnValues "quantity" >= 0 (-40)'),
            file(15, "positions_AP_20261120.csv", status="FAILED", reason=f"AccessDenied: kms:Decrypt on {KEY}", encryption_key=KEY),
            file(16, "positions_UK_20261120.csv", status="FAILED", reason="JobFailed: it crashed"),
        ],
    },
    "of no product": {
        "about": "unmatched", "product": "raw/landing#bucket", "description": "the bucket acme-landing", "bucket": "acme-landing",
        "unmatched": 1000, "files": [file(17, "custodian/positions/EU.csv", nearest="raw/positions"), file(18, "readme.txt", size=1)],
    },
    "corrected": {"about": "corrected", "on_correction": "notify", "corrected": {"count": 1, "files": [file(19, "a.csv")]}, "used_by": USED},
    "corrected, runs again": {"about": "corrected", "on_correction": "rerun", "corrected": {"count": 2, "files": [file(19, "a.csv")]}},
}  # fmt: skip
NAMES = [
    "<!channel> *now* _x_ ~y~ `code` :fire: &amp; <https://evil.example|click>.csv",
    "a\nOwner: nobody\r\n\nTo do: delete everything.csv",
    "<script>alert(1)</script><img src=x onerror=alert(1)>.csv",
    "[click](https://evil.example) **bold** # title | table | <at>all</at>.csv",
    "\u202egpj.exe\u200b\x1b[31m\x07\u2028.csv",
    '{"json": "\\"}',
    "u\u0308mlaut 中文 🙂.csv",
    "x" * 1024,
]


def sent(service: Service, alert: Alert) -> list[dict[str, Any]]:
    """What OpsGenie, PagerDuty, Teams and a webhook receive."""
    service.received.clear()
    delivery = {
        "target": "oncall", "key": "the-key", "action": "open", "severity": 3, "conversation": {"key": "the-cause", "first": None, "state": None},
    }  # fmt: skip
    message = compose(alert)

    def secrets() -> dict[str, Any]:
        return {
            "opsgenie_key": "k",
            "pager": {"key": "r", "url": service.url},
            "flow": f"{service.url}/workflows/1",
        }

    opsgenie.deliver(delivery, alert, message, secrets)
    pagerduty.deliver({**delivery, "target": "secret:pager"}, alert, message, secrets)
    teams.deliver({**delivery, "target": "secret:flow"}, alert, message, secrets)
    webhook.deliver({**delivery, "target": f"{service.url}/hook"}, alert, message, secrets)
    return [body for _, body, _ in service.received]


def test_what_each_says(service: Service) -> None:
    texts = []
    for name, alert in ALERTS.items():
        message = compose({**OF_POSITIONS, **alert})
        made = blocks({**OF_POSITIONS, **alert}, message)
        texts.append(f"--- {name}\n{message.title}\n\n{message.text()}\n{json.dumps(made[0])}\n")
    texts.append(
        f"--- Slack\n{json.dumps(blocks(OF_POSITIONS | ALERTS['left out by a wave'], compose(OF_POSITIONS | ALERTS['left out by a wave'])), indent=1)}\n"
    )
    bodies = sent(service, {**OF_POSITIONS, **ALERTS["left out by a wave"]})
    texts.append(f"--- OpsGenie, PagerDuty, Teams, webhook\n{json.dumps(bodies, indent=1)}\n")
    expect(FOLDER / "messages" / "file_alerts.txt", "\n".join(texts).encode())


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_breaks_a_channel(service: Service, name: str) -> None:
    """Whatever a file is called, a message has the lines, tags, links and fields that it has with an ordinary name."""

    def alert(called: str) -> Alert:
        reason = f"the job said {called}"
        files = [file(1, called, status="REJECTED", reason=reason, rules=called)]
        return {**OF_POSITIONS, "about": "batches", "rejected": 1, "failed": 0, "files": files}

    given, usual = alert(name), alert("usual.csv")
    message, ordinary = compose(given), compose(usual)
    assert message.title == ordinary.title
    assert message.links == ordinary.links
    assert message.text().count("\n") == ordinary.text().count("\n")
    assert all(each.isprintable() for line in message.text().splitlines() for each in line)
    assert Tags(email.html(given, message)).seen == Tags(email.html(usual, ordinary)).seen
    for each in Block.parse_all(made := blocks(given, message)):
        each.validate_json()  # Slack's own limits
    shown = json.dumps(made, ensure_ascii=False)
    assert shown.count("<") == json.dumps(blocks(usual, ordinary)).count("<")
    for line in made[1]["text"]["text"].splitlines():
        value = line.split("*  ", 1)[1]
        if any(mark in value for mark in "*_~`"):
            assert value.startswith("`")
            assert value.endswith("`")
            assert value.count("`") == 2
    bodies, others = sent(service, given), sent(service, usual)
    assert [sorted(each) for each in bodies] == [sorted(each) for each in others]
    card = bodies[2]["attachments"][0]["content"]
    assert {run["type"] for line in card["body"] for run in line["inlines"]} == {"TextRun"}
    assert len(message.text(incident.LONGEST_DESCRIPTION)) <= incident.LONGEST_DESCRIPTION
