"""Calls the functions `inquire` and `operate` of an application by their names, in its account and region."""

import json
from functools import cache
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import caller
from clients import described
from page_requests import AnswerError
from snapshot_places import Place

SECONDS = 26  # the API waits for 30
HANDED_OVER = ("authorization", "x-amz-date", "x-amz-security-token", caller.OF_REQUEST)
Entry = dict[str, Any]


@cache
def functions(region: str) -> Any:
    """One call each: an action must not be sent twice, and a database that wakes up takes most of the time."""
    config = Config(connect_timeout=2, read_timeout=SECONDS, retries={"total_max_attempts": 1})
    return boto3.client("lambda", region_name=region, config=config)


def credentials() -> Any:
    return boto3.Session().get_credentials().get_frozen_credentials()


ASLEEP = ("StateUnavailable", "Sandbox.Timedout")  # what a function answers whose database has not answered it


def ask(place: Place, event: Entry) -> Entry:
    """Raises `AnswerError`."""
    answer: Entry = _called(place, "inquire", event)
    return answer


def act(place: Place, event: Entry, actor: str) -> Any:
    """Acts on behalf of a person whom the board has identified. The application is told by whom, with the board's own signature. Raises `AnswerError`."""
    given = {**event, "actor": "hosted board", "on_behalf_of": actor}
    return _called(place, "operate", {**given, "identity": _signed(given, place.machines)})


def _called(place: Place, function: str, event: Entry) -> Any:
    try:
        answer = functions(place.region).invoke(FunctionName=place.function(function), Payload=json.dumps(event).encode())  # fmt: skip
        content = json.loads(answer["Payload"].read())
    except (ClientError, BotoCoreError) as error:
        raise AnswerError("", f"the application {place.name} does not answer; its database may be waking up, try again in half a minute. {described(error)}") from None  # fmt: skip
    if "FunctionError" in answer and content.get("errorType") in ASLEEP:
        raise AnswerError("", f"the database of {place.name} does not answer; if it sleeps, it takes about half a minute to wake up: try again")  # fmt: skip
    if "FunctionError" in answer:
        raise AnswerError(content.get("errorType", ""), content.get("errorMessage", f"the function {function} failed"))
    return content


def _signed(event: Entry, application: str) -> dict[str, str]:
    """The headers by which `operate` asks AWS who has sent the event (see `caller`)."""
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        caller.OF_REQUEST: caller.digest(event, application),
    }
    request = AWSRequest("POST", caller.address_of_sts(application) + "/", headers, caller.BODY)
    SigV4Auth(credentials(), "sts", application.split(":")[3]).add_auth(request)
    given = {name.lower(): value for name, value in request.headers.items()}
    return {name: str(given[name]) for name in HANDED_OVER if name in given}
