"""Who acts: the identity that AWS confirms is recorded, and the metadata says who may act on which domain."""

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import caller
import runtime
from headgate.cli import application, identity
from headgate.cli import operate as cli_operate
from state import catalog
from state.errors import BadEvent, NotAllowed, NotIdentified
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, invoke
from tests.state_world import PREFIX, World, at, external, product

ACCOUNT = "arn:aws:iam::123456789012"
ANN = "arn:aws:sts::123456789012:assumed-role/positions-oncall/ann@example.com"
ROBOT = f"{ACCOUNT}:user/automation/robot"
KEYS = {"aws_access_key_id": "AKIAANN", "aws_secret_access_key": "secret of ann", "aws_session_token": "session"}
METADATA = """
--- d1/domain.yaml
owner: a
operators: ["arn:aws:iam::*:role/positions-*"]
--- d1/x.yaml
description: x
"""
HOLD = {"action": "hold", "product": "d1/a", "actor": "somebody else"}


class Sts:
    """AWS's Security Token Service: it computes the signature of what it receives with the secret of the key, and says whose key that is."""

    def __init__(self) -> None:
        self.callers = {"AKIAANN": ("secret of ann", ANN), "AKIAROBOT": ("secret of the robot", ROBOT)}
        self.status = 200

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        if self.status != 200:
            return self.status, ""
        scheme, _, rest = headers["authorization"].partition(" ")
        parts = dict(each.strip().split("=", 1) for each in rest.split(","))
        key = parts["Credential"].split("/")[0]
        secret, arn = self.callers[key]
        signed = {name: headers[name] for name in parts["SignedHeaders"].split(";") if name != "host"}
        request = AWSRequest("POST", "https://sts.us-east-1.amazonaws.com/", signed, body)
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(Credentials(key, secret), "sts", "us-east-1")
        computed = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if (scheme, computed) != ("AWS4-HMAC-SHA256", parts["Signature"]):
            return (
                403,
                "<Message>The request signature we calculated does not match the signature you provided.</Message>",
            )
        return 200, f"<GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult>"


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    made = Sts()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = made.answer({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def deployed(world: World, aws: FakeAws, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> World:
    """An application on AWS: domain d1 names its operators, d2 does not."""
    monkeypatch.setenv("UNVERIFIED_CALLERS", "false")
    monkeypatch.setattr(runtime, "now", lambda: datetime.now(UTC))
    products = {"raw/in": external(), "d1/a": product("raw/in", name="a"), "d2/b": product("raw/in", name="b")}
    load(world, products, [f"{ACCOUNT}:role/teams/positions-*"])
    return world


def load(world: World, products: dict[str, Any], operators: list[str]) -> None:
    domains = {"d1": {"operators": operators}, "d2": {}}
    content = {"version": 1, "domains": domains, "calendars": {}, "products": products}
    now = at("2026-11-20 00:00")
    catalog.load(world.state, content, "upload", "abc", now, "test", now)


def signed(event: dict[str, Any], keys: dict[str, str] = KEYS, application: str = PREFIX) -> dict[str, Any]:
    return {**event, "identity": identity.signed(event, application, keys)}


def robot(event: dict[str, Any]) -> dict[str, Any]:
    return signed(event, {"aws_access_key_id": "AKIAROBOT", "aws_secret_access_key": "secret of the robot"})


def held(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT product_id, changed_by FROM data_product_hold_history WHERE held ORDER BY hold_id")


def test_the_recorded_actor_is_who_has_signed_the_request(deployed: World) -> None:
    invoke("operate", signed(HOLD))
    invoke("operate", robot({**HOLD, "product": "d2/b"}))

    assert held(deployed) == [("d1/a", ANN), ("d2/b", ROBOT)], "not who the event says it is"


def altered(event: dict[str, Any], **headers: str) -> dict[str, Any]:
    return {**event, "identity": {**event["identity"], **headers}}


def another_request() -> dict[str, Any]:
    """A signature of something else, with the digest of what is asked for put in its place."""
    event = {**HOLD, "identity": signed({**HOLD, "product": "d2/b"})["identity"]}
    return altered(event, **{"x-headgate-request": caller.digest(event, PREFIX)})


def hour_old() -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(hours=1)
    return altered(signed(HOLD), **{"x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}"})


def uncovered() -> dict[str, Any]:
    """A signature that anybody can make serve another request: it does not cover the digest."""
    event = signed(HOLD)
    text = event["identity"]["authorization"].replace(";x-headgate-request", "")
    return altered(event, authorization=text)


FORGED: dict[str, tuple[Any, str]] = {
    "unsigned": (lambda: HOLD, "is not signed"),
    "taken from another request": (
        lambda: {**HOLD, "identity": signed({**HOLD, "product": "d2/b"})["identity"]},
        "of another request",
    ),
    "with a digest put in": (another_request, "403 The request signature we calculated does not match"),
    "for another application": (lambda: signed(HOLD, application=f"{PREFIX}other-"), "for another application"),
    "old": (hour_old, "more than five minutes from now"),
    "not covering the digest": (uncovered, "does not cover"),
    "by somebody without the secret": (lambda: signed(HOLD, {**KEYS, "aws_secret_access_key": "guessed"}), "403"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_an_identity_that_aws_does_not_confirm_changes_nothing(deployed: World, kind: str) -> None:
    event, reason = FORGED[kind]
    with pytest.raises(NotIdentified, match=reason):
        invoke("operate", event())
    assert held(deployed) == []


def test_aws_that_does_not_answer_is_said_so(deployed: World, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    sts.status = 503
    with pytest.raises(NotIdentified, match="503"):
        invoke("operate", signed(HOLD))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(NotIdentified, match="did not answer"):
        invoke("operate", signed(HOLD))
    with pytest.raises(BadEvent, match="/identity/authorization"):
        invoke("operate", altered(signed(HOLD), authorization="AWS4-HMAC-SHA256 a\r\nHost: elsewhere"))


@pytest.mark.parametrize(
    ("operator", "allowed"),
    [
        (f"{ACCOUNT}:role/positions-oncall", True),
        (f"{ACCOUNT}:role/teams/deep/positions-*", True),  # a session's ARN has no path
        ("arn:aws:iam::*:role/*", True),
        (f"{ACCOUNT}:role/positions", False),
        ("arn:aws:iam::999999999999:role/positions-oncall", False),
        (f"{ACCOUNT}:user/ann@example.com", False),  # the name of a session is what the caller chose
        (f"{ACCOUNT}:user/positions-oncall/ann@example.com", False),
    ],
)
def test_who_may_act_on_a_domain(operator: str, allowed: bool) -> None:
    operators = {"d1": [f"{ACCOUNT}:role/others", operator]}
    if allowed:
        caller.check(ANN, operators)
        return
    with pytest.raises(
        NotAllowed, match=r"ann@example.com is no operator of .* d1: arn:aws:iam::123456789012:role/others"
    ):
        caller.check(ANN, operators)


def test_what_a_request_acts_on_needs_an_operator_of_its_domain(deployed: World) -> None:
    deployed.state.open_due_runs(at(f"{TODAY} 06:00"), "scheduler")
    backfill = {
        "action": "backfill",
        "product": "d1/a",
        "business_date": "2026-11-19",
        "until": TODAY,
        "at_once": 1,
        "actor": "x",
    }
    number = invoke("operate", signed(backfill))["backfill"]
    (effect,) = deployed.sql(
        "SELECT effect_id FROM effect e JOIN data_product_status r USING (run_id) WHERE r.product_id = 'd1/a' LIMIT 1"
    )[0]

    for request in (
        {"action": "rerun", "product": "d1/a"},
        {"action": "rerun", "product": "d1/a", "preview": True},
        {"action": "backfill", "domain": "d1", "business_date": TODAY},
        {"action": "backfill", "stop": number},
        {"action": "retry", "effect": effect},
        {"action": "retry", "all": True},
        {"action": "redrive", "all": True},
        {"action": "redrive", "letter": "00000000"},
    ):
        with pytest.raises(NotAllowed, match=r"user/automation/robot is no operator of .* d1: "):
            invoke("operate", robot({**request, "actor": "x"}))
    assert invoke("operate", robot({**HOLD, "product": "d2/b"}))["changed"]
    assert invoke("operate", signed({"action": "retry", "all": True, "actor": "x"}))["retried"] == 0

    load(deployed, {"raw/in": external(), "d1/a": product("raw/in", name="a")}, [f"{ACCOUNT}:user/*"])
    assert invoke("operate", robot(HOLD))["changed"], "the operators of the catalog of now"


def test_the_metadata_of_a_domain_names_its_operators(project: Callable[[str], Path], headgate: Headgate) -> None:
    folder = project(METADATA)
    assert headgate("generate")[0] == 0
    domains = json.loads((folder / "statemachines/catalog/catalog.json").read_bytes())["domains"]
    assert domains["d1"]["operators"] == ["arn:aws:iam::*:role/positions-*"]

    project(METADATA.replace("arn:aws:iam::*:role/positions-*", "positions"))
    code, printed = headgate("validate")
    assert (code, "expected the ARN of an IAM role or user" in " ".join(printed.split())) == (1, True), printed


def test_a_stack_is_sent_the_callers_signature_and_the_local_runtime_is_not(
    headgate: Headgate, deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    class Deployed(application.Application):
        def client(self, service: str) -> Any:
            return self

        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
            event = json.loads(Payload)
            sent.append(event)
            try:
                answer = {"Payload": io.BytesIO(json.dumps(invoke("operate", event)).encode())}
            except NotAllowed as error:
                body = {"errorType": type(error).__name__, "errorMessage": str(error)}
                return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}
            return answer

    outputs = {"OperateFunctionName": "operate", "StateMachineArnPrefix": PREFIX}
    stack = Deployed("stack headgate", outputs, KEYS, signs=True)
    monkeypatch.setattr(cli_operate, "application", lambda arguments: stack)
    assert headgate("hold", "d1/a")[0] == 0
    assert held(deployed) == [("d1/a", ANN)]
    assert "secret of ann" not in json.dumps(sent)

    load(deployed, {"raw/in": external(), "d1/a": product("raw/in", name="a")}, [ROBOT])
    code, printed = headgate("release", "d1/a")
    assert (code, "is no operator of what the request acts on" in printed) == (3, True)

    monkeypatch.setenv("UNVERIFIED_CALLERS", "true")
    stack = Deployed("the local runtime", outputs, KEYS)
    assert headgate("release", "d1/a")[0] == 0
    assert "identity" not in sent[-1]


def test_both_sides_sign_the_same() -> None:
    for name in ("BODY", "OF_REQUEST", "SUFFIXES"):
        assert getattr(caller, name) == getattr(identity, name)


BOARD = "arn:aws:iam::123456789012:role/headgate-board-us-east-1"
BEHALF = {"on_behalf_of": "oidc:login.example.com:u-1 (Ann Example)"}


@pytest.fixture
def board(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The keys of the hosted board."""
    monkeypatch.setenv("BOARD_ROLE", BOARD)
    sts.callers["AKIABOARD"] = ("secret of the board", "arn:aws:sts::123456789012:assumed-role/headgate-board-us-east-1/function")  # fmt: skip
    return {"aws_access_key_id": "AKIABOARD", "aws_secret_access_key": "secret of the board"}


def test_the_hosted_board_acts_on_behalf_of_the_person_whom_it_has_identified(
    deployed: World, board: dict[str, str]
) -> None:
    invoke("operate", signed({**HOLD, "product": "d2/b", **BEHALF}, board))
    assert deployed.sql("SELECT changed_by FROM data_product_hold_history") == [(BEHALF["on_behalf_of"],)]


def test_nobody_else_does(deployed: World, board: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed, match=r"ann@example\.com is not the hosted board of this application"):
        invoke("operate", signed({**HOLD, **BEHALF}))
    monkeypatch.setenv("BOARD_ROLE", "")
    with pytest.raises(NotAllowed, match="is not the hosted board of this application"):
        invoke("operate", signed({**HOLD, "product": "d2/b", **BEHALF}, board))


def test_a_domain_with_operators_names_the_board_or_is_closed_to_it(deployed: World, board: dict[str, str]) -> None:
    with pytest.raises(NotAllowed, match="is no operator of what the request acts on"):
        invoke("operate", signed({**HOLD, **BEHALF}, board))


def test_a_signature_of_the_board_is_for_one_person(deployed: World, board: dict[str, str]) -> None:
    event = signed({**HOLD, "product": "d2/b", **BEHALF}, board)
    with pytest.raises(NotIdentified, match="the signature is of another request"):
        invoke("operate", {**event, "on_behalf_of": "oidc:login.example.com:u-2"})


def test_the_board_signs_as_its_role(deployed: World, board: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import board_applications
    from snapshot_places import Place

    keys = Credentials(board["aws_access_key_id"], board["aws_secret_access_key"]).get_frozen_credentials()
    monkeypatch.setattr(board_applications, "credentials", lambda: keys)
    monkeypatch.setattr(board_applications, "_called", lambda place, function, event: invoke(function, event))
    board_applications.act(Place.of_machines(PREFIX), {"action": "hold", "product": "d2/b"}, BEHALF["on_behalf_of"])
    assert deployed.sql("SELECT count(*) FROM data_product_hold_history") == [(1,)]
