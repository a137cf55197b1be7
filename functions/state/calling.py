"""How a SQL function of the state is called, and its answer read by the names of a class."""

from dataclasses import fields
from typing import Any, TypeVar

from state.answers import Json
from state.database import Database
from state.errors import StateUnavailable

T = TypeVar("T")


def _names(answer: Any) -> list[str]:
    return [each.name for each in fields(answer)]


def _check_release(function: str, names: list[str], found: int) -> None:
    """A schema of the next release may answer more, the new columns last. One that answers less is of a release before. Raises `StateUnavailable`."""
    if found < len(names):
        raise StateUnavailable(
            f"the functions and the schema of the state are of different releases: {function} does not answer {', '.join(names)}"
        )


class Calls:
    """The state behind a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def _value(self, function: str, *arguments: Any) -> Any:
        return self.database.call(function, *arguments)

    def _one(self, answer: type[T], function: str, *arguments: Any) -> T:
        given: Json = self.database.call(function, *arguments)
        names = _names(answer)
        _check_release(function, names, len(given.keys() & set(names)))
        return answer(**{name: given[name] for name in names})

    def _rows(self, answer: type[T], function: str, *arguments: Any) -> list[T]:
        rows = self.database.rows(function, *arguments)
        names = _names(answer)
        if rows:
            _check_release(function, names, len(rows[0]))
        return [answer(*row[: len(names)]) for row in rows]
