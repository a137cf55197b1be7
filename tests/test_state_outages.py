"""What the database cannot do at this moment is for later: the caller tries again, and no run fails of it."""

import threading
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from state.database import Database
from state.errors import StateError, StateUnavailable
from state.migrate import migrate
from tests.state_world import World, at

SQLSTATES = (
    "08000", "08003", "08006", "53000", "53200", "53300", "57P01", "57P02", "57P03", "40001", "40P01", "25006", "42883",
)  # fmt: skip
CODES = (
    "DatabaseResumingException", "DatabaseUnavailableException", "ServiceUnavailableError", "InternalServerErrorException",
    "StatementTimeoutException", "ThrottlingException", "InvalidResourceStateException", "RequestLimitExceeded", "SlowDown",
)  # fmt: skip


def refusal(code: str, message: str, status: int = 400) -> ClientError:
    given: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(given, "ExecuteStatement")


class Away:
    """A Data API that fails each time."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute_statement(self, **given: Any) -> Any:
        raise self.error

    begin_transaction = execute_statement


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    clock = [0.0]
    passing = SimpleNamespace(
        sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds), monotonic=lambda: clock[0]
    )
    monkeypatch.setattr("state.database.time", passing)  # the clock of others goes on


@pytest.mark.parametrize(
    "error",
    [
        *(
            refusal(code, f"ERROR: as the test wants it; SQLState: {state}")
            for state in SQLSTATES
            for code in ("DatabaseErrorException", "BadRequestException")  # the second by clusters of before 2024
        ),
        *(refusal(code, "as the test wants it") for code in CODES),
        refusal("SomethingNew", "the service broke", 503),
        refusal("DatabaseErrorException", "ERROR: cache lookup failed for function 17123; SQLState: XX000"),
        ReadTimeoutError(endpoint_url="x"),
    ],
    ids=str,
)
def test_every_error_that_passes_is_for_later(error: Exception) -> None:
    away = Database(Away(error))
    with pytest.raises(StateUnavailable):
        away.call("kept_back", 1)
    with pytest.raises(StateUnavailable), away.transaction():
        pass


@pytest.mark.parametrize("state", ["22P02", "23505", "42703", "42501", "XX000", "P0001"])
def test_a_defect_is_not_for_later(state: str) -> None:
    away = Database(Away(refusal("DatabaseErrorException", f"ERROR: value 08006 is wrong; SQLState: {state}")))
    with pytest.raises(StateError) as raised:
        away.call("kept_back", 1)
    assert raised.type is StateError


def test_who_calls_while_a_migration_replaces_every_function_is_never_told_of_a_defect(world: World) -> None:
    ended, failed, answered = threading.Event(), [], []

    def ask() -> None:
        while not ended.is_set():
            try:
                answered.append(
                    world.state.status_of_day(at("2026-11-20 00:00").date(), None, "", 10, at("2026-11-20 06:00"))
                )
            except StateUnavailable:
                pass
            except Exception as error:  # noqa: BLE001
                failed.append(error)

    workers = [threading.Thread(target=ask) for _ in range(3)]
    for each in workers:
        each.start()
    for _ in range(3):
        with psycopg.connect(world.dsn, autocommit=True) as connection:
            connection.execute("DELETE FROM schema_migration WHERE name LIKE 'transitions/%'")
        assert len(migrate(world.database)) > 30
    ended.set()
    for each in workers:
        each.join()
    assert failed == []
    assert answered
