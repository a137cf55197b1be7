"""`rerun --downstream` reaches everything that needs the refresh, in every account, and ends as it would in one."""

from collections.abc import Iterator
from typing import Any

import pytest

from headgate.cli.commands.rerun import attempts
from headgate.local.postgres import Postgres
from state.catalog import restrict_to_account
from tests.state_steps import DAY, LOADED, TODAY, ends, happened, opened, publish, state_of
from tests.state_world import World, at, leaf, new_world, product

SEVEN, EIGHT, NINE = at("2026-11-20 07:00"), at("2026-11-20 08:00"), at("2026-11-20 09:00")
ACCOUNTS = {"a": "111111111111", "b": "222222222222", "c": "333333333333"}
# a/x -> b/y -> a/z -> c/w, and b/f is the fallback of a/x
PRODUCTS = {
    "a/x": product(name="x"),
    "b/y": product("a/x", name="y"),
    "a/z": product("b/y", name="z"),
    "c/w": product("a/z", name="w"),
    "b/f": product({"all_of": [leaf("a/x", status=["ERROR"])]}, name="f"),
}
CHAIN = ("a/x", "b/y", "a/z", "c/w")


@pytest.fixture
def mesh(postgres: Postgres) -> Iterator[dict[str, World]]:
    """A world for each account, by its domain."""
    content: dict[str, Any] = {
        "domains": {name: {"account": account, "region": "r"} for name, account in ACCOUNTS.items()},
        "products": PRODUCTS,
    }
    with new_world(postgres) as a, new_world(postgres) as b, new_world(postgres) as c:
        worlds = {"a": a, "b": b, "c": c}
        for name, world in worlds.items():
            world.load(restrict_to_account(content, ACCOUNTS[name], "r")["products"], LOADED)
            opened(world)
        yield worlds


def home(mesh: dict[str, World], name: str) -> World:
    return mesh[name.split("/")[0]]


def complete(mesh: dict[str, World], name: str, attempt: int, now: Any) -> None:
    ends(home(mesh, name), name, "COMPLETED", now, attempt)
    run = str(home(mesh, name).run(name, TODAY)["run_id"])
    for world in mesh.values():
        world.event(name, TODAY, now, run_id=run, attempt=attempt)
    spread(mesh, now)


def spread(mesh: dict[str, World], now: Any) -> list[str]:
    """Every event of every account to all accounts, until there is none."""
    published: list[str] = []
    while more := [each for world in mesh.values() for each in publish(world, now, *(o for o in mesh.values() if o is not world))]:  # fmt: skip
        published += more
    return published


def test_everything_downstream_in_every_account_runs_again_once(mesh: dict[str, World]) -> None:
    for name in CHAIN:
        complete(mesh, name, 1, SEVEN)
    assert state_of(mesh["b"], "b/f") == (1, "SKIPPED", False), "the fallback is not needed"

    result = mesh["a"].state.rerun("a/x", DAY, "", True, "rerun", "ann", EIGHT)
    assert attempts(result) == [
        "a/x for 2026-11-20: attempt 2",
        "Reached by events, where these have ended:",
        "  b/y for 2026-11-20, in account 222222222222 (r)",
        "  c/w for 2026-11-20, in account 333333333333 (r)",
        "  a/z for 2026-11-20, here, behind products of other accounts",
    ]
    spread(mesh, EIGHT)
    assert {name: state_of(home(mesh, name), name)[:2] for name in CHAIN} == dict.fromkeys(CHAIN, (2, "WAITING"))
    assert state_of(mesh["b"], "b/f")[0] == 1
    assert "outdated 1" not in happened(mesh["b"], "b/y")
    for name in CHAIN:
        complete(mesh, name, 2, NINE)
    assert {name: state_of(home(mesh, name), name)[:2] for name in CHAIN} == dict.fromkeys(CHAIN, (2, "COMPLETED"))


def test_what_is_under_way_elsewhere_runs_again_after_its_end(mesh: dict[str, World]) -> None:
    complete(mesh, "a/x", 1, SEVEN)
    b = mesh["b"]
    b.state.begin_pipeline(b.run("b/y", TODAY)["run_id"], 1, None, SEVEN)
    mesh["a"].state.rerun("a/x", DAY, "", True, "rerun", "ann", EIGHT)
    spread(mesh, EIGHT)
    assert state_of(b, "b/y") == (1, "PROCESSING", True)
    complete(mesh, "a/x", 2, EIGHT)
    ends(b, "b/y", "COMPLETED", NINE)
    assert state_of(b, "b/y") == (2, "WAITING", True)


def test_a_fallback_that_has_run_stays_completed(mesh: dict[str, World]) -> None:
    a, b = mesh["a"], mesh["b"]
    ends(a, "a/x", "ERROR", SEVEN, error="JobFailed")
    b.event("a/x", TODAY, SEVEN, status="ERROR", run_id=str(a.run("a/x", TODAY)["run_id"]), attempt=1)
    ends(b, "b/f", "COMPLETED", SEVEN)
    a.state.rerun("a/x", DAY, "", True, "rerun", "ann", EIGHT)
    spread(mesh, EIGHT)
    complete(mesh, "a/x", 2, NINE)
    assert state_of(b, "b/f") == (1, "COMPLETED", True)


def test_the_same_in_one_account(world: World) -> None:
    world.load(PRODUCTS, LOADED)
    opened(world)
    for name in CHAIN:
        ends(world, name, "COMPLETED", SEVEN)
        publish(world, SEVEN)
    result = world.state.rerun("a/x", DAY, "", True, "rerun", "ann", EIGHT)
    assert [(each["product"], each["attempt"]) for each in result] == [(name, 2) for name in ("a/x", "a/z", "b/y", "c/w")]  # fmt: skip
    publish(world, EIGHT)
    for name in CHAIN:
        ends(world, name, "COMPLETED", NINE, attempt=2)
        publish(world, NINE)
    assert {name: state_of(world, name)[:2] for name in CHAIN} == dict.fromkeys(CHAIN, (2, "COMPLETED"))
    assert state_of(world, "b/f") == (1, "SKIPPED", False)
