"""`headgate join`: a replay to the rules of one account, of what the central bus has archived."""

import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.cli.commands import join
from headgate.local.runtime import Runtime
from tests.conftest import Headgate

CENTRAL, JOINING, REGION = "999999999999", "333333333333", "us-east-1"
BUS = f"arn:aws:events:{REGION}:{CENTRAL}:event-bus/acme-central"
ARCHIVE = f"arn:aws:events:{REGION}:{CENTRAL}:archive/acme-refresh-events"


class Central:
    """The central stack, and EventBridge as far as a replay needs it; `rules` are their names by the bus they forward to."""

    name = "stack central"

    def __init__(self) -> None:
        self.outputs = {"CentralEventBusArn": BUS, "EventArchiveArn": ARCHIVE}
        self.rules: dict[str, list[str]] = {
            f"arn:aws:events:{REGION}:{JOINING}:event-bus/acme-domain": [
                "acme-to-111111111111",
                "acme-to-111111111111-2",
            ],
            f"arn:aws:events:eu-west-1:{JOINING}:event-bus/acme-domain": ["acme-to-333333333333-eu-west-1"],
        }
        self.replays: list[dict[str, Any]] = []
        self.states = ["STARTING", "RUNNING", "COMPLETED"]
        self.refuses = ""

    def client(self, service: str) -> "Central":
        assert service == "events"
        return self

    def get_paginator(self, operation: str) -> "Central":
        assert operation == "list_rule_names_by_target"
        return self

    def paginate(self, TargetArn: str, EventBusName: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's names
        assert EventBusName == "acme-central"
        return [{"RuleNames": [each]} for each in self.rules.get(TargetArn, [])] or [{"RuleNames": []}]

    def start_replay(self, **given: Any) -> None:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "StartReplay")
        self.replays.append(given)

    def describe_replay(self, ReplayName: str) -> dict[str, str]:  # noqa: N803 - boto3's names
        assert ReplayName == self.replays[-1]["ReplayName"]
        return {"State": self.states.pop(0), "StateReason": "the archive is gone"}


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch) -> Central:
    made = Central()
    monkeypatch.setattr(join, "application", lambda arguments: made)
    monkeypatch.setattr(join, "POLL", 0)
    return made


def test_a_domain_hears_through_its_own_rules_what_came_before(central: Central, headgate: Headgate) -> None:
    code, printed = headgate("join", JOINING, "--stack", "central")
    assert code == 0
    first, second, third = printed.splitlines()
    assert first.startswith(f"Account {JOINING} was sent what the central bus received since ")
    assert "through 2 rules" in first
    assert "repeat this after" in second
    assert "`headgate backfill DOMAIN`" in third

    (replay,) = central.replays
    rules = [
        f"arn:aws:events:{REGION}:{CENTRAL}:rule/acme-central/{each}"
        for each in ("acme-to-111111111111", "acme-to-111111111111-2")
    ]
    assert replay["Destination"] == {"Arn": BUS, "FilterArns": rules}
    assert (replay["EventSourceArn"], (replay["EventEndTime"] - replay["EventStartTime"]).days) == (ARCHIVE, 7)


def test_a_domain_elsewhere_and_further_back(central: Central, headgate: Headgate) -> None:
    code, printed = headgate("join", JOINING, "--to-region", "eu-west-1", "--since", "30d", "--json")
    answer = json.loads(printed)
    assert (code, answer["state"]) == (0, "COMPLETED")
    assert answer["rules"] == [f"arn:aws:events:{REGION}:{CENTRAL}:rule/acme-central/acme-to-333333333333-eu-west-1"]
    assert (datetime.fromisoformat(answer["until"]) - datetime.fromisoformat(answer["since"])).days == 30


def test_what_cannot_be_replayed_says_why(central: Central, headgate: Headgate) -> None:
    code, printed = headgate("join", "444444444444")
    assert code == 3
    assert (
        "forwards nothing to arn:aws:events:us-east-1:444444444444:event-bus/acme-domain: deploy the account, and then the central"
        in printed
    )
    central.states = ["FAILED"]
    code, printed = headgate("join", JOINING)
    assert (code, "ended FAILED: the archive is gone" in printed) == (1, True)
    central.refuses = "LimitExceededException"
    code, printed = headgate("join", JOINING)
    assert (code, "LimitExceededException" in printed) == (2, True)
    central.outputs = {"DomainEventBusArn": "x"}
    code, printed = headgate("join", JOINING)
    assert (code, "has no central bus; name the central stack with --stack" in printed) == (2, True)
    assert headgate("join", "44")[0] == headgate("join", JOINING, "--since", "soon")[0] == 2


def test_the_local_endpoint_replays_to_the_chosen_rules_alone(endpoint: Runtime) -> None:
    events, queues = endpoint.client("events"), endpoint.client("sqs")
    bus = events.create_event_bus(Name="replayed")["EventBusArn"]
    archive = events.create_archive(ArchiveName="replayed", EventSourceArn=bus)["ArchiveArn"]
    events.put_events(Entries=[{"Source": "headgate", "DetailType": "x", "Detail": "{}", "EventBusName": "replayed"}])
    urls, rules = {}, {}
    for name in ("old", "new"):
        urls[name] = queues.create_queue(QueueName=f"replayed-{name}")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rules[name] = events.put_rule(Name=name, EventBusName="replayed", EventPattern='{"source": ["headgate"]}')[
            "RuleArn"
        ]
        events.put_targets(Rule=name, EventBusName="replayed", Targets=[{"Id": "q", "Arn": arn}])
    assert rules["new"].endswith(":rule/replayed/new")
    events.start_replay(
        ReplayName="one", EventSourceArn=archive, EventStartTime=datetime(2020, 1, 1), EventEndTime=datetime(2040, 1, 1),  # noqa: DTZ001
        Destination={"Arn": bus, "FilterArns": [rules["new"]]},
    )  # fmt: skip
    endpoint.control.wait_until_idle()
    received = {name: len(queues.receive_message(QueueUrl=url).get("Messages", ())) for name, url in urls.items()}
    assert received == {"old": 0, "new": 1}
