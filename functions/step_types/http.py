"""Work behind an HTTP API: a call of the machine starts it, through a connection of EventBridge; the functions ask about it and stop it, with the headers of
a secret. docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html"""

import json
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from botocore.exceptions import ClientError, EndpointConnectionError

from clients import CONNECT, READ, client
from job_run import FAILED, STOPPED, SUCCEEDED, Answer, Ended, JobRun

RESOURCE, ARGUMENTS = "url", ["body"]
SOURCE = DETAIL_TYPE = None
LARGEST = 1 << 20  # bytes of an answer that are read
RUN = "{run}"


def ended(detail: dict[str, Any]) -> Ended | None:
    """No event reports an end: the monitor asks."""
    return None


def ask(job_run: JobRun) -> Answer:
    """No state, or one of `running`, is no end; a state that nobody has named is a failure."""
    asked = job_run.handle["ask"]
    try:
        answer = _call(job_run, asked, "GET")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 410):
            raise
        return Answer(FAILED, f"{_host(asked['url'])} does not know this run any more")
    state, message = _at(answer, asked["state"]), _at(answer, asked.get("message", ""))
    if state is None or state in asked.get("running", ()):
        return Answer(None)
    if state in asked["succeeded"]:
        return Answer(SUCCEEDED)
    reason = f"{state}: {message}" if message else str(state)
    return Answer(STOPPED if state in asked.get("stopped", ()) else FAILED, reason)


def stop(job_run: JobRun) -> None:
    _call(job_run, job_run.handle["stop"], "POST")


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    """The page that metadata names."""
    page = job_run.handle.get("page")
    return _filled(page, job_run.handle["run"], in_url=True) if page else None


def _call(job_run: JobRun, request: dict[str, Any], default: str) -> Any:
    """What the API answers, as JSON. Raises botocore's errors, as a service of AWS does; none of them holds a header."""
    run = job_run.handle["run"]
    url, method = _filled(request["url"], run, in_url=True), request.get("method", default)
    host = _host(url)
    body = json.dumps(_filled(request["body"], run)).encode() if "body" in request else None
    headers = _headers(job_run.handle["secret"]) | ({"Content-Type": "application/json"} if body else {})
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=CONNECT, read=READ), retries=False)
    try:
        answered = pool.request(method, url, body=body, headers=headers, redirect=False, preload_content=False)
        read = answered.read(LARGEST)
        answered.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise EndpointConnectionError(endpoint_url=f"{host} ({type(error).__name__})") from None
    if answered.status >= 300:
        raise _refusal(method, f"Http{answered.status}", f"{host} answered {answered.status}", answered.status)
    if not read.strip():
        return None
    try:
        return json.loads(read)
    except ValueError:
        raise _refusal(method, "NotJson", f"{host} answered something else than JSON", 502) from None


def _headers(secret: str) -> dict[str, str]:
    """The headers that the secret holds: a JSON object of texts."""
    text = client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    try:
        headers = json.loads(text)
    except ValueError:
        headers = None
    if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
        raise _refusal(
            "GetSecretValue", "NoHeaders", f"the secret {secret} is no JSON object of headers", 400
        ) from None
    return headers


def _refusal(operation: str, code: str, message: str, status: int) -> ClientError:
    about = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(about, operation)


def _filled(value: Any, run: Any, *, in_url: bool = False) -> Any:
    """`{run}` replaced at any depth; a text that is nothing else becomes the id in its own type."""
    match value:
        case str() if value == RUN and not in_url:
            return run
        case str():
            return value.replace(RUN, quote(str(run), safe="") if in_url else str(run))
        case dict():
            return {key: _filled(each, run) for key, each in value.items()}
        case list():
            return [_filled(each, run) for each in value]
    return value


def _at(answer: Any, path: str) -> Any:
    """The value at a path such as `state.result_state`; None where there is none."""
    if not path:
        return None
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _host(url: str) -> str:
    return urlsplit(url).netloc
