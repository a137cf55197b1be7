"""The server of the board: who may ask it, what it answers, and what it merges of several applications."""

import base64
import hashlib
import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headgate.board.api import AnswerError, Board
from headgate.board.serving import token_of
from headgate.board.vendor import PINS, VENDOR, digest
from tests.board_world import serving

PAGE = Path(__file__).parent.parent / "board" / "page"


@dataclass
class Fake:
    """An application that answers with what the test gives."""

    name: str
    answers: dict[str, Any] = field(default_factory=dict)
    acted: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        found = self.answers[event["question"]]
        if isinstance(found, Exception):
            raise found
        return {**found, "asked": event} if event["question"] != "status" else dict(found)

    def act(self, event: dict[str, Any]) -> Any:
        self.acted.append(event)
        if event.get("expect") == "0" * 32:
            raise AnswerError("ChangedMeanwhile", "something else would be changed by now")
        return {"digest": "d" * 32, "runs": []}


STATUS: dict[str, Any] = {"business_date": "2026-11-20", "asked_at": "2026-11-20T09:00:00+00:00", "products": [{"product": "raw/in", "key": "raw/in", "status": "EXPECTED"}], "more": False}  # fmt: skip


@dataclass
class Client:
    address: str

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        parts = urllib.parse.urlsplit(self.address)
        given = {"Authorization": f"Bearer {parts.fragment.removeprefix('token=')}"} | {
            key.replace("_", "-"): value for key, value in headers.items()
        }
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def act(self, name: str, given: dict[str, Any], **headers: str) -> tuple[int, Any]:
        status, _, body = self.ask(f"/api/{name}", "POST", json.dumps(given).encode(), **{"Content_Type": "application/json", **headers})  # fmt: skip
        return status, json.loads(body)


@pytest.fixture(scope="module")
def fake() -> Fake:
    return Fake("orders", {"status": STATUS, "why": {"run": {}}, "product": {"pipeline": True}})


@pytest.fixture(scope="module")
def client(fake: Fake) -> Iterator[Client]:
    with serving(Board([fake])) as address:
        yield Client(address)


def test_a_question_is_answered_with_the_token_only(client: Client) -> None:
    status, _, body = client.ask("/api/status")
    assert (status, json.loads(body)["products"][0]["product"]) == (200, "raw/in")
    for wrong in ("", "Bearer", "Bearer x"):
        status, _, body = client.ask("/api/status", Authorization=wrong)
        assert (status, b"raw/in" in body) == (401, False)
        assert b"open the address that `headgate board` or `headgate up` has printed" in body


def test_the_name_of_somebody_elses_host_leads_nowhere(client: Client) -> None:
    """DNS rebinding: a page of another name that resolves to this machine."""
    for host in ("evil.example", "127.0.0.1", "evil.example:80", "127.0.0.1.evil.example"):
        for path in ("/", "/api/status"):
            assert client.ask(path, Host=host)[0] == 421


def test_a_page_of_another_origin_may_not_ask(client: Client) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        assert client.ask("/api/status", Origin=origin)[0] == 403
    own = client.address.split("/#")[0]
    assert client.ask("/api/status", Origin=own)[0] == 200


def test_nothing_is_done_by_get_and_no_form_can_send_an_action(client: Client, fake: Fake) -> None:
    fake.acted.clear()
    client.ask("/api/status?action=rerun&product=raw/in&preview=true")
    assert fake.acted == []
    status, answer = client.act("rerun", {"product": "raw/in", "preview": True}, Content_Type="text/plain")
    assert (status, answer["error"], fake.acted) == (400, "BadEvent", [])


def test_an_action_is_a_preview_or_bound_to_one(client: Client, fake: Fake) -> None:
    fake.acted.clear()
    status, answer = client.act("rerun", {"product": "raw/in"})
    assert (status, fake.acted) == (400, [])
    assert answer["message"] == "an action needs the digest of its preview in `expect`; nothing has been changed"
    assert client.act("rerun", {"product": "raw/in", "preview": True})[0] == 200
    assert client.act("rerun", {"product": "raw/in", "expect": "d" * 32})[0] == 200
    status, answer = client.act("rerun", {"product": "raw/in", "expect": "0" * 32})
    assert (status, answer) == (409, {"error": "ChangedMeanwhile", "message": "something else would be changed by now"})
    assert [each["action"] for each in fake.acted] == ["rerun"] * 3


def test_the_body_of_an_action_is_checked(client: Client) -> None:
    headers = {"Content_Type": "application/json"}
    for body in (b"", b"[]", b"{", b"\xff", b'{"x": "' + b"x" * 200_000 + b'"}'):
        assert client.ask("/api/rerun", "POST", body, **headers)[0] == 400


def test_an_answer_that_has_not_changed_is_not_sent_again(client: Client) -> None:
    _, headers, _ = client.ask("/api/status")
    status, _, body = client.ask("/api/status", If_None_Match=headers["etag"])
    assert (status, body) == (304, b"")


def test_the_page_may_load_nothing_but_its_own_files(client: Client) -> None:
    status, headers, body = client.ask("/", Authorization="")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    (map_,) = re.findall(rb'<script type="importmap">(.*?)</script>', body, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(map_).digest()).decode()}'" in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"], headers["x-frame-options"]) == ("nosniff", "no-referrer", "DENY")  # fmt: skip
    for path in json.loads(map_)["imports"].values():
        assert client.ask(path.removeprefix("."))[0] == 200


