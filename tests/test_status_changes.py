"""`status` since a position: what an answer knows and what has changed since are together what a whole answer knows."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

import inquire
import runtime
from columns import columns
from tests.fake_aws import FakeAws
from tests.state_steps import DAY, LOADED, TODAY, complete, opened
from tests.state_world import World, at, external, product

Answer = dict[str, Any]


@pytest.fixture
def mesh(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> World:
    """raw/in -> d1/a -> d1/b, due at 8:00; d1/c waits for raw/in and raw/late. It is 7:00."""
    products = {
        "raw/in": external(),
        "raw/late": external(),
        "d1/a": product("raw/in", name="a"),
        "d1/b": product("d1/a", name="b", sla={"complete_by": "08:00"}),
        "d1/c": product(["raw/in", "raw/late"], name="c"),
    }
    world.load(products, LOADED)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-20 07:00"))
    opened(world)
    return world


def asked(**question: Any) -> Answer:
    return inquire.handler({"question": "status", "business_date": TODAY, **question}, None)


def applied(known: list[Answer], answer: Answer) -> list[Answer]:
    """What a page shows after an answer."""
    if answer["whole"]:
        return list(answer["products"])
    kept = [each for each in known if each["product"] not in answer["changed"]]
    return sorted(kept + answer["products"], key=lambda each: (each["product"], each.get("cycle", "")))


def happenings(world: World) -> Iterator[tuple[str, set[str] | None]]:
    """What happens in a morning, and the products whose rows it changes; None: the whole answer is given again."""
    world.event("raw/in", TODAY, at("2026-11-20 06:30"))
    yield "an arrival that releases one run and leaves the other waiting", {"raw/in", "d1/a", "d1/c"}
    complete(world, "d1/a")
    yield "a run that ended", {"d1/a"}
    world.event("d1/a", TODAY, at("2026-11-20 06:36"), run_id=str(world.run("d1/a", TODAY)["run_id"]), attempt=1)
    yield "its event, which releases another", {"d1/a", "d1/b"}
    world.state.set_hold("d1/c", None, "", True, "ann", at("2026-11-20 06:40"))
    yield "a hold of a product", {"d1/c"}
    world.state.waive_input("d1/c", DAY, "", "raw/late", "not needed", False, "ann", at("2026-11-20 06:41"))
    yield "a waiver", {"d1/c"}
    world.state.set_hold("d1/c", None, "", False, "ann", at("2026-11-20 06:42"))
    yield "its end", {"d1/c"}
    effect = "effect_id = (SELECT max(effect_id) FROM effect WHERE run_id = %s)"
    run = world.run("d1/b", TODAY)["run_id"]
    world.sql(f"UPDATE effect SET failing_since = %s WHERE {effect}", at("2026-11-20 06:00"), run)
    yield "an effect that fails", {"d1/b"}
    world.sql(f"UPDATE effect SET parked_at = %s WHERE {effect}", at("2026-11-20 06:50"), run)
    yield "one that is parked", {"d1/b"}
    world.state.cancel_run("d1/b", DAY, "", "wrong", "ann", at("2026-11-20 06:55"))
    yield "a cancelled run", {"d1/b"}
    world.event("raw/late", "2026-11-19", at("2026-11-20 06:56"))
    yield "an event of another date, by which it is expected on this one", {"raw/late"}
    world.load({"raw/in": external(), "d1/a": product("raw/in", name="a", owner="bob")}, at("2026-11-20 06:57"))
    yield "a load, which removes products", None
    world.sql("DELETE FROM data_product_dependencies_events_status")
    world.sql("DELETE FROM effect")
    world.sql("DELETE FROM data_product_status WHERE product_id = 'd1/c'")
    yield "a run that went to the archive", None
    yield "nothing", set()


def test_what_has_changed_and_what_was_known_are_the_whole_answer(mesh: World) -> None:
    answer = asked()
    known, own = applied([], answer), asked(domain="d1")
    shown = applied([], own)
    for what, expected in happenings(mesh):
        answer = asked(since=answer["position"])
        known = applied(known, answer)
        own = asked(domain="d1", since=own["position"])
        shown = applied(shown, own)

        assert known == asked()["products"], what
        assert shown == [each for each in known if each["product"].startswith("d1/")], what
        assert answer["whole"] is (expected is None), what
        assert set(answer.get("changed", ())) == (expected or set()), what
        assert {each["product"] for each in answer["products"]} <= expected if expected is not None else True, what


def test_what_was_under_way_when_an_answer_was_given_is_in_the_next(mesh: World) -> None:
    """A transaction that began before the question and ends after it, while later ones have ended."""
    with psycopg.connect(mesh.dsn) as other:
        other.execute("UPDATE data_product_status SET event = 'waiting' WHERE product_id = 'd1/b'")
        mesh.state.set_hold("d1/a", None, "", True, "ann", at("2026-11-20 06:40"))
        first = asked()
        assert asked(since=first["position"])["changed"] == ["d1/a"], "once more, as nobody knows which were first"
        other.commit()
    second = asked(since=first["position"])
    assert second["changed"] == ["d1/a", "d1/b"]
    assert asked(since=second["position"])["changed"] == []


def test_a_position_of_another_question_is_answered_in_whole(mesh: World) -> None:
    position = asked()["position"]
    number = position.split()[-1]
    assert asked(since=position)["whole"] is False
    assert asked(since=position, business_date="2026-11-19")["whole"] is True
    assert asked(since=position, domain="d1")["whole"] is True
    assert asked(since=position.replace(number, "1"))["whole"] is True, "nothing is known of so long ago"
    assert asked(since=position.replace(number, str(10**9)))["whole"] is True, "of another database"


def test_more_changes_than_can_be_named_are_answered_in_whole(mesh: World) -> None:
    position = asked()["position"]
    mesh.load({f"d/p{number:03}": external() for number in range(401)}, at("2026-11-20 06:10"))
    position = asked()["position"]
    for number in range(400):
        mesh.sql("INSERT INTO status_change (business_date, product_id) VALUES (%s, %s)", TODAY, f"d/p{number:03}")
    assert len(asked(since=position)["changed"]) == 400
    mesh.sql("INSERT INTO status_change (business_date, product_id) VALUES (%s, 'd/p400')", TODAY)
    assert asked(since=position)["whole"] is True


def test_what_is_kept_is_everything_since_a_position(mesh: World) -> None:
    def delete(moment: str) -> int:
        return int(mesh.state.delete_spent(400, 60, 2557, 2, at(moment))["status_changes"])  # two rows of a kind a call

    count = mesh.sql("SELECT count(*) FROM status_change")[0][0]
    old = asked()["position"]
    mesh.sql("INSERT INTO status_change (business_date, product_id) VALUES (%s, 'd1/a')", TODAY)
    assert asked(since=old)["changed"] == ["d1/a"]
    assert delete("2026-11-21 01:20") == 0
    young = asked()["position"]
    mesh.sql("INSERT INTO status_change (business_date, product_id) VALUES (%s, 'd1/b')", TODAY)
    assert delete("2026-11-22 01:20") == 0, "not yet two days"
    assert asked(since=old)["whole"] is False
    deleted = 0
    while some := delete("2026-11-23 01:20"):
        deleted += some
    assert deleted == count + 1
    assert mesh.sql("SELECT product_id FROM status_change") == [("d1/b",)]
    assert asked(since=old)["whole"] is True, "something that came later was deleted"
    assert asked(since=young)["changed"] == ["d1/b"]
    assert delete("2027-11-21 01:20") == 1
    assert asked(since=young)["whole"] is True
    assert mesh.sql("SELECT count(*) FROM status_mark") == [(2,)]


def test_a_status_in_columns_says_what_its_rows_say(mesh: World) -> None:
    mesh.event("raw/in", TODAY, at("2026-11-20 06:30:00"))
    rows = asked()["products"]
    answer = asked(columns=True)["products"]
    assert answer == columns(rows, DAY)
    assert read(answer) == rows
    assert answer["columns"]["opened_at"]["values"] == [21600, 21600, 21600, None, None]


def read(answer: Answer) -> list[Answer]:
    """The rows, as a reader of the columns makes them; moments as they were."""
    rows: list[Answer] = [{} for _ in range(answer["rows"])]
    for field, column in answer["columns"].items():
        numbers = column.get("at", range(answer["rows"]))
        for number, value in zip(numbers, column["values"], strict=True):
            if value is None:
                continue
            found = column["of"][value] if "of" in column else value
            if field.endswith(("_at", "_until")):
                found = (at(TODAY) + timedelta(seconds=found)).isoformat()
            rows[number][field] = found
    for row in rows:
        for field, value in row.items():
            if isinstance(value, list):
                row[field] = [rows[each]["product"] if isinstance(each, int) else each for each in value]
    return rows


def test_columns_of_many_rows() -> None:
    rows: list[Answer] = [
        {
            "product": f"d/p{number}",
            "status": "ERROR" if number % 9 == 0 else "COMPLETED",
            "attempt": 1,
            "missing": ["d/p0", "raw/x"] if number == 3 else [],
        }
        for number in range(30)
    ]
    rows[7] |= {"late": True, "due_at": "2026-11-20T08:00:00.250000+00:00"}
    found = columns(rows, date(2026, 11, 20))
    assert found["columns"]["status"]["of"] == ["ERROR", "COMPLETED"]
    assert found["columns"]["late"] == {"at": [7], "values": [True]}
    assert found["columns"]["due_at"] == {"at": [7], "values": [28800.25]}
    assert read(found) == [
        {**row, **({"due_at": "2026-11-20T08:00:00.250000+00:00"} if "due_at" in row else {})} for row in rows
    ]
    assert columns([], date(2026, 11, 20)) == {"rows": 0, "columns": {}}
