"""Calls the state's SQL functions through the RDS Data API: one call, one transaction, one answer. `calls` has a typed method for each."""

import json
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clients import is_unanswered
from state import errors

# Aurora that scaled to zero answers so while it wakes up, which takes about fifteen seconds; half a minute after a day's sleep
# (docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html).
RESUMING, RESUMING_SECONDS = "DatabaseResumingException", 40
# A cluster that is stopped, changed or fails over; every code that means the same of any service is in `clients`.
TRANSIENT = {
    "DatabaseUnavailableException",
    "ServiceUnavailableError",
    "InternalServerErrorException",
    "InvalidResourceStateException",
}
# No connection (08), no room (53), shutdown and start (57P0x), serialization failure and deadlock (40001, 40P01), a writer that has become a reader
# (25006), and what a statement meets while a migration replaces what it uses (XX000). The Data API gives them in several exceptions.
_LATER = re.compile(
    r"SQLState: (08|53|57P0|40001|40P01|25006)|(cache lookup failed|tuple concurrently updated|could not open relation)[^;]*.*; SQLState: XX000",
    re.DOTALL,
)
TIMED_OUT = "StatementTimeoutException"  # after 45 seconds: once is enough for a function that has 55
ATTEMPTS = 6
_RAISED = re.compile(r"ERROR: (?P<name>[A-Z][A-Za-z]+): (?P<message>.*?)(?:\n.*)?; SQLState: P0001", re.DOTALL)

# PostgreSQL keeps neither in a text: NUL, and half of a character that UTF-16 writes as two.
REPLACED = "\ufffd"
NOT_HELD = re.compile("[\x00\ud800-\udfff]")

# undefined_function: the functions are of another release than the schema.
OTHER_RELEASE = "SQLState: 42883"


class Database:
    """The state database named by the environment: CLUSTER_ARN, SECRET_ARN, DATABASE_NAME."""

    def __init__(self, client: Any = None) -> None:
        # this class retries by itself, since a call that broke off may have taken effect: every transition may be called twice
        self._client = client or boto3.client(
            "rds-data", config=Config(retries={"total_max_attempts": 1}, read_timeout=50)
        )
        self._cluster = {"resourceArn": os.environ["CLUSTER_ARN"], "secretArn": os.environ["SECRET_ARN"]}
        self._where = {**self._cluster, "database": os.environ.get("DATABASE_NAME", "headgate")}

    def call(self, function: str, *arguments: Any) -> Any:
        """What the SQL function returns, read from JSON. Raises the classes of `errors`, `StateUnavailable` among them."""
        placeholders, parameters = _arguments(arguments)
        rows = self.execute(f"SELECT to_json({function}({placeholders}))::text", parameters)
        value = rows[0][0].get("stringValue")
        return None if value is None else json.loads(value)

    def rows(self, function: str, *arguments: Any) -> list[list[Any]]:
        """The rows of a SQL function that returns a table."""
        placeholders, parameters = _arguments(arguments)
        found = self.execute(f"SELECT * FROM {function}({placeholders})", parameters)
        return [[None if "isNull" in field else next(iter(field.values())) for field in row] for row in found]

    def execute(
        self, sql: str, parameters: list[dict[str, Any]] | None = None, transaction: str | None = None
    ) -> list[Any]:
        """One statement. Outside a transaction it is tried again while the database resumes or fails for a moment."""
        extra = {"transactionId": transaction} if transaction else {}
        for attempt in range(ATTEMPTS):
            try:
                answer = self._awake("execute_statement", sql=sql, parameters=parameters or [], **self._where, **extra)
                records: list[Any] = answer.get("records", [])
                return records
            except (ClientError, BotoCoreError) as error:
                problem, again = _meaning(error)
                if transaction or not again or attempt == ATTEMPTS - 1:
                    raise problem from None
            time.sleep(random.uniform(0, min(4.0, 0.2 * 2**attempt)))  # noqa: S311 - jitter
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def transaction(self) -> Iterator[str]:
        """The id of a transaction that is committed at the end of the block, or taken back with the error that leaves it. Raises `StateUnavailable`."""
        transaction = str(self._once("begin_transaction", **self._where)["transactionId"])
        given = {"transactionId": transaction, **self._cluster}
        try:
            yield transaction
        except BaseException:
            with suppress(errors.StateError):  # the database ends what nobody goes on with
                self._once("rollback_transaction", **given)
            raise
        self._once("commit_transaction", **given)

    def _once(self, operation: str, **given: Any) -> Any:
        try:
            return self._awake(operation, **given)
        except (ClientError, BotoCoreError) as error:
            raise _meaning(error)[0] from None

    def _awake(self, operation: str, **given: Any) -> Any:
        """The operation's answer, once the database has woken up."""
        deadline = time.monotonic() + RESUMING_SECONDS
        while True:
            try:
                return getattr(self._client, operation)(**given)
            except ClientError as error:
                if error.response["Error"]["Code"] != RESUMING or time.monotonic() > deadline:
                    raise
            time.sleep(1)


