"""`headgate dead-letters`: what lies in the dead letter queues, why, and sending it once more without losing any."""

import json
from typing import Any

import pytest

import dead_letters
import letter_subject
import letters
import runtime
from headgate.cli import application, operate
from headgate.local.runtime import Runtime
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.fake_queues import FakeQueues
from tests.handler_steps import NOW, TODAY, glue_event, invoke, queue, refreshed
from tests.state_world import World
from tests.test_event_ownership import OURS, RAW, STRANGER, load, published, status

BASE = "https://sqs.us-east-1.amazonaws.com/123456789012/headgate-"
NAMES = ("refresh-events-dead", "job-status-dead", "alerts-dead", "undelivered-events")
FOREIGN = f"account {STRANGER} published it; events of raw/rd1 count from account {RAW} only"


@pytest.fixture
def queues(aws: FakeAws, world: World, monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    """The queues of the application, and commands that call its functions through JSON, as Lambda does."""
    made = FakeQueues()

    class Running:
        name = "the functions"

        def call(self, output: str, event: dict[str, Any]) -> Any:
            function = {"OperateFunctionName": "operate", "InquireFunctionName": "inquire"}[output]
            try:
                return json.loads(json.dumps(invoke(function, json.loads(json.dumps(event)))))
            except Exception as error:  # noqa: BLE001 - as Lambda answers it
                raise application._error({"errorType": type(error).__name__, "errorMessage": str(error)}) from None

    for module in (operate, application):
        monkeypatch.setattr(module, "application", lambda arguments: Running())
    monkeypatch.setattr(operate, "actor", lambda: "ann")
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    monkeypatch.setattr(dead_letters, "queues", lambda: made)
    monkeypatch.setenv(dead_letters.QUEUE, BASE + NAMES[0])
    monkeypatch.setenv(dead_letters.QUEUES, " ".join(BASE + each for each in NAMES))
    monkeypatch.setenv("TZ", "UTC")
    return made


def attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def delivered(queues: FakeQueues, name: str) -> list[str]:
    """What SQS delivers of a queue to its function, which acknowledges it."""
    bodies = [each.body for each in queues.messages.pop(BASE + name, [])]
    if bodies:
        assert invoke(name.replace("-", "_"), queue(*bodies)) == {"batchItemFailures": []}
    return bodies


def test_nothing_is_dead(queues: FakeQueues, headgate: Headgate) -> None:
    assert headgate("dead-letters", "list") == (0, "The dead letter queues are empty.\n")
    assert headgate("dead-letters", "redrive", "--all") == (0, "0 messages sent once more.\n")


def test_a_refused_event_is_listed_with_its_reason_shown_and_redriven_once_the_cause_is_removed(
    queues: FakeQueues, headgate: Headgate, world: World
) -> None:
    load(world)
    invoke("refresh_events", queue(published(STRANGER, "raw/rd1")))

    code, printed = headgate("dead-letters", "list")
    assert code == 1
    heading, row, hint = printed.splitlines()
    assert heading.split() == ["id", "queue", "sent", "message", "reason"]
    letter = row.split()[0]
    assert f"COMPLETED of raw/rd1 for {TODAY} from account {STRANGER}  {FOREIGN}" in row
    assert "headgate-refresh-events-dead" in row
    assert hint.startswith("`headgate dead-letters show ID` prints a message.")
    (whole,) = json.loads(headgate("dead-letters", "list", "--json")[1])["letters"]
    assert (whole["id"][:8], whole["reason"], whole["redrivable"]) == (letter, FOREIGN, True)

    code, printed = headgate("dead-letters", "show", letter)
    assert (code, f"reason: {FOREIGN}" in printed, '"business_date": "2026-11-20"' in printed) == (0, True, True)
    assert json.loads(json.loads(headgate("dead-letters", "show", letter, "--json")[1])["body"])["account"] == STRANGER
    assert queues.visible("headgate-refresh-events-dead") == 1, "looking at a message hides it from nobody"

    assert headgate("dead-letters", "redrive", letter) == (
        0,
        "1 message sent once more; what is refused again lies there again.\n",
    )
    assert len(delivered(queues, "refresh-events")) == 1
    assert queues.reasons("headgate-refresh-events-dead") == [FOREIGN], "the cause is still there"
    load(world, raw={"owner": "x", "account": STRANGER})
    assert headgate("dead-letters", "redrive", "--all")[0] == 0
    delivered(queues, "refresh-events")
    assert queues.of("headgate-refresh-events-dead") == []
    assert status(world)


def test_messages_of_every_queue_say_why_they_lie_there(queues: FakeQueues, headgate: Headgate) -> None:
    """SQS gives no reason, EventBridge has its own; a message that was for no queue cannot be redriven."""
    arn = "arn:aws:sqs:us-east-1:123456789012:headgate-job-status"
    queues.send_message(BASE + "job-status-dead", json.dumps(glue_event("FAILED")))
    queues.send_message(
        BASE + "alerts-dead", json.dumps({"kind": "ERROR", "product": "d1/ds1", "business_date": TODAY})
    )
    for target in (arn, "arn:aws:lambda:us-east-1:123456789012:function:scheduler"):
        attributes = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "denied", "TARGET_ARN": target}
        queues.send_message(
            BASE + "undelivered-events",
            json.dumps({"source": "headgate.schedule"}),
            {key: attribute(value) for key, value in attributes.items()},
        )

    code, printed = headgate("dead-letters", "list")
    assert code == 1
    job, alert, event, tick = printed.splitlines()[1:5]
    assert "Glue Job State Change of j to FAILED" in job
    assert f"alert ERROR of d1/ds1 for {TODAY}" in alert
    assert job.endswith(letters.NO_REASON)
    assert alert.endswith(letters.NO_REASON)
    assert event.endswith(f"EventBridge could not deliver it to {arn}: NO_PERMISSIONS: denied")

    code, printed = headgate("dead-letters", "redrive", "--all")
    assert code == 1
    sent, left = printed.splitlines()
    assert sent.startswith("3 messages sent once more")
    assert left.startswith(
        f"{tick.split()[0]} in headgate-undelivered-events stays: it has no queue to go to; EventBridge could not deliver it"
    )
    assert [len(queues.of(f"headgate-{name}")) for name in ("job-status", "alerts", "undelivered-events")] == [2, 1, 1]
    code, printed = headgate("dead-letters", "show", tick.split()[0])
    assert "It cannot be redriven" in printed


