"""`headgate changes`: which deployment changed what, in the words of `headgate plan`; and by which commit a run goes."""

import json
from typing import Any

import pytest

import runtime
from headgate.cli import application
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke
from tests.state_steps import DAY, TODAY, opened
from tests.state_world import World, at, daily, external, product

NOVEMBER = {"us": {"weekend": [6, 7], "dates": ["2026-11-26"]}}
WITH_CHRISTMAS = {"us": {"weekend": [6, 7], "dates": ["2026-11-26", "2026-12-25"]}}


def deployed(world: World, commit: str, now: str, products: dict[str, Any], calendars: Any = None, **more: Any) -> Any:
    from state import catalog

    content = {"version": 1, "domains": {}, "calendars": calendars or {}, "products": products}
    return catalog.load(world.state, content, f"upload {commit}", commit, at(now), "deployment", at(now), **more)


def mesh(depends_on: Any = "raw/a", **more: Any) -> dict[str, Any]:
    return {
        "raw/a": external(),
        "raw/b": external(),
        "d/x": product(depends_on, name="x", schedule=daily("06:00", calendar="us"), **more),
    }


@pytest.fixture
def headgate_on(world: World, aws: FakeAws, headgate: Headgate, monkeypatch: pytest.MonkeyPatch) -> Headgate:
    class Running:
        def call(self, output: str, event: dict[str, Any]) -> Any:
            return json.loads(json.dumps(invoke("inquire", event)))

    monkeypatch.setattr(application, "application", lambda arguments: Running())
    monkeypatch.setattr(runtime, "now", lambda: at(f"{TODAY} 12:00"))
    monkeypatch.setenv("TZ", "UTC")
    return headgate


@pytest.fixture
def history(world: World) -> None:
    """Four deployments; the third changes no metadata."""
    deployed(world, "aaaaaaa1", "2026-11-18 09:00", mesh(), NOVEMBER)
    deployed(world, "bbbbbbb2", "2026-11-19 10:00", mesh(["raw/a", "raw/b"], sla={"complete_by": "08:00"}), NOVEMBER)
    deployed(world, "ccccccc3", "2026-11-19 11:00", mesh(["raw/a", "raw/b"], sla={"complete_by": "08:00"}), NOVEMBER)
    without = mesh("raw/a", sla={"complete_by": "08:00"}, wait={"deadline": 3600, "on_deadline": "skip"})
    del without["raw/b"]
    deployed(world, "ddddddd4", f"{TODAY} 07:00", without, WITH_CHRISTMAS)


def test_each_deployment_says_what_it_changed(history: None, headgate_on: Headgate) -> None:
    code, printed = headgate_on("changes")
    assert (code, printed) == (
        0,
        """\
Nov 20 07:00  commit ddddddd4, deployed by deployment
  calendars/us  adds 2026-12-25
  d/x  no longer waits for raw/b
  d/x  deadline 4h -> 1h
  d/x  on_deadline fail -> skip
  raw/b  removed
Nov 19 10:00  commit bbbbbbb2, deployed by deployment
  d/x  now also waits for raw/b
  d/x  complete_by none -> 08:00
Nov 18 09:00  commit aaaaaaa1, deployed by deployment
  d/x  added: opens by cron x; waits for raw/a
  raw/a  added: external: refreshed elsewhere; opens by events
  raw/b  added: external: refreshed elsewhere; opens by events
""",
    )


def test_of_a_product_its_calendar_counts_as_well(history: None, headgate_on: Headgate) -> None:
    _, printed = headgate_on("changes", "d/x", "--since", TODAY)
    assert [line.split()[0] for line in printed.splitlines()[1:]] == ["calendars/us", "d/x", "d/x", "d/x"]
    _, printed = headgate_on("changes", "raw/b", "--since", "2026-11-19")
    assert printed.splitlines()[1:] == ["  raw/b  removed"]
    assert headgate_on("changes", "raw/a", "--since", TODAY) == (0, "No deployment changed raw/a since 2026-11-20.\n")
    _, printed = headgate_on("changes", "--since", "2026-11-19", "--until", "2026-11-19")
    assert [line.split()[0] for line in printed.splitlines()] == ["Nov", "d/x", "d/x"]
    assert headgate_on("changes", "--until", "2026-11-17") == (
        0,
        "No deployment changed the metadata until 2026-11-17.\n",
    )
    _, printed = headgate_on("changes", "--domain", "d", "--json")
    assert [each["what"] for each in json.loads(printed)["changes"]][1] == [
        "now also waits for raw/b",
        "complete_by none -> 08:00",
    ]


