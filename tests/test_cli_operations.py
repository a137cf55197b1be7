"""The commands that call a running application: what they send, what they print, and what they refuse. The application is a stand-in
that keeps the calls; `tests/test_run.py` has the real one."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from headgate.cli import application, operate
from headgate.cli.commands import backfill, event
from headgate.cli.errors import UsageError
from tests.conftest import Headgate

RUN = {"product": "d1/ds1", "business_date": "2026-11-20"}


class StandIn:
    """An application that answers what it was given to answer; its clients are itself."""

    def __init__(self) -> None:
        self.name, self.outputs = "the stand-in", {"CentralEventBusArn": "arn:bus"}
        self.calls: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.failed = 0

    def call(self, output: str, given: dict[str, Any]) -> Any:
        self.calls.append(given)
        return self.answers[given.get("action") or given["question"]]

    def client(self, service: str) -> "StandIn":
        return self

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as in boto3
        self.calls += Entries
        return {"FailedEntryCount": self.failed, "Entries": [{"EventId": "one", "ErrorCode": "Throttled"}]}


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    for module in (operate, application, event):
        monkeypatch.setattr(module, "application", lambda arguments: stand_in)
    monkeypatch.setattr(operate, "_actor", lambda: "ann")
    return stand_in


def test_an_operation_sends_what_was_given_and_prints_how_much_changed(running: StandIn, headgate: Headgate) -> None:
    running.answers = {
        "hold": {"held": 1}, "release": {"released": 2}, "skip": {"skipped": 1},
        "rerun": [{**RUN, "attempt": 2}, {**RUN, "product": "d1/ds2", "attempt": 3}],
    }  # fmt: skip
    on_date = ("d1/ds1", "--date", "2026-11-20")

    assert headgate("hold", "d1/ds1") == (0, "1 run held\n")
    assert headgate("release", *on_date, "--cycle", "1430") == (0, "2 runs released\n")
    assert headgate("skip", *on_date) == (0, "1 run skipped\n")
    assert headgate("rerun", *on_date, "--downstream") == (
        0, "d1/ds1 for 2026-11-20: attempt 2\nd1/ds2 for 2026-11-20: attempt 3\n",
    )  # fmt: skip
    assert running.calls == [
        {"product": "d1/ds1", "action": "hold", "actor": "ann"},
        {**RUN, "cycle": "1430", "action": "release", "actor": "ann"},
        {**RUN, "action": "skip", "actor": "ann"},
        {**RUN, "downstream": True, "action": "rerun", "actor": "ann"},
    ]
    for command in (("hold", "d1/ds1"), ("rerun", *on_date)):
        assert json.loads(headgate(*command, "--json")[1]) == running.answers[command[0]]


def test_a_backfill_is_divided_by_dates_and_counted(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 3}}

    assert headgate("backfill", "d1", "--date", "2026-11-01", "--until", "2026-11-16") == (0, "9 runs opened\n")

    assert {each["domain"] for each in running.calls} == {"d1"}
    dates = [(each["business_date"], each["until"]) for each in running.calls]
    assert dates == [("2026-11-01", "2026-11-07"), ("2026-11-08", "2026-11-14"), ("2026-11-15", "2026-11-16")]
    assert headgate("backfill", "d1/ds1", "--date", "2026-11-20") == (0, "3 runs opened\n")
    assert running.calls[-1] == {**RUN, "until": "2026-11-20", "action": "backfill", "actor": "ann"}


def test_a_backfill_ends_at_its_limit_and_names_the_next_command(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 6_000}}
    command = ("backfill", "d1", "--date", "2026-01-01", "--until", "2026-12-31")

    code, printed = headgate(*command)

    assert (code, len(running.calls)) == (1, 2)
    assert printed.startswith("12,000 runs opened\n")
    assert "`headgate backfill d1 --date 2026-01-15 --until 2026-12-31`" in printed
    assert json.loads(headgate(*command, "--json")[1]) == {"opened": 12_000, "next_date": "2026-01-15"}


def test_a_backfill_of_too_many_days_calls_nothing(running: StandIn, headgate: Headgate) -> None:
    last = date(2026, 1, 1) + timedelta(days=backfill.MAX_DAYS)

    code, printed = headgate("backfill", "d1", "--date", "2026-01-01", "--until", last.isoformat())

    assert (code, running.calls) == (2, [])
    assert "are 1,001 days; one command opens at most 1,000" in printed


def test_an_event_goes_to_the_central_bus(running: StandIn, headgate: Headgate) -> None:
    failed = ("event", "raw/rd1", "--date", "2026-11-20", "--status", "ERROR", "--cycle", "1430")

    assert headgate(*failed) == (0, "published: Data Product Failed, raw/rd1 for 2026-11-20\n")

    (entry,) = running.calls
    detail = json.loads(entry["Detail"])
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "arn:bus",
        "headgate",
        "Data Product Failed",
    )
    assert (detail["domain"], detail["product"], detail["status"], detail["cycle"]) == ("raw", "rd1", "ERROR", "1430")
    assert json.loads(headgate(*failed, "--json")[1])["event_id"] == "one"
    running.failed = 1
    assert headgate(*failed) == (2, "headgate event: EventBridge refused the event: Throttled\n")
    running.outputs = {}
    assert "has no central bus; name the central stack with --stack" in headgate(*failed)[1]


def test_questions_are_answered_in_print_and_as_json(running: StandIn, headgate: Headgate) -> None:
    common = {"business_date": "2026-11-20", "asked_at": "2026-11-20T09:00:00+00:00", "more": True}
    run = {
        **RUN, "status": "PROCESSING", "description": "A.", "owner": "ann", "timezone": "UTC", "started_at": "2026-11-20T08:00:00Z",
        "release_reason": "the last input arrived",
    }  # fmt: skip
    running.answers = {
        "status": {**common, "products": [{"product": "d1/ds1", "status": "PROCESSING"}]},
        "history": {**common, "entries": []},
        "why": {**common, "run": run},
    }

    assert "There are more products; choose a domain with --domain.\n" in headgate("status")[1]
    assert headgate("history")[1] == "no entries\nThere are more entries; choose a product or fewer dates.\n"
    assert headgate("why", "d1/ds1")[1] == (
        "d1/ds1 for 2026-11-20 is PROCESSING.\nA. Owner: ann.\nStarted at 08:00: the last input arrived.\nAs of 09:00 UTC.\n"
    )
    for command in (("status",), ("history", "d1/ds1", "--date", "2026-11-20"), ("why", "d1/ds1")):
        assert json.loads(headgate(*command, "--json")[1]) == running.answers[command[0]]
    running.answers["status"]["products"] = []
    assert headgate("status")[1].splitlines()[1] == "no products"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"errorType": "UnknownProduct", "errorMessage": "d1/x"},
            "d1/x: no such product in the catalog of the application",
        ),
        ({"errorType": "IllegalTransition", "errorMessage": "d1/x is PROCESSING"}, "d1/x is PROCESSING"),
        ({"errorType": "KeyError", "errorMessage": "'a'"}, "KeyError: 'a'"),
    ],
)
def test_an_error_of_a_function_is_a_message(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, str], message: str
) -> None:
    class Lambda:
        def invoke(self, **given: Any) -> dict[str, Any]:
            class Payload:
                def read(self) -> bytes:
                    return json.dumps(body).encode()

            return {"Payload": Payload(), "FunctionError": "Unhandled"}

    monkeypatch.setattr(application.Application, "client", lambda self, service: Lambda())
    found = application.Application("stack x", {"OperateFunctionName": "operate"}, {})

    with pytest.raises(UsageError, match="^" + message.replace("'", ".") + "$"):
        found.call("OperateFunctionName", {})
    with pytest.raises(UsageError, match="stack x has no output Other"):
        found.call("Other", {})
