"""The typed calls of the state and the database's own catalog say the same, in both directions."""

import ast
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from state import calling
from state.answers import OpenRun
from state.calls import State
from tests.state_world import World

FUNCTIONS = Path(__file__).parent.parent / "functions"
SQL_TYPES: dict[Any, str] = {
    UUID: "uuid",
    str: "text",
    int: "integer",
    bool: "boolean",
    datetime: "timestamp with time zone",
    date: "date",
    timedelta: "interval",
    dict: "jsonb",
    list: "jsonb",
}
EXAMPLES: dict[Any, Any] = {  # the nth argument of a type, each different
    UUID: lambda number: UUID(int=number),
    str: lambda number: f"text {number}",
    int: lambda number: number,
    bool: lambda number: number % 2 == 0,
    datetime: lambda number: datetime(2026, 11, 20, number, tzinfo=UTC),
    date: lambda number: date(2026, 11, 1 + number),
    timedelta: lambda number: timedelta(number),
    dict: lambda number: {"number": number},
    list: lambda number: [{"number": number}],
}
METHODS = {name: method for name, method in inspect.getmembers(State, inspect.isfunction) if not name.startswith("_")}
# Functions of the release before call these during a deployment.
RELEASE_BEFORE = {
    "changes_of",
    "forecast_page",
    "history_of",
    "runs_between",
    "alerts_of_day",
    "read_configuration",
    "settle_deadline",
}
CATALOG = """
    SELECT p.proname, p.proretset, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
        ARRAY(SELECT n FROM unnest(p.proargnames, coalesce(p.proargmodes, array_fill('i'::"char", ARRAY[p.pronargs]))) AS a(n, m) WHERE m IN ('i')),
        ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, o) ORDER BY o),
        ARRAY(SELECT n FROM unnest(p.proargnames, p.proargmodes) AS a(n, m) WHERE m IN ('o', 't')),
        ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proallargtypes, p.proargmodes) AS a(t, m) WHERE m IN ('o', 't')),
        format_type(p.prorettype, NULL)
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = %s
    ORDER BY p.pronargs DESC"""


def plain(annotation: Any) -> Any:
    """The class behind an annotation: `str` of `str | None`, `dict` of `dict[str, Any]`."""
    if isinstance(annotation, types.UnionType):
        (annotation,) = [each for each in typing.get_args(annotation) if each is not type(None)]
    return typing.get_origin(annotation) or annotation


def fields(answer: type) -> dict[str, str]:
    hints = typing.get_type_hints(answer)
    return {field.name: SQL_TYPES[plain(hints[field.name])] for field in dataclasses.fields(answer)}


@pytest.mark.parametrize("name", METHODS)
def test_a_call_is_the_function_of_the_catalog(world: World, name: str) -> None:
    hints = typing.get_type_hints(METHODS[name])
    returned = hints.pop("return")
    arguments = {key: SQL_TYPES[plain(each)] for key, each in hints.items()}
    found = world.sql(CATALOG, name)
    assert found, f"the database has no function {name}"
    _, returns_rows, _, _, names, kinds, out_names, out_types, result = found[0]

    assert list(zip(names, kinds, strict=True)) == list(arguments.items())
    row = typing.get_args(returned)[0] if plain(returned) is list else returned
    if dataclasses.is_dataclass(row) and row is not OpenRun:
        assert isinstance(row, type)
        assert returns_rows == (plain(returned) is list)
        # JSON has numbers of one size; the id of an effect is the only one that needs more
        plainer = {"bigint": "integer", "timestamp with time zone": "text"}  # a moment is given as text, in RFC 3339
        sql = [plainer.get(each, each) for each in out_types]
        assert dict(zip(out_names, sql, strict=True)) == fields(row)
    elif returned is type(None):
        assert result == "void"
    else:
        assert (result, out_names) == (SQL_TYPES[plain(returned)], [])


@pytest.mark.parametrize("name", METHODS)
def test_a_call_passes_its_arguments_in_their_order(name: str) -> None:
    hints = typing.get_type_hints(METHODS[name])
    returned = hints.pop("return")
    given = [EXAMPLES[plain(each)](number) for number, each in enumerate(hints.values())]
    database = Mock()
    row = typing.get_args(returned)[0] if plain(returned) is list else returned
    if dataclasses.is_dataclass(row):
        database.call.return_value = [] if plain(returned) is list else dict.fromkeys(fields(row), 1)  # type: ignore[arg-type]
        database.rows.return_value = []
    else:
        database.call.return_value = {str: "x", int: 1, bool: True, dict: {}, date: "2026-11-20"}.get(plain(returned))

    getattr(State(database), name)(*given)

    (call,) = database.call.call_args_list + database.rows.call_args_list
    assert call.args == (name, *given)


@pytest.mark.parametrize("name", METHODS)
def test_a_call_is_planned_without_reading_whole_tables(world: World, name: str) -> None:
    """Decision 22."""
    query = "SELECT proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = %s ORDER BY pronargs DESC LIMIT 1"
    assert world.sql(query, name) == [(["enable_seqscan=off"],)], f"{name} needs `SET enable_seqscan = off`"


def sql_calls() -> Iterator[str]:
    """The SQL functions that other SQL functions or triggers call."""
    for path in FUNCTIONS.glob("state/transitions/*.sql"):
        bodies = re.sub(r"^CREATE OR REPLACE FUNCTION \w+", "", path.read_text("utf-8"), flags=re.MULTILINE)
        yield from re.findall(r"\b([a-z_]+)\(", bodies)


def test_every_function_of_the_catalog_is_called(world: World) -> None:
    """By Python or by another one: nothing is left behind, and Python cannot miss one."""
    catalog = {name for (name,) in world.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")}
    triggers = {
        "keep_status_history",
        "keep_dependency_history",
        "keep_file_history",
        "note_changed_runs",
        "follow_ends",
        "end_troubles",
        "note_status_changes",
        "note_events",
        "note_runs",
        "note_archived",
        "note_run",
        "note_changed_product",
        "note_load",
        "keep_back_effect",
    }
    assert catalog - triggers - RELEASE_BEFORE - set(sql_calls()) <= METHODS.keys()
    assert catalog >= METHODS.keys() | RELEASE_BEFORE


def test_only_the_typed_calls_reach_the_database() -> None:
    """`call` and `rows` of a database are used in `state/calling.py` alone."""
    for path in FUNCTIONS.rglob("*.py"):
        if path == Path(calling.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("call", "rows")
            ):
                assert ast.unparse(node.func) not in ("runtime.database().call", "runtime.database().rows"), path
                assert "database" not in ast.unparse(node.func.value), path


def test_only_the_keeper_makes_temporary_tables() -> None:
    """The role of most functions may make none, which a copy of the database in tests does not show."""
    making = [
        path.name for path in FUNCTIONS.glob("state/transitions/*.sql") if "TEMP TABLE" in path.read_text("utf-8")
    ]
    assert making == ["90_catalog.sql"]


def test_each_function_has_one_file() -> None:
    """The migration drops what a file no longer has by its name: of two files with one name the later would lose to the earlier."""
    defined: dict[str, set[str]] = {}
    for path in FUNCTIONS.glob("state/transitions/*.sql"):
        for name in re.findall(r"CREATE OR REPLACE FUNCTION (\w+)", path.read_text("utf-8")):
            defined.setdefault(name, set()).add(path.name)
    assert {name: files for name, files in defined.items() if len(files) > 1} == {}