def test_many_that_are_added_are_counted(world: World, headgate_on: Headgate) -> None:
    deployed(
        world, "aaaaaaa1", "2026-11-18 09:00", {f"d/p{number:02}": product(name=f"p{number}") for number in range(20)}
    )
    lines = headgate_on("changes")[1].splitlines()
    assert lines[1] == "  20 products added: " + ", ".join(f"d/p{number:02}" for number in range(8)) + " and 12 more"
    assert len(lines) == 2


def test_order_and_parallel_steps_are_changes_too(world: World, headgate_on: Headgate) -> None:
    """What the state keeps of a pipeline has neither, so nothing else of it changes."""
    one, two = (product(name="x")["pipeline"]["steps"][0] | {"name": name} for name in ("one", "two"))
    for commit, now, steps in (
        ("a", "2026-11-18 09:00", [one, two]),
        ("b", "2026-11-19 09:00", [{"parallel": [[one], [two]]}]),
    ):
        loaded = deployed(world, commit, now, {"d/x": product(name="x", pipeline={"timeout": None, "steps": steps})})
    assert loaded.changed == 0
    assert "d/x  steps run in another order" in headgate_on("changes")[1]


def test_what_was_loaded_before_changes_were_kept(world: World, headgate_on: Headgate) -> None:
    """A deployment of this release brings the sources of all, and only what it changed is a change."""
    deployed(world, "a", "2026-11-18 09:00", {**mesh(), "d/y": product(name="y")})
    world.sql("UPDATE data_product SET source = NULL; DELETE FROM catalog_change")
    deployed(world, "b", "2026-11-19 09:00", {**mesh(["raw/a", "raw/b"]), "d/y": product(name="y")})
    assert headgate_on("changes")[1].splitlines()[1:] == ["  d/x  changed; what was before was not kept then"]


def test_a_refused_product_has_not_changed(world: World, headgate_on: Headgate) -> None:
    deployed(world, "a", "2026-11-18 09:00", mesh())
    nowhere = {**mesh(), "d/x": product(schedule=daily("06:00", timezone="No/Where"))}
    deployed(world, "b", "2026-11-19 09:00", nowhere)
    assert headgate_on("changes", "--since", "2026-11-19")[1].startswith("No deployment changed the metadata")


def test_a_change_that_no_row_can_hold_is_named(world: World, headgate_on: Headgate) -> None:
    for commit, now, letter in (("a", "2026-11-18 09:00", "x"), ("b", "2026-11-19 09:00", "y")):
        deployed(world, commit, now, {"d/x": product(name="x", description=letter * 40_000)})
    assert "  d/x  the difference is too large to be shown" in headgate_on("changes")[1]


def test_what_was_deployed_before_the_first_commit_says_so(world: World, headgate_on: Headgate) -> None:
    deployed(world, "", "2026-11-19 09:00", mesh(), NOVEMBER)
    opened(world, f"{TODAY} 06:30")
    assert "Metadata of an unknown commit, loaded at Nov 19 09:00." in headgate_on("why", "d/x")[1]
    assert "of an unknown commit\n" in headgate_on("catalog")[1]


def test_a_run_knows_the_commit_it_goes_by(history: None, world: World, headgate_on: Headgate) -> None:
    """A run that waits goes by the metadata of now, a pipeline by that of its start."""
    opened(world, f"{TODAY} 06:30")
    world.event("raw/a", TODAY, at(f"{TODAY} 07:10"))
    assert "Metadata of commit ddddddd4, loaded at 07:00." in headgate_on("why", "d/x")[1]
    run = world.run("d/x", TODAY)["run_id"]
    world.state.begin_pipeline(run, 1, None, at(f"{TODAY} 07:20"))
    deployed(world, "eeeeeee5", f"{TODAY} 08:00", mesh("raw/a", sla={"complete_by": "09:00"}))
    assert "Metadata of commit ddddddd4, loaded at 07:00." in headgate_on("why", "d/x")[1]

    entries = [json.loads(each.entry) for each in world.state.history_page("d/x", DAY, DAY, "", 50, False)]
    assert [each["commit"] for each in entries if each["kind"] == "run" and "released" not in each] == [
        "ccccccc3",
        "ddddddd4",
    ]
    _, printed = headgate_on("history", "d/x")
    changed = [line.split("d/x  ", 1)[1] for line in printed.splitlines() if "metadata changed" in line]
    assert changed == [
        f"metadata changed by commit {commit} (deployment); `headgate changes d/x` says how"
        for commit in ("ddddddd4", "eeeeeee5")
    ]


def test_a_run_of_a_load_that_is_not_kept_any_more(history: None, world: World, headgate_on: Headgate) -> None:
    opened(world, f"{TODAY} 06:30")
    world.sql("UPDATE data_product_status SET started_at = '2026-01-01', status = 'PROCESSING'")
    code, printed = headgate_on("why", "d/x")
    assert (code, "Metadata" in printed) == (0, False)
