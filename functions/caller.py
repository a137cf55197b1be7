"""Who calls: the IAM principal that has signed the request, as AWS's Security Token Service (STS) says.

Lambda does not tell a function who has invoked it, and what the caller says of itself is no proof. So the caller signs a request of the STS operation
GetCallerIdentity, and hands its headers over; the function sends it. The signature covers a digest of what is asked for, and of which application:
the headers are of no use for anything else. The operation needs no permission, and nothing can be done with it but to ask who signed it.
"""

import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from state.errors import NotAllowed, NotIdentified

BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
OF_REQUEST = "x-headgate-request"
VALID = timedelta(minutes=5)
SECONDS = 10
SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-eusc": "amazonaws.eu",
}
_SIGNED = re.compile(r"SignedHeaders=([a-z0-9;-]+)")
_ARN = re.compile(r"<Arn>([^<]+)</Arn>")
_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
_PATH = re.compile(r":role/.*/")


def verified(event: dict[str, Any], now: datetime) -> str | None:
    """The ARN of who has signed `identity` of the event; None where it has none and the application accepts unverified callers, as the local
    runtime does. Raises `NotIdentified`."""
    if "identity" not in event:
        if os.environ.get("UNVERIFIED_CALLERS") == "true":
            return None
        raise NotIdentified(
            "the request is not signed by its caller; use `headgate` of this version, or see docs/operations.md"
        )
    headers = event["identity"]
    application = os.environ["STATE_MACHINE_ARN_PREFIX"]
    signed = _SIGNED.search(headers["authorization"])
    if signed is None or not {"host", "x-amz-date", OF_REQUEST} <= set(signed[1].split(";")):
        raise NotIdentified(f"the signature does not cover host, x-amz-date and {OF_REQUEST}")
    if headers[OF_REQUEST] != digest(event, application):
        raise NotIdentified("the signature is of another request, or for another application")
    signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - signed_at) > VALID:
        raise NotIdentified(
            f"the request was signed at {signed_at.isoformat()}, more than five minutes from now; is the clock of the caller right?"
        )
    return _confirmed(headers, application)


def digest(event: dict[str, Any], application: str) -> str:
    """Stands for everything in the event but `identity`, and for the application by what the ARNs of its machines begin with."""
    asked = json.dumps({key: value for key, value in event.items() if key != "identity"}, sort_keys=True)
    return hashlib.sha256(f"{application}\n{asked}".encode()).hexdigest()


def address_of_sts(application: str) -> str:
    """In the region and partition of the application."""
    _, partition, _, region, *_ = application.split(":")
    return f"https://sts.{region}.{SUFFIXES.get(partition, 'amazonaws.com')}"


def _confirmed(headers: dict[str, str], application: str) -> str:
    url = os.environ.get("AWS_ENDPOINT_URL") or address_of_sts(application)
    given = {**headers, "content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = urllib.request.Request(f"{url}/", BODY, given, method="POST")  # noqa: S310 - the host is of AWS, or of the local runtime
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found = _ARN.search(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise NotIdentified(f"AWS does not confirm the signature: {error.code} {_message(error)}") from None
    except OSError as error:
        raise NotIdentified(f"AWS did not answer who has signed the request: {error}; try again") from None
    if found is None:
        raise NotIdentified("AWS's answer does not name who has signed the request")
    return found[1]


def _message(error: urllib.error.HTTPError) -> str:
    found = re.search(r"<Message>([^<]*)</Message>", error.read().decode(errors="replace"))
    return found[1] if found else ""


def actor(event: dict[str, Any], arn: str | None) -> str:
    """Who is recorded: the caller; the person whom the hosted board has identified, if it is the board that calls. Raises `NotAllowed`."""
    person = event.get("on_behalf_of")
    if person is None:
        return arn or str(event["actor"])
    board = os.environ.get("BOARD_ROLE", "")
    if arn is not None and not (board and _is_named(arn, board)):
        raise NotAllowed(f"{arn} is not the hosted board of this application, and acts on behalf of nobody")
    return str(person)


def check(arn: str | None, operators: dict[str, list[str]]) -> None:
    """Raises `NotAllowed` unless the caller is an operator of each of the domains {domain: operators}."""
    refused = {
        domain: names for domain, names in operators.items() if arn and not any(_is_named(arn, each) for each in names)
    }
    if refused:
        names = "; ".join(f"{domain}: {', '.join(each)}" for domain, each in sorted(refused.items()))
        raise NotAllowed(f"{arn} is no operator of what the request acts on. Operators are, by domain.yaml: {names}")


def _is_named(arn: str, operator: str) -> bool:
    """A role stands for all of its sessions. The ARN of a session leaves out the path of its role, whose name is unique without it."""
    session = _SESSION.fullmatch(arn)
    principal = f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else arn
    return fnmatchcase(principal, _PATH.sub(":role/", operator) if session else operator)
