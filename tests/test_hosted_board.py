"""The hosted board: what its function answers from snapshots and from applications, and to whom."""

import gzip
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import board_applications
import hosted_board
import runtime
import snapshot_age
from columns import columns, rows
from headgate.local.postgres import Postgres
from page_requests import AnswerError
from snapshot_places import Place
from tests.board_world import MESH, NOW, morning
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke
from tests.hosted_world import Hosted, person, started
from tests.state_steps import DAY, complete, wait
from tests.state_world import PREFIX, World, at, new_world

HERE = "123456789012/us-east-1/"
BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "board_hosted.py"
RISK = {"BOARD_CLAIM": "cognito:groups", "BOARD_PERMISSIONS": json.dumps({"risk-team": {"read": ["finance"], "operate": ["risk"]}, "staff": {"read": ["risk"]}, "admins": {"operate": ["*"]}})}  # fmt: skip


@pytest.fixture(scope="module")
def seen(postgres: Postgres) -> Iterator[World]:
    """A morning that the tests of this module only look at."""
    with new_world(postgres) as made:
        morning(made)
        yield made


@pytest.fixture
def hosted(seen: World, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    board = started(monkeypatch)
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    board.snapshot()
    return board


def test_a_snapshot_has_what_the_question_answers(hosted: Hosted, seen: World) -> None:
    status, answer = hosted.get("status", columns="true")
    asked = invoke("inquire", {"question": "status"})
    assert status == 200
    assert answer["live"] is True
    assert answer["written_at"] == NOW.isoformat()
    found = {row["product"]: row for row in rows(answer["products"], DAY)}
    assert found.keys() == MESH.keys()
    assert columns(list(found.values()), DAY) == columns(asked["products"], DAY)
    assert hosted.asked == [], "looking asks no application, so it wakes no database"


def test_the_mesh_and_the_forecast_come_from_the_snapshot_too(hosted: Hosted, seen: World) -> None:
    _, mesh = hosted.get("mesh")
    asked = invoke("inquire", {"question": "mesh"})
    (part,) = mesh["parts"]
    assert {key: part[key] for key in ("products", "others", "dependencies")} == {key: asked[key] for key in ("products", "others", "dependencies")}  # fmt: skip
    assert hosted.get("mesh", digest=mesh["digest"])[1]["unchanged"] is True
    _, forecast = hosted.get("forecast", business_date=str(DAY))
    assert forecast["products"] == invoke("inquire", {"question": "forecast"})["products"]
    assert hosted.asked == []


def test_the_critical_path_of_the_day_and_the_freshness_wake_no_database(hosted: Hosted) -> None:
    status, answer = hosted.get("critical_path", business_date=str(DAY))
    asked = invoke("inquire", {"question": "critical_path"})
    assert (status, answer["product"], answer["path"]) == (200, asked["product"], asked["path"])
    _, fresh = hosted.get("freshness", columns="true")
    given = rows(fresh["products"], NOW.date())
    assert columns(given, DAY) == columns(invoke("inquire", {"question": "freshness"})["products"], DAY)
    assert hosted.get("freshness", tag=hosted.tag("freshness")) == (304, None)
    assert hosted.asked == []
    assert hosted.get("critical_path", product="core/issuers")[1]["path"][-1]["product"] == "core/issuers"
    assert len(hosted.asked) == 1, "of a product that somebody has chosen the application is asked"


def test_who_sees_a_domain_sees_its_freshness_and_a_path_that_leads_to_it(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = started(monkeypatch, RISK)
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    board.snapshot()
    risk, finance = (person(**{"cognito:groups": each}) for each in ("staff", "risk-team"))
    found = rows(board.get("freshness", risk)[1]["products"], NOW.date())
    assert {row["product"].split("/")[0] for row in found} == {"risk"}
    assert board.get("critical_path", risk)[1]["path"] == [], "that of the day leads to finance/report"
    assert board.get("critical_path", finance)[1]["product"] == "finance/report"


def test_the_board_says_how_old_each_snapshot_is_and_whether_one_is_overdue(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a change one is written with each regular tick, here every hour; one of them may come a moment too early to count."""
    _, about = hosted.get("about")
    assert about["snapshots"] == [{"application": HERE, "written_at": NOW.isoformat()}]
    assert about["may_read_logs"] is False
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(hours=2, minutes=11))
    (age,) = hosted.get("about")[1]["snapshots"]
    assert age["overdue_since"] == (NOW + timedelta(hours=2, minutes=10)).isoformat()
    assert hosted.asked == [], "the board knows it without the application"


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("cron(0 * * * ? *)", 60),
        ("rate(10 minutes)", 10),
        ("rate(1 day)", 1440),
        ("cron(0 6 * * ? *)", 1440),
        ("", 1440),
    ],
)
def test_the_regular_tick_says_when_a_snapshot_is_written_at_the_latest(expression: str, minutes: int) -> None:
    assert snapshot_age.between_ticks(expression) == timedelta(minutes=minutes)


def test_a_snapshot_of_the_release_before_has_less(hosted: Hosted) -> None:
    for key in list(hosted.bucket.objects):
        content = hosted.bucket.read(key)
        for newer in ("critical_path", "freshness", "fresh", "tick"):
            content.pop(newer, None)
        hosted.bucket.objects[key] = gzip.compress(json.dumps(content).encode())
    assert hosted.get("critical_path")[1]["path"] == []
    assert rows(hosted.get("freshness")[1]["products"], NOW.date()) == []
    assert hosted.get("about")[1]["snapshots"][0]["written_at"] == NOW.isoformat()


def test_who_has_the_latest_gets_nothing_again(hosted: Hosted) -> None:
    tag = hosted.tag("status", columns="true")
    hosted.bucket.calls.clear()
    assert hosted.get("status", columns="true", tag=tag) == (304, None)
    assert hosted.bucket.calls == [], "the bucket was listed less than four seconds ago"


def test_a_snapshot_is_written_when_something_has_changed_and_not_otherwise(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = started(monkeypatch)
    morning(world)
    dates = [str(DAY - timedelta(days=back)) for back in range(3)]
    assert board.snapshot() == [*(f"snapshots/{HERE}/{each}.json.gz" for each in dates), f"snapshots/{HERE}/mesh.json.gz", f"heads/{HERE}.json.gz"]  # fmt: skip
    assert board.snapshot() == []
    tag = board.tag("status")
    complete(world, "core/positions", now="2026-11-20 09:00")
    assert board.snapshot() == [f"snapshots/{HERE}/{DAY}.json.gz", f"heads/{HERE}.json.gz"]
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(seconds=5))
    status, answer = board.get("status", tag=tag)
    found = {row["product"]: row["status"] for row in rows(answer["products"], DAY)}
    assert (status, found["core/positions"]) == (200, "COMPLETED")
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(hours=1, seconds=1))
    assert len(board.snapshot()) == 4, "rows change with the time as well"


IN_SHADOW = [{"since": "2026-11-20T08:00:00+00:00"}]


def test_an_application_in_shadow_says_so(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it is, although no run has changed: the head says it, and who has the latest rows hears of it."""
    board = started(monkeypatch)
    morning(world)
    board.snapshot()
    tag = board.tag("status")
    assert "shadow" not in board.get("status")[1]
    world.state.set_mode(True, True, "deployment", at("2026-11-20 08:00"))
    assert board.snapshot() == [f"heads/{HERE}.json.gz"]
    monkeypatch.setattr(runtime, "now", lambda: NOW + timedelta(seconds=5))
    status, answer = board.get("status", tag=tag)
    assert (status, answer["shadow"]) == (200, IN_SHADOW)
    assert board.get("status", business_date="2026-11-13")[1]["shadow"] == IN_SHADOW, "of a date that is asked for, too"
    monkeypatch.setattr("board_answers.WHOLE", 5)
    assert board.get("status")[1]["shadow"] == IN_SHADOW, "and where a large board begins with its domains"
    assert "shadow" not in board.get("forecast")[1]


def test_of_several_applications_the_one_in_shadow_is_named(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(hosted, "222222222222", {"risk": "hazard", "finance": "money", "core": "heart", "marketing": "shop"})
    name = "222222222222/eu-west-1/hg-"
    head = {**hosted.bucket.read(f"heads/{name}.json.gz"), "shadow": IN_SHADOW}
    hosted.bucket.objects[f"heads/{name}.json.gz"] = gzip.compress(json.dumps(head).encode())
    assert hosted.get("status")[1]["shadow"] == [{**IN_SHADOW[0], "application": name}]
    assert "shadow" not in hosted.get("status", domain="risk")[1], "its rows are of the application that acts"


def test_a_snapshot_asks_the_database_as_often_as_the_costs_say(
    world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual one: something has changed on one date."""
    board = started(monkeypatch)
    morning(world)
    board.snapshot()
    complete(world, "core/positions", now="2026-11-20 09:00")
    asked: list[str] = []
    execute = world.database.execute

    def counted(sql: str, *given: Any) -> list[Any]:
        asked.append(sql)
        return execute(sql, *given)

    monkeypatch.setattr(world.database, "execute", counted)
    assert board.snapshot() == [f"snapshots/{HERE}/{DAY}.json.gz", f"heads/{HERE}.json.gz"]
    said = re.search(r"^CALLS_A_SNAPSHOT = (\d+)", BENCHMARK.read_text("utf-8"), re.MULTILINE)
    assert said is not None
    assert len(asked) == int(said[1]), asked


def test_a_date_that_no_snapshot_is_kept_of_is_asked_for(hosted: Hosted) -> None:
    """Once for each time that somebody chooses it: `live` is false, and the page does not ask again by itself."""
    before = str(DAY - timedelta(days=7))
    status, answer = hosted.get("status", business_date=before, columns="true")
    assert (status, answer["live"], answer["business_date"]) == (200, False, before)
    assert [event["question"] for _, event in hosted.asked] == ["status"]
    assert hosted.get("forecast", business_date=before)[1]["products"] == []
    assert len(hosted.asked) == 1, "the forecast is asked for by itself, so it wakes nothing"


def test_a_click_asks_the_application_of_the_product(hosted: Hosted) -> None:
    status, answer = hosted.get("why", product="risk/concentration", business_date=str(DAY))
    assert (status, answer["run"]["status"]) == (200, "WAITING")
    assert hosted.asked[0][0] == "arn:aws:lambda:us-east-1:123456789012:function:inquire"
    assert hosted.get("why", product="nowhere/x") == (404, {"error": "UnknownProduct", "message": "no application of this board has the domain nowhere"})  # fmt: skip
    assert hosted.get("why") == (400, {"error": "BadEvent", "message": "the question why needs `product`"})
    assert hosted.get("batch", batch="x") == (400, {"error": "BadEvent", "message": "batch is x, which is no number"})


@pytest.mark.parametrize("groups", ["[risk-team staff]", '["risk-team", "staff"]', "risk-team,staff"])
def test_somebody_sees_the_domains_that_the_claim_names(
    seen: World, monkeypatch: pytest.MonkeyPatch, groups: str
) -> None:
    board = started(monkeypatch, RISK)
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    board.snapshot()
    ann = person(**{"cognito:groups": groups})
    _, status = board.get("status", ann)
    assert {row["product"].split("/")[0] for row in rows(status["products"], DAY)} == {"risk", "finance"}
    (part,) = board.get("mesh", ann)[1]["parts"]
    assert set(part["products"]["columns"]["product"]["values"]) == {name for name in MESH if name.startswith(("risk/", "finance/"))}  # fmt: skip
    assert set(part["others"]) == {"core/positions", "core/trades", "core/issuers"}, "what these wait for, by name"
    assert {row["product"].split("/")[0] for row in board.get("forecast", ann)[1]["products"]} <= {"risk", "finance"}
    assert board.get("why", ann, product="core/trades")[1] == {"error": "NotAllowed", "message": "you may not see the domain core; you may see finance, risk"}  # fmt: skip
    everything: list[tuple[str, dict[str, str]]] = [
        ("health", {}), ("dead_letters", {}), ("history", {}), ("files", {}), ("changes", {}), ("batch", {"batch": "1"}), ("open_runs", {}),
        ("file", {"file": "1", "product": "risk/limits"}), ("health", {"domain": "risk"}), ("dead_letter", {"letter": "0" * 8, "product": "risk/limits"}),
    ]  # fmt: skip
    for question, about in everything:
        assert board.get(question, ann, **about)[0] == 403, question
    assert board.asked == []
    found = board.get("search", ann, words="core")[1]["products"] + board.get("alerts", ann)[1]["alerts"]
    assert all(each["product"].startswith(("risk/", "finance/")) for each in found)
    assert board.get("shadow", ann)[1]["unmatched"] == [], "job runs of no product are of no domain"
    assert board.get("about", ann)[1]["acts_on"] == ["risk"]
    assert board.get("about", {**ann, "scope": "headgate/read"})[1]["acts_on"] == []
    nobody = board.get("status", person())[1]
    assert nobody["error"] == "UnknownProduct"


def test_the_values_of_the_claim_are_domains_where_nothing_else_is_said(
    seen: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = started(monkeypatch, {"BOARD_CLAIM": "headgate_domains"})
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    board.snapshot()
    assert board.get("why", person(headgate_domains="risk"), product="risk/limits")[0] == 200
    assert board.get("why", person(headgate_domains="finance"), product="risk/limits")[0] == 403
    assert board.get("health", person(headgate_domains="[*]"))[0] == 200


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (person(scope="openid headgate/operate"), "your sign-in does not permit this: its token has no scope headgate/read"),
        (person(scope=""), "your sign-in does not permit this: its token has no scope headgate/read"),
        (person(sub=""), "the token does not say who you are: it has no `sub`, or is of another issuer"),
        (person(iss="https://login.example.com/other"), "the token does not say who you are: it has no `sub`, or is of another issuer"),
    ],
)  # fmt: skip
def test_a_token_for_something_else_is_refused(hosted: Hosted, claims: dict[str, str], message: str) -> None:
    assert hosted.get("status", claims)[0] == 403
    assert hosted.get("status", claims)[1]["message"] == message


@pytest.fixture
def acting(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    morning(world)
    board = started(monkeypatch, RISK)
    board.snapshot()
    return board


OPERATOR = person(**{"cognito:groups": "risk-team"})
HOLD = {"product": "risk/exposure", "business_date": str(DAY)}


def test_an_action_is_what_its_preview_has_shown_and_says_who_did_it(acting: Hosted, world: World) -> None:
    status, preview = acting.post("hold", {**HOLD, "preview": True}, OPERATOR)
    assert status == 200
    assert [each["product"] for each in preview["runs"]] == ["risk/exposure"]
    assert world.run("risk/exposure", str(DAY))["held"] is False
    status, _ = acting.post("hold", {**HOLD, "expect": preview["digest"], "actor": "the director", "on_behalf_of": "oidc:x:y"}, OPERATOR)  # fmt: skip
    assert (status, world.run("risk/exposure", str(DAY))["held"]) == (200, True)
    entry = invoke("inquire", {"question": "history", "product": "risk/exposure"})["entries"][-1]
    assert entry["by"] == "oidc:login.example.com:u-1 (Ann Example)"


def test_a_confirmation_is_refused_once_something_else_would_happen(acting: Hosted, world: World) -> None:
    _, preview = acting.post("hold", {**HOLD, "preview": True}, OPERATOR)
    complete(world, "core/positions", now="2026-11-20 09:00")
    world.event("core/positions", str(DAY), NOW, attempt=1)
    wait(world, "risk/exposure", now="2026-11-20 09:00")
    status, answer = acting.post("hold", {**HOLD, "expect": preview["digest"]}, OPERATOR)
    assert (status, answer["error"]) in ((409, "ChangedMeanwhile"), (409, "IllegalTransition"))


REFUSED: list[tuple[Any, int, str]] = [
    (HOLD, 400, "an action needs the digest of its preview"),
    ({**HOLD, "product": "core/trades", "preview": True}, 403, "you may not act on the domain core; you may act on risk. Nothing has been changed"),
    ({**HOLD, "product": "finance/report", "preview": True}, 403, "you may not act on the domain finance"),
    ({"files": [1], "preview": True, "product": "risk/exposure"}, 403, "acts on more than one domain"),
    ({"domain": "core", "preview": True}, 403, "you may not act on the domain core"),
    ({"preview": True}, 403, "acts on more than one domain, and you may act on risk"),
    ("[]", 400, "the body of an action is a JSON object"),
    ("{", 400, "the body of an action is a JSON object"),
    ("x" * 100_001, 400, "the body of an action has at most 100,000 bytes"),
]  # fmt: skip


def test_what_somebody_may_not_do_is_refused_with_a_sentence(seen: World, monkeypatch: pytest.MonkeyPatch) -> None:
    board = started(monkeypatch, RISK)
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    board.snapshot()
    for given, status, message in REFUSED:
        found, answer = board.post("hold", given, OPERATOR)
        assert (found, message in answer["message"]) == (status, True), answer
    assert board.asked == [], "the application is not even asked"


def test_acting_needs_its_scope_and_json(acting: Hosted) -> None:
    assert "acts_on" not in acting.get("about", person(**{"cognito:groups": "admins"}))[1], "everywhere"
    reader = person(scope="headgate/read", **{"cognito:groups": "risk-team"})
    status, answer = acting.post("hold", {**HOLD, "preview": True}, reader)
    assert (status, answer["message"]) == (403, "your sign-in does not permit this: its token has no scope headgate/operate")  # fmt: skip
    assert acting.post("hold", json.dumps(HOLD), OPERATOR, kind="text/plain")[1]["message"] == "the body of an action is JSON"  # fmt: skip
    assert acting.post("retry", {"all": True, "expect": "x"}, OPERATOR)[0] == 403
    assert acting.post("hold", {**HOLD, "preview": True}, person(**{"cognito:groups": "admins"}))[0] == 200


def test_the_page_is_served_as_it_stands(hosted: Hosted) -> None:
    status, headers, body = hosted.request("GET /", {}, {})
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body == (hosted_board.PAGE / "index.html").read_bytes()
    assert "connect-src 'self' https://login.example.com https://tokens.example.com;" in headers["content-security-policy"]  # fmt: skip
    assert "unsafe" not in headers["content-security-policy"]
    assert {headers[name] for name in ("x-content-type-options", "x-frame-options", "referrer-policy")} == {"nosniff", "DENY", "no-referrer"}  # fmt: skip
    status, headers, body = hosted.request("GET /{file+}", {}, {}, path="/pages/today.js")
    assert (status, body) == (200, (hosted_board.PAGE / "pages" / "today.js").read_bytes())
    assert hosted.request("GET /{file+}", {}, {}, headers={"if-none-match": headers["etag"]}, path="/pages/today.js")[0] == 304  # fmt: skip
    for path in ("/../template.yaml", "/pages/../../api.py", "//etc/passwd", "/api/status/x", "/%2e%2e/api.py"):
        assert hosted.request("GET /{file+}", {}, {}, path=path)[0] == 404, path
    _, _, config = hosted.request("GET /config", {}, {})
    assert json.loads(config) == {"issuer": "https://login.example.com/tenant", "client_id": "board", "scope": "openid profile api://board/headgate/read api://board/headgate/operate"}  # fmt: skip


def copied(hosted: Hosted, account: str, domains: dict[str, str], day: str = str(DAY)) -> None:
    """The snapshots of another account: the same, with other names of domains."""
    for key in [each for each in hosted.bucket.objects if HERE in each]:
        text = json.dumps(hosted.bucket.read(key))
        for name, other in domains.items():
            text = text.replace(f"{name}/", f"{other}/").replace(f'"{name}": ', f'"{other}": ')
        body = gzip.compress(text.replace(str(DAY), day).encode())
        hosted.bucket.objects[key.replace(HERE, f"{account}/eu-west-1/hg-").replace(str(DAY), day)] = body


def test_several_accounts_are_one_page(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(hosted, "222222222222", {"risk": "hazard", "finance": "money", "core": "heart", "marketing": "shop"})
    copied(hosted, "333333333333", {"risk": "late", "finance": "l2", "core": "l3", "marketing": "l4"}, "2026-11-01")
    _, answer = hosted.get("status", columns="true")
    found = {row["product"]: row for row in rows(answer["products"], DAY)}
    assert found["hazard/limits"]["application"] == "222222222222/eu-west-1/hg-"
    assert found["risk/limits"]["application"] == HERE
    assert len(found) == len(MESH) + len([each for each in MESH if not each.startswith("raw/")])
    assert answer["unreachable"] == [{"application": "333333333333/eu-west-1/hg-", "message": "it has no runs of 2026-11-20; its latest date is 2026-11-01"}]  # fmt: skip
    assert len(hosted.get("mesh")[1]["parts"]) == 3
    hosted.get("why", product="hazard/limits")
    assert hosted.asked[-1][0] == "arn:aws:lambda:eu-west-1:222222222222:function:hg-inquire"
    assert hosted.get("file", file="1")[1]["message"] == "the question file needs `application`: it is about what one of them knows"  # fmt: skip
    assert {row["product"] for row in rows(hosted.get("status", domain="hazard")[1]["products"], DAY)} == {"hazard/exposure", "hazard/concentration", "hazard/limits"}  # fmt: skip


def test_a_large_board_begins_with_its_domains(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of all products would be a megabyte of every visit: the first page has the numbers of each domain, and a domain has its rows."""
    monkeypatch.setattr("board_answers.WHOLE", 5)
    _, answer = hosted.get("status", columns="true")
    assert answer["products"] == []
    counts = {each["domain"]: {key: value for key, value in each.items() if value and key not in ("application", "business_date", "domain")} for each in answer["overview"]}  # fmt: skip
    assert counts == {
        "core": {"products": 4, "late": 2, "done": 2},
        "finance": {"products": 2, "held": 1, "done": 1},
        "marketing": {"products": 1, "waiting": 1},
        "risk": {"products": 3, "failed": 1, "waiting": 2},
    }
    assert hosted.get("status", tag=hosted.tag("status")) == (304, None)
    _, domain = hosted.get("status", domain="risk")
    assert {row["product"] for row in rows(domain["products"], DAY)} == {"risk/exposure", "risk/concentration", "risk/limits"}  # fmt: skip
    assert len(hosted.get("mesh", domain="risk")[1]["parts"]) == 1
    assert hosted.get("mesh")[1]["parts"] == []


@pytest.mark.parametrize("kind", ["StateUnavailable", "Sandbox.Timedout"])
def test_a_database_that_does_not_answer_is_said_to_sleep(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    class Functions:
        def invoke(self, **given: Any) -> dict[str, Any]:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps({"errorType": kind}).encode())}

    monkeypatch.setattr(board_applications, "functions", lambda region: Functions())
    with pytest.raises(
        AnswerError, match="does not answer; if it sleeps, it takes about half a minute to wake up"
    ) as refused:
        board_applications.ask(Place.of_machines(PREFIX), {"question": "why", "product": "d/x"})
    assert refused.value.status == 502


def test_a_board_without_snapshots_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> None:
    board = started(monkeypatch)
    assert board.get("status") == (404, {"error": "UnknownProduct", "message": "no application has written a snapshot for this board yet: it does after its next change"})  # fmt: skip


def test_rows_and_columns_say_the_same(seen: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "state", lambda: seen.state)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    given = invoke("inquire", {"question": "status"})["products"]
    found = rows(json.loads(json.dumps(columns(given, DAY))), DAY)
    moments = [
        (moment(one), moment(other))
        for row, its in zip(given, found, strict=True)
        for key in row
        for one, other in [(row[key], its[key])]
        if key.endswith(("_at", "_until"))
    ]
    assert moments
    assert all(one == other for one, other in moments)
    assert [{key: value for key, value in row.items() if not key.endswith(("_at", "_until"))} for row in found] == [{key: value for key, value in row.items() if not key.endswith(("_at", "_until"))} for row in given]  # fmt: skip


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
