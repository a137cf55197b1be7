"""The commands that call a running application: what they send, what they print, and what they refuse. The application is a stand-in
that keeps the calls; `tests/test_run.py` has the real one."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headgate.cli import application, operate
from headgate.cli.commands import backfill, event
from headgate.cli.errors import RefusedError, UsageError
from tests.conftest import Headgate

RUN = {"product": "d1/ds1", "business_date": "2026-11-20"}


class StandIn:
    """An application that answers what it was given to answer; its clients are itself."""

    def __init__(self) -> None:
        self.name, self.outputs = "the stand-in", {"CentralEventBusArn": "arn:bus", "InquireFunctionName": "inquire"}
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
    monkeypatch.setattr(operate, "actor", lambda: "ann")
    return stand_in


def test_an_operation_sends_what_was_given_and_prints_what_it_changed(running: StandIn, headgate: Headgate) -> None:
    hold: dict[str, Any] = {"changed": True, "other_hold": None, "released_runs": [], "waiting_runs": []}
    running.answers = {
        "hold": hold, "release": {**hold, "released_runs": [{**RUN, "cycle": "1430"}]}, "skip": {**RUN, "cycle": "", "skipped": 1},
        "rerun": [{**RUN, "attempt": 2}, {**RUN, "product": "d1/ds2", "attempt": 3}],
    }  # fmt: skip
    on_date = ("d1/ds1", "--date", "2026-11-20")

    assert headgate("hold", "d1/ds1") == (
        0,
        "d1/ds1 is held; no run of it starts until `headgate release d1/ds1`.\n"
        "None of its runs waits now; the hold is for those that open later.\n",
    )
    assert headgate("release", *on_date, "--cycle", "1430") == (
        0, "The hold of the run of d1/ds1 for 2026-11-20 has ended.\nReleased: 2026-11-20 1430.\n",
    )  # fmt: skip
    assert headgate("skip", *on_date) == (0, "d1/ds1 for 2026-11-20: skipped\n")
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


def test_a_hold_names_what_it_holds_and_the_command_that_ends_it(running: StandIn, headgate: Headgate) -> None:
    waiting = [{"business_date": "2026-11-19", "cycle": ""}, {"business_date": "2026-11-20", "cycle": ""}]
    running.answers = {
        "hold": {"changed": False, "other_hold": None, "released_runs": [], "waiting_runs": waiting},
        "release": {"changed": True, "other_hold": "run", "released_runs": waiting[:1], "waiting_runs": waiting[1:]},
    }

    assert headgate("hold", "d1/ds1")[1] == (
        "d1/ds1 was held already; no run of it starts until `headgate release d1/ds1`.\nRuns that wait: 2026-11-19, 2026-11-20.\n"
    )
    assert headgate("hold", "d1/ds1", "--date", "2026-11-20", "--cycle", "1430")[1] == (
        "The run of d1/ds1 for 2026-11-20 1430 was held already; it does not start until "
        "`headgate release d1/ds1 --date 2026-11-20 --cycle 1430`.\n"
    )
    assert headgate("release", "d1/ds1")[1] == (
        "The hold of d1/ds1 has ended.\nRuns of it are still held one by one: `headgate release` with their --date.\n"
        "Released: 2026-11-19.\nStill waiting: 2026-11-20; `headgate why d1/ds1 --date 2026-11-20` names what is missing.\n"
    )
    running.answers["release"] = {"changed": True, "other_hold": "product", "released_runs": [], "waiting_runs": []}
    assert headgate("release", "d1/ds1", "--date", "2026-11-20")[1].endswith(
        "The product is still held: `headgate release d1/ds1`.\nNone of its runs waits now.\n"
    )


def runs(first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"business_date": f"2026-11-{day:02}", "cycle": "", "status": "WAITING", **more} for day in range(first, last)
    ]


def test_a_range_changes_the_runs_that_allow_it_and_names_the_others(running: StandIn, headgate: Headgate) -> None:
    ended = runs(4, 6, status="COMPLETED")
    running.answers = {"runs": {"runs": [*runs(1, 4), *ended]}, "skip": {}, "rerun": []}
    command = ("d1/ds1", "--date", "2026-11-01", "--until", "2026-11-05")

    assert headgate("skip", *command) == (
        0,
        "3 runs of d1/ds1 from 2026-11-01 to 2026-11-05 skipped: 2026-11-01, 2026-11-02, 2026-11-03\nNot changed: 2 are COMPLETED.\n",
    )
    about = {"product": "d1/ds1", "actor": "ann", "cycle": ""}
    assert [each for each in running.calls if "action" in each] == [
        {**about, "action": "skip", "business_date": f"2026-11-0{day}"} for day in (1, 2, 3)
    ]
    running.calls.clear()
    assert headgate("rerun", *command, "--downstream")[0] == 0
    assert [each["business_date"] for each in running.calls if each.get("downstream")] == ["2026-11-04", "2026-11-05"]

    running.answers["runs"]["runs"] = ended
    code, printed = headgate("hold", *command)
    assert (code, printed) == (
        3, "headgate hold: no run of d1/ds1 from 2026-11-01 to 2026-11-05 can be held: 2 are COMPLETED\n",
    )  # fmt: skip
    running.answers["runs"]["runs"] = []
    assert "can be held: there is none" in headgate("hold", *command)[1]


def test_a_range_of_many_runs_is_shown_before_it_is_changed(
    running: StandIn, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.answers = {"runs": {"runs": runs(1, 21, held=True)}, "release": {}}
    command = ("release", "d1/ds1", "--date", "2026-11-01", "--until", "2026-11-20")
    preview = "20 runs would be released from their hold: 2026-11-01, 2026-11-02,"

    code, printed = headgate(*command)
    assert (code, preview in printed, "to do it, add --yes" in printed) == (3, True, True)
    assert [each for each in running.calls if "action" in each] == []
    error = json.loads(headgate(*command, "--json")[1])["error"]
    assert error.startswith(preview)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for answer, changed in (("n", 0), ("y", 20)):
        monkeypatch.setattr("builtins.input", lambda prompt, answer=answer: answer)
        code, printed = headgate(*command)
        assert (code, len([each for each in running.calls if "action" in each])) == (0 if changed else 3, changed)
        assert preview in printed
    assert headgate(*command, "--yes")[0] == 0


def test_what_became_impossible_meanwhile_is_reported(
    running: StandIn, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.answers = {"runs": {"runs": runs(1, 3)}, "skip": {}}
    answer = running.call

    def call(output: str, given: dict[str, Any]) -> Any:
        if given.get("business_date") == "2026-11-02" and "action" in given:
            raise RefusedError("d1/ds1 is PROCESSING")
        return answer(output, given)

    monkeypatch.setattr(running, "call", call)
    command = ("skip", "d1/ds1", "--date", "2026-11-01", "--until", "2026-11-02")

    code, printed = headgate(*command)

    assert (code, printed.splitlines()[-1]) == (1, "Refused: 2026-11-02: d1/ds1 is PROCESSING")
    (refused,) = json.loads(headgate(*command, "--json")[1])["refused"]
    assert (refused["business_date"], refused["error"]) == ("2026-11-02", "d1/ds1 is PROCESSING")


def test_a_backfill_is_divided_by_dates_and_counted(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 3, "existing": 0}}

    assert headgate("backfill", "d1", "--date", "2026-11-01", "--until", "2026-11-16") == (0, "9 runs opened\n")

    assert {each["domain"] for each in running.calls} == {"d1"}
    assert [each.get("preview") for each in running.calls] == [True] * 3 + [None] * 3
    dates = [(each["business_date"], each["until"]) for each in running.calls[3:]]
    assert dates == [("2026-11-01", "2026-11-07"), ("2026-11-08", "2026-11-14"), ("2026-11-15", "2026-11-16")]
    assert headgate("backfill", "d1/ds1", "--date", "2026-11-20") == (0, "3 runs opened\n")
    assert running.calls[-1] == {**RUN, "until": "2026-11-20", "action": "backfill", "actor": "ann"}


def test_a_backfill_ends_at_its_limit_and_names_the_next_command(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 6_000, "existing": 0}}
    command = ("backfill", "d1", "--date", "2026-01-01", "--until", "2026-12-31", "--yes")

    code, printed = headgate(*command)

    assert (code, len(running.calls)) == (1, 2)
    assert printed.startswith("12,000 runs opened\n")
    assert "`headgate backfill d1 --date 2026-01-15 --until 2026-12-31`" in printed
    assert json.loads(headgate(*command, "--json")[1]) == {
        "opened": 12_000, "existing": 0, "next_date": "2026-01-15",
    }  # fmt: skip


def test_a_backfill_of_too_many_days_calls_nothing(running: StandIn, headgate: Headgate) -> None:
    last = date(2026, 1, 1) + timedelta(days=backfill.MAX_DAYS)

    code, printed = headgate("backfill", "d1", "--date", "2026-01-01", "--until", last.isoformat())

    assert (code, running.calls) == (2, [])
    assert "are 1,001 days; one command opens at most 1,000" in printed


def test_a_backfill_that_opens_nothing_says_why(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 0, "existing": 1}}
    command = ("backfill", "d1/ds1", "--date", "2026-11-20")

    assert headgate(*command) == (
        0,
        "0 runs opened, 1 run existed before\n`headgate rerun` starts the next attempt of a run that has ended.\n",
    )
    assert json.loads(headgate(*command, "--json")[1]) == {"opened": 0, "existing": 1}
    running.answers = {"backfill": {"opened": 0, "existing": 0}}
    assert headgate(*command) == (
        3, "headgate backfill: no run of d1/ds1 was opened for 2026-11-20: its schedule has no opening then\n",
    )  # fmt: skip
    assert "the schedules of its products have no opening then" in headgate("backfill", "d1", *command[2:])[1]


def test_a_backfill_of_many_runs_is_shown_before_it_opens_one(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 40, "existing": 2}}
    command = ("backfill", "d1", "--date", "2026-11-20")

    code, printed = headgate(*command)

    assert code == 3
    assert printed == (
        "headgate backfill: 40 runs of d1 for 2026-11-20 would be opened; 2 runs existed before. "
        "Nothing has been changed; to do it, add --yes\n"
    )
    assert [each.get("preview") for each in running.calls] == [True]
    assert headgate(*command, "--yes") == (0, "40 runs opened, 2 runs existed before\n")


def test_a_backfill_without_a_date_opens_the_last_opening(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"backfill": {"opened": 1, "existing": 0, "business_date": "2026-11-20"}}

    assert headgate("backfill", "d1/ds1") == (0, "1 run opened\n")

    about = {"product": "d1/ds1", "action": "backfill", "actor": "ann"}
    assert running.calls == [
        {**about, "preview": True},
        {**about, "business_date": "2026-11-20", "until": "2026-11-20"},
    ]


RD1 = {"product": "raw/rd1", "pipeline": False, "cycles": None, "latest_date": "2026-11-20"}


def test_an_event_goes_to_the_central_bus(running: StandIn, headgate: Headgate) -> None:
    running.answers = {"product": RD1}
    failed = ("event", "raw/rd1", "--date", "2026-11-20", "--status", "ERROR", "--cycle", "1430")

    assert headgate(*failed) == (0, "published: Data Product Failed, raw/rd1 for 2026-11-20 1430\n")

    _, entry = running.calls
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


def test_an_event_of_another_account_than_the_products_is_refused(running: StandIn, headgate: Headgate) -> None:
    """Its consumers would refuse it. A stack of a mesh puts events as its own account."""
    central, ours = "arn:aws:events:x:999999999999:event-bus/c", "arn:aws:events:x:222222222222:event-bus/d"
    running.outputs |= {"CentralEventBusArn": central, "DomainEventBusArn": ours}
    running.answers = {"product": {**RD1, "publishers": ["111111111111"]}}
    code, printed = headgate("event", "raw/rd1")
    assert code == 3
    assert (
        "events of raw/rd1 count from account 111111111111 only, and the stand-in is in account 222222222222" in printed
    )
    assert headgate("event", "raw/rd1", "--force")[0] == 0
    running.answers = {"product": {**RD1, "publishers": ["222222222222"]}}
    assert headgate("event", "raw/rd1") == (0, "published: Data Product Refreshed, raw/rd1 for 2026-11-20\n")
    assert running.calls[-1]["EventBusName"] == central

    running.outputs = {"CentralEventBusArn": central, "EventArchiveArn": "arn:archive"}
    code, printed = headgate("event", "raw/rd1", "--date", "2026-11-20")
    assert code == 0
    assert (
        "warning: the event comes from account 999999999999; in a mesh it counts only if that is the account of raw"
        in printed
    )


def test_an_event_is_checked_before_it_goes_to_the_bus(running: StandIn, headgate: Headgate) -> None:
    def published() -> list[dict[str, Any]]:
        return [json.loads(each["Detail"]) for each in running.calls if "Detail" in each]

    running.answers = {"product": RD1}
    far = (datetime.now(UTC).date() + timedelta(days=8)).isoformat()
    code, printed = headgate("event", "raw/rd1", "--date", far)
    assert (code, "is more than 7 days ahead; if it is right, add --force" in printed) == (3, True)
    code, printed = headgate("event", "raw/rd1", "--cycle", "2:30")
    assert (code, "--cycle 2:30: expected a time of day as HHMM" in printed) == (2, True)
    running.answers = {"product": {**RD1, "cycles": ["0800", "1430"]}}
    for given, found in (((), "found an event without a cycle"), (("--cycle", "0900"), "found cycle 0900")):
        code, printed = headgate("event", "raw/rd1", *given)
        assert (code, found in printed, "expected --cycle with one of 0800, 1430" in printed) == (3, True, True)
    running.answers = {"product": {**RD1, "cycles": []}}
    assert "expected no --cycle, since it opens once a day" in headgate("event", "raw/rd1", "--cycle", "0900")[1]
    assert published() == []

    running.answers["product"]["event_dates"] = ["2016-11-20", "2026-11-27"]
    code, printed = headgate("event", "raw/rd1", "--date", far, "--force")
    assert code == 0
    assert "the stand-in refuses events that are dated outside 2016-11-20 to 2026-11-27" in printed
    assert headgate("event", "raw/rd1") == (0, "published: Data Product Refreshed, raw/rd1 for 2026-11-20\n")
    assert [each["business_date"] for each in published()] == [far, "2026-11-20"], "the default is the latest date"


def refuse(running: StandIn, monkeypatch: pytest.MonkeyPatch, kind: str, message: str) -> None:
    """Every call of a function is refused in that way."""

    def call(output: str, given: dict[str, Any]) -> Any:
        raise application._error({"errorType": kind, "errorMessage": message})

    monkeypatch.setattr(running, "call", call)


def test_an_event_of_an_unknown_product_is_refused(
    running: StandIn, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(running, monkeypatch, "UnknownProduct", "raw/rd")
    command = ("event", "raw/rd", "--date", "2026-11-20")

    assert headgate(*command) == (
        3,
        "headgate event: raw/rd: no such product in the catalog of the application; --force publishes the event without this check\n",
    )
    assert running.calls == []
    assert headgate(*command, "--force")[0] == 0
    assert len(running.calls) == 1


def test_an_event_of_a_product_with_a_pipeline_is_published_with_a_warning(
    running: StandIn, headgate: Headgate
) -> None:
    running.answers = {"product": {**RD1, "pipeline": True}}

    code, printed = headgate("event", "raw/rd1")

    assert (code, "warning: raw/rd1 has a pipeline here" in printed) == (0, True)
    assert len(json.loads(headgate("event", "raw/rd1", "--json")[1])["warnings"]) == 1
    del running.outputs["InquireFunctionName"]
    assert "the stand-in does not know the product's dates" in headgate("event", "raw/rd1")[1]
    assert "cannot check the product" in headgate("event", "raw/rd1", "--date", "2026-11-20")[1]


def test_a_refusal_has_its_own_exit_code_and_is_json(
    running: StandIn, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(running, monkeypatch, "IllegalTransition", "d1/ds1 is PROCESSING")

    assert headgate("rerun", "d1/ds1") == (3, "headgate rerun: d1/ds1 is PROCESSING\n")
    code, printed = headgate("rerun", "d1/ds1", "--json")
    assert (code, json.loads(printed)) == (3, {"error": "d1/ds1 is PROCESSING", "kind": "IllegalTransition"})


def test_questions_are_answered_in_print_and_as_json(running: StandIn, headgate: Headgate) -> None:
    common = {"business_date": "2026-11-20", "asked_at": "2026-11-20T09:00:00+00:00", "more": True}
    run = {
        **RUN, "status": "PROCESSING", "description": "A.", "owner": "ann", "timezone": "UTC", "started_at": "2026-11-20T08:00:00Z",
        "release_reason": "the last input arrived",
    }  # fmt: skip
    running.answers = {
        "status": {**common, "products": [{"product": "d1/ds1", "status": "PROCESSING"}]},
        "forecast": {**common, "products": []},
        "history": {**common, "entries": []},
        "why": {**common, "run": run},
    }

    assert "There are more products; choose a domain with --domain.\n" in headgate("status")[1]
    assert (
        headgate("history")[1]
        == "no entries\nThese are the latest entries; choose a product or fewer dates to see the earlier ones.\n"
    )
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
        (
            {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 55.00 seconds"},
            "the database of the application does not answer; if it sleeps, it takes about half a minute to wake up: try again .Task timed out after 55.00 seconds.",
        ),
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
