"""What each fault of a service leads to: every cell of the table in docs/alerts.md is played against a server that has this fault."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from alerting import delivery
from alerting.channels import channels, email
from alerting.delivery import Busy, MaybeDelivered, NotDelivered, Refused
from alerting.message import compose
from tests.alert_world import Said, Service
from tests.local_application import ROOT

TABLE = (ROOT / "docs/alerts.md").read_text("utf-8")
AHEAD = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ALERT = {
    "kind": "ERROR", "level": "product", "product": "d1/a", "description": "a", "owner": "ann", "run_id": "the-run", "attempt": 1,
    "business_date": "2026-11-20", "since": "2026-11-20T09:00:00+00:00", "error": "JobFailed", "cause": "it ended",
}  # fmt: skip
HTTP: dict[str, Said] = {
    "a page of HTML": (200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>Please sign in</p>"),
    "an answer that is not the documented one": (200, {}, b"{half of it"),
    "429 with `Retry-After: 30`": (429, {"Retry-After": "30"}, {}),
    "429 with a date in `Retry-After`": (
        429,
        {"Date": format_datetime(AHEAD, True), "Retry-After": format_datetime(AHEAD + timedelta(seconds=30), True)},
        {},
    ),
    "400, 403, 404": (403, {}, {"message": "no"}),
    "a server error, also after the service has accepted": (500, {}, {}),
}
AWS: dict[str, Exception] = {
    "429 with `Retry-After: 30`": ClientError(
        {"Error": {"Code": "TooManyRequestsException", "Message": "slow"}, "ResponseMetadata": {"HTTPStatusCode": 429}}, "X"
    ),
    "400, 403, 404": ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "X"
    ),
    "a server error, also after the service has accepted": ClientError(
        {"Error": {"Code": "InternalFailure", "Message": "?"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "X"
    ),
    "no answer in time": ReadTimeoutError(endpoint_url="aws"),
    "the host is not reached": ConnectTimeoutError(endpoint_url="aws"),
}  # fmt: skip


def _cells() -> Iterator[tuple[str, str, str]]:
    """(fault, channel, what it leads to) of each cell."""
    lines = re.findall(r"^\|(.+)\|$", TABLE[TABLE.index("| fault |") :].partition("\n\n")[0], re.MULTILINE)
    _, *columns = [each.strip() for each in lines[0].split("|")]
    for line in lines[2:]:
        fault, *cells = [each.strip() for each in line.split("|")]
        for column, cell in zip(columns, cells, strict=True):
            yield from ((fault, name.strip(" `"), cell) for name in column.split(","))


CELLS = list(_cells())


def delivered(target: str, action: str = "open", **more: Any) -> dict[str, Any]:
    """A delivery as the state gives it."""
    conversation = {"key": "d1/a 2026-11-20", "first": None, "state": None}
    return {
        "target": target, "key": "k", "doubtful": False, "since": "0", "action": action, "severity": 2, "conversation": conversation, **more,
    }  # fmt: skip


def targets(url: str) -> dict[str, str]:
    return {
        "slack": "C123ABC", "email": "a@example.com", "opsgenie": "oncall", "jsm": "oncall", "pagerduty": "secret:pager",
        "webhook": f"{url}/hook", "teams": "secret:flow", "incident": "2",
    }  # fmt: skip


def secrets(url: str) -> Callable[[], dict[str, Any]]:
    known = {
        "slack_token": "xoxb-1", "opsgenie_key": "o", "jsm_key": "j", "jsm_url": url, "pager": {"key": "p", "url": url},
        "flow": f"{url}/workflows/1",
    }  # fmt: skip
    return lambda: known


def outcome(channel: str, url: str, alert: dict[str, Any] = ALERT) -> str:
    """In the words of the table."""
    given = delivered(targets(url)[channel])
    try:
        channels()[channel].deliver(given, alert, compose(alert), secrets(url))
    except Refused:
        return "refused"
    except NotDelivered as error:
        return "later" if error.pause is None else f"after {error.pause:.0f} s"
    except MaybeDelivered:
        return "in doubt"
    return "delivered"


def test_the_table_has_every_channel_and_every_fault() -> None:
    assert {channel for _, channel, _ in CELLS} == channels().keys()
    others = {"a redirect", "no answer in time", "the host is not reached", "the connection breaks off"}
    assert {fault for fault, _, _ in CELLS} == HTTP.keys() | others


@pytest.mark.parametrize(("fault", "channel", "leads_to"), CELLS)
def test_what_a_fault_leads_to(
    service: Service, monkeypatch: pytest.MonkeyPatch, fault: str, channel: str, leads_to: str
) -> None:
    if channel in ("email", "incident"):
        assert (leads_to == "–") == (fault not in AWS)  # botocore sees to what HTTP can do
        if fault not in AWS:
            return

        class Broken:
            def __getattr__(self, name: str) -> Any:
                raise AWS[fault]

        monkeypatch.setattr(channels()[channel], {"email": "ses", "incident": "ssm"}[channel], Broken)
        assert outcome(channel, service.url) == leads_to
        return
    url = service.url
    if fault == "a redirect":
        service.answers = [(307, {"Location": f"{service.url}/elsewhere"}, {})] * 3
    elif fault == "no answer in time":
        monkeypatch.setattr(delivery, "TIMEOUT", 0.25)
        service.delay = 0.5
    elif fault == "the host is not reached":
        url = "http://127.0.0.1:9"
        monkeypatch.setenv("SLACK_API_URL", f"{url}/")
        monkeypatch.setenv("OPSGENIE_API_URL", url)
    elif fault == "the connection breaks off":
        service.answers = [(200, {"Content-Length": "1000"}, b"{")] * 3
    else:
        service.answers = [HTTP[fault]] * 3
    assert outcome(channel, url) == leads_to
    assert "/elsewhere" not in service.paths()


@pytest.mark.parametrize("channel", sorted(set(channels()) - {"email", "incident"}))
def test_when_all_is_well_it_is_delivered_with_credentials_for_its_host_alone(service: Service, channel: str) -> None:
    assert outcome(channel, service.url) == "delivered"
    assert len(service.received) == 1


def test_no_service_is_asked_without_tls(service: Service) -> None:
    given = delivered("secret:flow")
    for address in ("http://example.com/x", "ftp://example.com", "example.com/x", "https://"):
        with pytest.raises(Refused, match="no https"):
            channels()["teams"].deliver(given, ALERT, compose(ALERT), partial(dict, flow=address))


@pytest.mark.parametrize("held", [{}, {"flow": 7}, {"flow": {"key": "x"}}, {"flow": {"url": 1}}])
def test_a_reference_that_the_secret_does_not_hold_is_refused_and_named(held: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="`flow`"):
        channels()["teams"].deliver(delivered("secret:flow"), ALERT, compose(ALERT), lambda: held)


@pytest.mark.parametrize("code", ["is_archived", "channel_not_found", "invalid_auth", "not_in_channel"])
def test_what_slack_refuses_is_refused_with_its_error(service: Service, code: str) -> None:
    service.answers = [(200, {}, {"ok": False, "error": code})]
    with pytest.raises(Refused, match=f"^Slack: {code}$"):
        channels()["slack"].deliver(delivered("#a"), ALERT, compose(ALERT), lambda: {"slack_token": "xoxb-1"})


def test_a_mail_has_no_thread_that_its_sender_could_not_have(service: Service) -> None:
    assert json.dumps(email._thread("k\r\nBcc: x", "", "a@example.com")).count("\\r") == 0


def test_busy_is_not_refused() -> None:
    assert not issubclass(Busy, Refused)
