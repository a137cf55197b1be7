"""The RDS Data API over PostgreSQL: the same calls, types, limits and errors, so that what passes here passes on Aurora.

Source: docs.aws.amazon.com/rdsdataservice/latest/APIReference and .../AmazonRDS/latest/AuroraUserGuide/data-api.html. What is
left out: `ExecuteSql` (retired), the `schema` parameter (not supported for Aurora PostgreSQL either).
"""

import contextlib
import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from headgate.local.data_api_values import ApiError, column_metadata, parameter, read_field, to_placeholders

MAX_REQUEST, MAX_RESPONSE, MAX_ROW = 4 * 1024 * 1024, 1024 * 1024, 64 * 1024
IDLE_SECONDS = 180.0
STATEMENT_SECONDS = 45

Request = dict[str, Any]
Target = tuple[str, str | None]  # a database, and the role; None is its owner


@dataclass
class _Transaction:
    connection: "psycopg.Connection[Any]"
    target: Target
    used: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class DataApi:
    """The service. `dsn` is the database of a cluster, given its ARN, or of all; `role_of` gives the role of a secret, by its ARN: None is the owner.
    Connections are kept and reused; a transaction holds one of its own."""

    def __init__(
        self,
        dsn: str | Callable[[str], str],
        idle_seconds: float = IDLE_SECONDS,
        role_of: Callable[[str], str | None] = lambda secret: None,
    ) -> None:
        self._dsn_of = dsn if callable(dsn) else lambda cluster: dsn
        self._role_of = role_of
        self._idle_seconds = idle_seconds
        self._free: dict[Target, list[psycopg.Connection[Any]]] = defaultdict(list)
        self._transactions: dict[str, _Transaction] = {}
        self._lock = threading.Lock()

    def call(self, path: str, body: bytes) -> dict[str, Any]:
        """The answer to a request. Raises `ApiError`."""
        operation = {
            "/Execute": self._execute,
            "/BatchExecute": self._batch,
            "/BeginTransaction": self._begin,
            "/CommitTransaction": self._commit,
            "/RollbackTransaction": self._rollback,
        }.get(path)
        if operation is None:
            raise ApiError("BadRequestException", f"no such operation: {path}")
        if len(body) > MAX_REQUEST:
            raise ApiError("BadRequestException", f"Request size exceeded the limit of {MAX_REQUEST} bytes")
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            raise ApiError("BadRequestException", "The request is not JSON") from None
        for key in ("resourceArn", "secretArn"):
            if not request.get(key):
                raise ApiError("BadRequestException", f"{key} is missing")
        self._expire()
        return operation(request)

    def close(self) -> None:
        with self._lock:
            connections = [each for free in self._free.values() for each in free]
            connections += [each.connection for each in self._transactions.values()]
            self._free.clear()
            self._transactions.clear()
        for connection in connections:
            connection.close()

    def _execute(self, request: Request) -> dict[str, Any]:
        sql, values = _statement(request, request.get("parameters", ()))
        with self._connection(request) as connection, _errors():
            cursor = connection.cursor(row_factory=tuple_row)
            cursor.execute(sql, values)
            return _answer(cursor, request)

    def _batch(self, request: Request) -> dict[str, Any]:
        sets = request.get("parameterSets") or [[]]
        with self._connection(request) as connection, _errors(), contextlib.ExitStack() as stack:
            if "transactionId" not in request:
                stack.enter_context(connection.transaction())
            for each in sets:
                connection.execute(*_statement(request, each))
        return {"updateResults": [{"generatedFields": []} for _ in sets]}

    def _begin(self, request: Request) -> dict[str, Any]:
        target = self._target(request)
        connection = self._take(target)
        with _errors():
            connection.execute("BEGIN")
        name = uuid.uuid4().hex
        with self._lock:
            self._transactions[name] = _Transaction(connection, target, time.monotonic())
        return {"transactionId": name}

    def _commit(self, request: Request) -> dict[str, Any]:
        return self._end(request, "COMMIT", "Transaction Committed")

    def _rollback(self, request: Request) -> dict[str, Any]:
        return self._end(request, "ROLLBACK", "Rollback Complete")

    def _end(self, request: Request, sql: str, status: str) -> dict[str, Any]:
        with self._lock:
            transaction = self._transactions.pop(str(request.get("transactionId")), None)
        if transaction is None:
            raise ApiError("TransactionNotFoundException", f"Transaction {request.get('transactionId')} is not found")
        with transaction.lock, _errors():
            transaction.connection.execute(sql)
        self._give_back(transaction.connection, transaction.target)
        return {"transactionStatus": status}

    @contextlib.contextmanager
    def _connection(self, request: Request) -> Iterator["psycopg.Connection[Any]"]:
        name = request.get("transactionId")
        if name is None:
            target = self._target(request)
            connection = self._take(target)
            try:
                yield connection
            finally:
                self._give_back(connection, target)
            return
        with self._lock:
            transaction = self._transactions.get(str(name))
        if transaction is None:
            raise ApiError("TransactionNotFoundException", f"Transaction {name} is not found")
        with transaction.lock:
            transaction.used = time.monotonic()
            yield transaction.connection

    def _target(self, request: Request) -> Target:
        return self._dsn_of(request["resourceArn"]), self._role_of(request["secretArn"])

    def _take(self, target: Target) -> "psycopg.Connection[Any]":
        dsn, role = target
        with self._lock:
            while self._free[target]:
                connection = self._free[target].pop()
                if not connection.closed and not connection.broken:
                    return connection
        try:
            options = f"-c statement_timeout={STATEMENT_SECONDS}s -c timezone=UTC" + (
                f" -c role={role}" if role else ""
            )
            return psycopg.connect(dsn, autocommit=True, options=options, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise ApiError("DatabaseUnavailableException", str(error).strip()) from None

    def _give_back(self, connection: "psycopg.Connection[Any]", target: Target) -> None:
        if connection.closed or connection.broken or connection.info.transaction_status.name != "IDLE":
            connection.close()
        else:
            with self._lock:
                self._free[target].append(connection)

    def _expire(self) -> None:
        """Transactions that were not used for three minutes are rolled back, as the service does."""
        now = time.monotonic()
        with self._lock:
            old = [name for name, each in self._transactions.items() if now - each.used > self._idle_seconds]
            expired = [self._transactions.pop(name) for name in old]
        for each in expired:
            each.connection.close()


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise ApiError("StatementTimeoutException", _message(error)) from None
    except (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.CannotConnectNow) as error:
        raise ApiError("DatabaseUnavailableException", _message(error)) from None
    except psycopg.OperationalError as error:
        if error.sqlstate is None:  # the connection broke: whether the statement took effect is unknown
            raise ApiError("DatabaseUnavailableException", _message(error)) from None
        raise ApiError("DatabaseErrorException", _message(error)) from None
    except psycopg.Error as error:
        raise ApiError("DatabaseErrorException", _message(error)) from None


def _message(error: psycopg.Error) -> str:
    primary = error.diag.message_primary or str(error).strip()
    detail = f"\n  Detail: {error.diag.message_detail}" if error.diag.message_detail else ""
    return f"ERROR: {primary}{detail}; SQLState: {error.sqlstate}"


def _statement(request: Request, parameters: Any) -> tuple[str, dict[str, Any]]:
    values, casts = {}, {}
    for each in parameters:
        values[each["name"]], casts[each["name"]] = parameter(each)
    return to_placeholders(str(request.get("sql", "")), casts), values


def _answer(cursor: "psycopg.Cursor[Any]", request: Request) -> dict[str, Any]:
    if cursor.description is None:
        answer: dict[str, Any] = {"numberOfRecordsUpdated": max(cursor.rowcount, 0), "generatedFields": []}
        if request.get("formatRecordsAs") == "JSON":
            raise ApiError("BadRequestException", "formatRecordsAs=JSON is only for SELECT")
        return answer
    columns = cursor.description
    size, records = 0, []
    options = request.get("resultSetOptions") or {}
    for row in cursor:
        record = [read_field(value, column.type_code, options) for value, column in zip(row, columns, strict=True)]
        row_size = len(json.dumps(record, ensure_ascii=False).encode())
        size += row_size
        if row_size > MAX_ROW:
            raise ApiError("BadRequestException", f"A row of the result is larger than {MAX_ROW} bytes")
        if size > MAX_RESPONSE:
            raise ApiError("BadRequestException", "Database returned more than the allowed response size limit")
        records.append(record)
    if request.get("formatRecordsAs") == "JSON":
        names = [column.name for column in columns]
        plain = [
            {
                name: next(iter(each.values())) if "isNull" not in each else None
                for name, each in zip(names, record, strict=True)
            }
            for record in records
        ]
        return {"formattedRecords": json.dumps(plain), "numberOfRecordsUpdated": 0}
    answer = {"records": records, "numberOfRecordsUpdated": 0}
    if request.get("includeResultMetadata"):
        answer["columnMetadata"] = [column_metadata(column) for column in columns]
    return answer