def _meaning(error: ClientError | BotoCoreError) -> tuple[Exception, bool]:
    """The exception of `errors` that the error of a call stands for, and whether the call may succeed within seconds."""
    if isinstance(error, BotoCoreError):
        return errors.StateUnavailable(str(error)), True
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code in (RESUMING, TIMED_OUT):
        return errors.StateUnavailable(f"{code}: {message}"), False
    if code in TRANSIENT or is_unanswered(error) or _LATER.search(message):
        return errors.StateUnavailable(f"{code}: {message}"), True
    return _raised(code, message), False


def _raised(code: str, message: str) -> Exception:
    """What a function RAISEd, as the exception of that name; anything else is a defect and says so."""
    if OTHER_RELEASE in message:
        return errors.StateUnavailable(
            f"the functions and the schema of the state are of different releases: {message}"
        )
    match = _RAISED.search(message)
    if match and match["name"] in errors.RAISED:
        return errors.RAISED[match["name"]](match["message"])
    return errors.StateError(f"{code}: {message}")


def _arguments(values: tuple[Any, ...]) -> tuple[str, list[dict[str, Any]]]:
    """The argument list and its parameters. PostgreSQL picks a function by the types of its arguments, and the Data API
    sends strings as text, so every argument is cast; null has no type and stands in the text."""
    texts, parameters = [], []
    for index, value in enumerate(values):
        if value is None:
            texts.append("NULL")
            continue
        field, kind = _field(value)
        texts.append(f"CAST(:a{index} AS {kind})")
        parameters.append({"name": f"a{index}", "value": field})
    return ", ".join(texts), parameters


def _field(value: Any) -> tuple[dict[str, Any], str]:
    """A value as the Data API takes it, and its type."""
    match value:
        case bool():
            return {"booleanValue": value}, "boolean"
        case int():
            return {"longValue": value}, "integer"
        case datetime():
            return {"stringValue": value.isoformat()}, "timestamptz"
        case dict() | list():
            return {"stringValue": _json(value)}, "jsonb"
        case date():
            return {"stringValue": value.isoformat()}, "date"
        case timedelta():
            return {"stringValue": f"{value.total_seconds()} seconds"}, "interval"
        case UUID():
            return {"stringValue": str(value)}, "uuid"
    return {"stringValue": NOT_HELD.sub(REPLACED, str(value))}, "text"


def _json(value: Any) -> str:
    text = json.dumps(value)
    return json.dumps(_held(value)) if "\\u0000" in text or "\\ud" in text else text


def _held(value: Any) -> Any:
    """The value with every text as PostgreSQL can hold it: what a job printed never keeps its end from being recorded."""
    match value:
        case str():
            return NOT_HELD.sub(REPLACED, value)
        case dict():
            return {_held(key): _held(each) for key, each in value.items()}
        case list():
            return [_held(each) for each in value]
    return value