def test_a_message_that_cannot_be_sent_or_deleted_is_never_lost(
    queues: FakeQueues, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.send_message(BASE + "refresh-events-dead", json.dumps(refreshed("raw/rd1")))
    send, delete = queues.send_message, queues.delete_message

    def broken(**given: Any) -> Any:
        monkeypatch.setattr(queues, "broken", "ServiceUnavailable")
        try:
            queues._called("any")
        finally:
            monkeypatch.setattr(queues, "broken", "")

    monkeypatch.setattr(queues, "send_message", broken)
    code, printed = headgate("dead-letters", "redrive", "--all")
    assert (code, "stays: ServiceUnavailable: as the test wants it" in printed) == (1, True)
    assert (queues.visible("headgate-refresh-events-dead"), queues.of("headgate-refresh-events")) == (1, [])

    monkeypatch.setattr(queues, "send_message", send)
    monkeypatch.setattr(queues, "delete_message", broken)
    assert headgate("dead-letters", "redrive", "--all")[0] == 1
    assert (queues.visible("headgate-refresh-events-dead"), len(queues.of("headgate-refresh-events"))) == (1, 1), (
        "twice, not never"
    )
    monkeypatch.setattr(queues, "delete_message", delete)
    assert headgate("dead-letters", "redrive", "--all")[0] == 0
    assert queues.of("headgate-refresh-events-dead") == []


def test_a_queue_that_does_not_answer_is_named(queues: FakeQueues, headgate: Headgate) -> None:
    queues.send_message(BASE + "refresh-events-dead", "x")
    queues.broken = "AccessDenied"
    code, printed = headgate("dead-letters", "list")
    assert code == 1
    assert "headgate-refresh-events-dead was not read: AccessDenied: as the test wants it" in printed
    code, printed = headgate("dead-letters", "show", "00000000")
    assert (code, "no dead letter has the id 00000000" in printed, "was not read: AccessDenied" in printed) == (
        3,
        True,
        True,
    )
    assert headgate("dead-letters", "redrive", "--all")[0] == 1


def test_more_than_a_call_takes(queues: FakeQueues, headgate: Headgate) -> None:
    for _ in range(letters.MOST + 30):
        queues.send_message(BASE + "refresh-events-dead", json.dumps(refreshed("raw/rd1")))
    last = queues.of("headgate-refresh-events-dead")[-1].id
    code, printed = headgate("dead-letters", "list")
    assert (code, "and about 30 more in headgate-refresh-events-dead" in printed) == (1, True)
    assert headgate("dead-letters", "show", last)[0] == 0, "also one that is not listed is found"
    assert headgate("dead-letters", "redrive", last)[0] == 0
    code, printed = headgate("dead-letters", "redrive", "--all")
    assert (
        code,
        "100 messages sent once more" in printed,
        "`headgate dead-letters redrive --all` goes on" in printed,
    ) == (1, True, True)
    assert headgate("dead-letters", "redrive", "--all")[0] == 0
    assert len(queues.of("headgate-refresh-events")) == letters.MOST + 30


def test_what_is_refused_again_is_not_redriven_for_ever(queues: FakeQueues, headgate: Headgate, world: World) -> None:
    """Everything is received before the first message is sent on."""
    load(world)
    invoke("refresh_events", queue(published(OURS, "raw/rd1"), published(STRANGER, "raw/rd1")))
    assert headgate("dead-letters", "redrive", "--all")[1].startswith("2 messages sent once more")


def test_what_is_not_there_or_not_an_id(queues: FakeQueues, headgate: Headgate) -> None:
    assert headgate("dead-letters", "show", "0123abcd")[0] == 3
    assert headgate("dead-letters", "redrive", "0123abcd")[0] == 3
    assert headgate("dead-letters", "show", "x")[0] == headgate("dead-letters", "redrive")[0] == 2
    assert headgate("dead-letters", "redrive", "0123abcd", "--all")[0] == headgate("dead-letters")[0] == 2


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ("not\x1b[2Jjson", "not\ufffd[2Jjson"),
        ("[" * 50_000, "[" * 97 + "..."),
        (
            json.dumps(refreshed("raw/rd1", product="\x1b[31mred")),
            f"COMPLETED of raw/\ufffd[31mred for {TODAY} from account {RAW}",
        ),
        ('{"detail": {"status": {"a": [1]}}, "source": "headgate"}', "{'a': [1]} of None/None"),
        ("{}", "{}"),
        ('{"detail": {}}', '{"detail": {}}'),
    ],
)
def test_a_message_is_named_whatever_it_holds(body: str, subject: str) -> None:
    assert letter_subject.subject(body) == subject


