"""Clients of AWS services that answer or fail within seconds, and what their errors mean."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import ClientError

CONNECT, READ, ATTEMPTS = 2, 5, 2  # seconds, seconds, and calls in all
LONGEST_CALL = (CONNECT + READ) * ATTEMPTS + 1  # seconds, with the pause between
UNANSWERED = {
    "ExecutionLimitExceeded", "InternalException", "InternalFailure", "InternalServerError", "KMSThrottling", "KmsThrottlingException",
    "RequestLimitExceeded", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttled", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
}  # fmt: skip


@cache
def client(service: str, region: str | None = None) -> Any:
    """The client of a warm function; without a region it calls that of the function."""
    config = Config(
        connect_timeout=CONNECT,
        read_timeout=READ,
        max_pool_connections=16,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return boto3.client(service, config=config, region_name=region)


def pages(call: Callable[..., dict[str, Any]], token: str, **given: Any) -> Iterator[dict[str, Any]]:
    """The pages of a list, each fetched when it is needed. `token` is what its requests and answers name the place of the next one."""
    page = call(**given)
    yield page
    while page.get(token):
        page = call(**given, **{token: page[token]})
        yield page


def no_limit() -> float:
    """The seconds left of a caller without a limit: as many as Lambda gives at most, and never fewer."""
    return 900.0


def code_of(error: Exception) -> str:
    """The code by which the service names its refusal; empty for other errors."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def is_unanswered(error: Exception) -> bool:
    """Whether the service was too busy, broken or not reached: then it has not refused what it was asked for."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or code_of(error) in UNANSWERED
    return isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError))


def is_from_aws(error: Exception) -> bool:
    """Whether the error comes from a call of AWS."""
    return isinstance(error, (ClientError, exceptions.BotoCoreError))


def described(error: Exception) -> str:
    """The error in one line: its code or class, and its message."""
    if isinstance(error, ClientError):
        return f"{code_of(error)}: {error.response['Error'].get('Message', '')}"
    return f"{type(error).__name__}: {error}"