@pytest.mark.parametrize("path", ["/../server.py", "/%2e%2e/server.py", "/vendor/../../guard.py", "/.git/config"])
def test_only_files_of_the_page_are_served(client: Client, path: str) -> None:
    assert client.ask(path)[0] == 404


def test_several_applications_are_one_board() -> None:
    there = {"product": "raw/in", "key": "raw/in", "status": "COMPLETED"}
    here = {"product": "d/a", "key": "d/a", "status": "WAITING"}
    one = Fake("one", {"status": {**STATUS, "products": [there]}, "product": {"pipeline": True}, "why": {"run": 1}})
    two = Fake("two", {"status": {**STATUS, "products": [*STATUS["products"], here], "more": True}, "product": {"pipeline": False}, "why": {"run": 2}})  # fmt: skip
    board = Board([two, one])

    answer = board.question("status", {})
    assert sorted((each["product"], each["status"], each["application"]) for each in answer["products"]) == [
        ("d/a", "WAITING", "two"),
        ("raw/in", "COMPLETED", "one"),
    ]
    assert answer["more"] is True
    assert board.question("why", {"product": "raw/in"})["run"] == 1, "of the application that refreshes it"
    board.action("hold", {"product": "raw/in", "preview": True})
    assert (len(one.acted), len(two.acted)) == (1, 0)
    with pytest.raises(AnswerError, match="one of two, one"):
        board.action("mute", {"domain": "d", "preview": True})
    with pytest.raises(AnswerError, match="no application is named three; there are two, one"):
        board.question("status", {"application": "three"})


def test_an_application_that_does_not_answer_does_not_hide_the_others() -> None:
    away = AnswerError("", "the stack does not answer")
    board = Board([Fake("one", {"status": STATUS}), Fake("two", {"status": away})])
    answer = board.question("status", {})
    assert answer["unreachable"] == [{"application": "two", "message": "the stack does not answer"}]
    assert [each["product"] for each in answer["products"]] == ["raw/in"]
    with pytest.raises(AnswerError, match="does not answer"):
        Board([Fake("two", {"status": away})]).question("status", {})


def test_the_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert (len(token) > 40, (tmp_path / "board-token").stat().st_mode & 0o777) == (True, 0o600)
    assert token_of(tmp_path) == token
    (tmp_path / "board-token").chmod(0o644)
    assert token_of(tmp_path) != token, "others may have read it"


def test_libraries_are_what_is_pinned_and_nothing_comes_from_elsewhere() -> None:
    pins = {pin["file"]: pin for pin in json.loads(PINS.read_text("utf-8"))}
    assert {path.name for path in VENDOR.iterdir() if path.suffix == ".js"} == pins.keys()
    for name, pin in pins.items():
        assert digest((VENDOR / name).read_bytes()) == pin["integrity"]
        assert (VENDOR / f"{name}.license").read_text("utf-8").strip()
    for path in PAGE.rglob("*.*"):
        if path.is_file() and path.suffix in (".js", ".css", ".html"):
            addresses = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8")))
            assert all(each.startswith("http://www.w3.org/") for each in addresses), path


def test_modules_of_the_page_stay_small_and_say_what_they_are() -> None:
    for path in PAGE.rglob("*.js"):
        if "vendor" not in path.parts:
            lines = path.read_text("utf-8").splitlines()
            assert lines[0].startswith("// "), path
            assert len(lines) <= 250, path


def loaded_with(module: Path) -> set[Path]:
    """The module with what it imports, directly or not; of that, what is imported when it is needed is left out."""
    libraries = json.loads(
        re.findall(r"<script type=\"importmap\">(.*?)</script>", (PAGE / "index.html").read_text("utf-8"), re.S)[0]
    )["imports"]
    found, open_modules = set(), [module]
    while open_modules:
        found.add(each := open_modules.pop())
        for name in re.findall(r'(?:from|import) ?"([^"]+)"', each.read_text("utf-8")):
            path = (PAGE / libraries[name] if name in libraries else each.parent / name).resolve()
            open_modules += [path] if path not in found else []
    return found


def test_the_script_of_the_page_is_small() -> None:
    """What is loaded at once, and the largest of what is loaded for a page that not everybody opens."""
    import gzip

    first = loaded_with(PAGE / "main.js")
    texts = {path: path.read_text("utf-8") for path in first}
    later = {
        (path.parent / name).resolve()
        for path, text in texts.items()
        for name in re.findall(r'import\("([^"]+)"\)', text)
    }
    assert {path.name for path in later} == {
        "catalog.js",
        "day.js",
        "edit.js",
        "health.js",
        "login.js",
        "mesh.js",
        "operators.js",
        "shadow.js",
    }

    def size(paths: set[Path]) -> int:
        return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)

    assert size(first | {PAGE / "sw.js"}) + max(size(loaded_with(each) - first) for each in later) <= 60_000
    assert {path for path in PAGE.rglob("*.js") if path.name != "sw.js"} == set.union(first, *map(loaded_with, later))