def test_a_hostile_body_does_not_control_the_terminal(queues: FakeQueues, headgate: Headgate) -> None:
    queues.send_message(BASE + "refresh-events-dead", "\x1b]0;owned\x07\x9b2J", {"Reason": attribute("a\x1bb")})
    (letter,) = queues.of("headgate-refresh-events-dead")
    printed = headgate("dead-letters", "show", letter.id)[1] + headgate("dead-letters", "list")[1]
    assert not {"\x1b", "\x07", "\x9b"} & set(printed)


def test_on_the_local_endpoint(endpoint: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent, hidden, shown and deleted there as in the tests above."""
    client = endpoint.client("sqs")
    dead, alive = (client.create_queue(QueueName=f"letters{suffix}")["QueueUrl"] for suffix in ("-dead", ""))
    monkeypatch.setattr(dead_letters, "queues", lambda: client)
    monkeypatch.setenv(dead_letters.QUEUE, dead)
    monkeypatch.setenv(dead_letters.QUEUES, dead)
    refused = {str(number): (json.dumps(refreshed("raw/rd1")), f"reason {number} \x07") for number in range(12)}
    assert dead_letters.move(refused) == list(refused)

    for _ in range(2):
        found = letters.listed()
        assert sorted(each["reason"] for each in found["letters"]) == sorted(
            f"reason {number} \ufffd" for number in refused
        )
    assert found["queues"] == [{"queue": "letters-dead", "messages": 12}]
    one = found["letters"][3]
    assert letters.shown(one["id"][:8])["reason"] == one["reason"]
    assert letters.redrive(one["id"], "ann") == {"redriven": [one["id"]], "left": [], "more": False}
    assert len(letters.redrive(None, "ann")["redriven"]) == 11
    assert letters.listed()["letters"] == []
    attributes = client.get_queue_attributes(QueueUrl=alive, AttributeNames=["ApproximateNumberOfMessages"])[
        "Attributes"
    ]
    assert attributes == {"ApproximateNumberOfMessages": "12"}
