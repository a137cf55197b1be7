"""Files that lay in the bucket before their source existed: a backfill lists them, and opens the runs of their dates a few at once."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

import landed_files
import reconcile
import runtime
from headgate.cli import landed_backfill
from headgate.cli.application import inquire
from state.errors import BadEvent, IllegalTransition
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import invoke
from tests.state_files import BUCKET, PREFIX, land, positions, statuses, sweeping
from tests.state_steps import SIX, TODAY
from tests.state_world import World, daily, product

NOW = SIX + timedelta(hours=6)
DAYS = ("20261116", "20261117", "20261118")


@pytest.fixture(autouse=True)
def commands(aws: FakeAws, running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands ask the functions; while they wait, the monitor has its ticks."""
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    monkeypatch.setattr(
        landed_backfill, "inquire", lambda *given, **more: (invoke("monitor", {}), inquire(*given, **more))[1]
    )


@pytest.fixture(name="s3", params=[True])
def _s3(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        if request.param:
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setattr(landed_files, "objects", lambda: s3)
        monkeypatch.setattr(reconcile, "objects", lambda: s3)
        yield s3


def put(s3: Any, *names: str, size: int = 10) -> None:
    for each in names:
        s3.put_object(Bucket=BUCKET, Key=PREFIX + each, Body=b"x" * size)


def regions(day: str, *which: str) -> list[str]:
    return [f"positions_{each}_{day}.csv.gz" for each in which or ("EU", "US", "AP")]


def load(world: World, schedule: Any = None, **more: Any) -> None:
    """The source is new now: what lies there is not its files."""
    entry = positions(more.pop("complete", None), schedule=schedule, reconcile=86400, **more)
    world.load({"raw/positions": entry}, NOW - timedelta(minutes=1))


def answer(headgate: Headgate, *words: str) -> str:
    """Without what the monitor logs, and with one space between columns."""
    code, text = headgate("backfill", *words)
    assert code == 0, text
    lines = [line for line in text.splitlines() if not line.startswith('{"released"')]
    return "\n".join(line if "--json" in words else " ".join(line.split()) for line in lines)


def runs(world: World) -> dict[str, str]:
    return {
        str(day): status if released is None else "RELEASED"
        for day, status, released in world.sql(
            "SELECT business_date, status, released_at FROM data_product_status ORDER BY 1"
        )
    }


@pytest.mark.parametrize("s3", [True, False], indirect=True)
@pytest.mark.parametrize("schedule", [None, "06:00"])
def test_the_runs_of_their_dates_are_opened_a_few_at_once(
    world: World, headgate: Headgate, s3: Any, schedule: Any
) -> None:
    put(s3, *(name for day in DAYS for name in regions(day)), "")
    load(world, schedule, versioned=bool(s3.get_bucket_versioning(Bucket=BUCKET).get("Status")))
    invoke("monitor", {})
    assert statuses(world) == {}, "what lay there before is left alone"

    assert answer(headgate, "raw/positions", "--files", "--at-once", "2") == (
        f"Backfill 1 lists s3://{BUCKET}/{PREFIX}; then it opens the runs of the dates that it finds, 2 at once. `headgate backfill --watch` shows how far it is, "
        "`headgate backfill --stop 1` ends it."
    )
    assert runs(world) == {}
    assert invoke("monitor", {})["backfilled"] == 2
    assert runs(world) == {"2026-11-16": "RELEASED", "2026-11-17": "RELEASED"}
    assert len(statuses(world)) == 9
    world.sql("UPDATE data_product_status SET status = 'COMPLETED'")
    world.state.continue_backfills(NOW)
    assert runs(world)["2026-11-18"] == "RELEASED"
    assert world.sql("SELECT DISTINCT how, version_id IS NULL FROM landing_file")[0][0] == "listed"


def test_what_was_listed_is_taken_once_however_often_it_is_repeated(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions(DAYS[0]), *regions(DAYS[0], "EU"))
    load(world)
    for number in (1, 2):
        answer(headgate, "raw/positions", "--files")
        invoke("monitor", {})
        assert statuses(world)[regions(DAYS[0])[0]] == ["SUPERSEDED", "RECEIVED"]
        assert world.sql("SELECT count(*) FROM landing_file") == [(4,)]
        assert world.sql("SELECT sum(known) FROM backfill_files WHERE backfill_id = %s", number) == [
            ((number - 1) * 4,)
        ]
    assert world.sql("SELECT count(*), sum(generation) FROM landing_set") == [(1, 1)]


def test_a_listing_that_is_interrupted_goes_on_where_it_was(
    world: World, headgate: Headgate, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each part, at its end, and by two monitors at once."""
    put(s3, *(name for day in DAYS for name in regions(day)))
    load(world)
    answer(headgate, "raw/positions", "--files", "--at-once", "9")
    monkeypatch.setattr(reconcile, "PAGE", 2)
    state, parts = world.state, 0
    while (listings := state.listings()) and parts < 20:
        parts += 1
        held = state.record_listing
        calls: list[Any] = []

        def once(*given: Any, held: Any = held, calls: list[Any] = calls) -> bool:
            if calls:
                raise TimeoutError
            calls.append(given)
            assert held(*given)
            return not held(*given)  # the same part again changes nothing

        monkeypatch.setattr(state, "record_listing", once)
        with suppress(TimeoutError):
            reconcile.list_for_backfill(state, listings[0], NOW, lambda: 900.0)
        monkeypatch.setattr(state, "record_listing", held)
    assert parts == 5
    assert world.sql("SELECT objects, others FROM backfill_listing") == [(9, 0)]
    assert world.sql("SELECT sum(files) FROM backfill_files") == [(9,)]
    assert set(runs(world).values()) == {"RELEASED"}
    assert len(runs(world)) == 3


def test_a_dry_run_says_which_dates_and_how_many_files_and_takes_none(
    world: World, headgate: Headgate, s3: Any
) -> None:
    put(s3, *regions(DAYS[0]), *regions(DAYS[1], "EU"), *regions("20261340", "EU"), "else.csv")
    put(s3, *regions(DAYS[1], "US"), size=0)
    load(world)
    assert answer(headgate, "raw/positions", "--files", "--dry-run").splitlines() == [
        f"Of 7 objects below s3://{BUCKET}/{PREFIX} 4 would be taken, 40 bytes, of 2 business dates:",
        "date files size run what happens",
        "2026-11-16 3 30 bytes its run is opened",
        "2026-11-17 1 0 bytes rejected: recorded, and counts for no set",
        "2026-11-17 1 10 bytes its run is opened",
        "1 object is of no source or of another product, 1 has no business date.",
        "Nothing has been changed.",
    ]
    assert (statuses(world), runs(world)) == ({}, {})
    found = json.loads(answer(headgate, "raw/positions", "--files", "--dry-run", "--json", "--date", "2026-11-16"))
    assert [each["business_date"] for each in found["dates"]] == ["2026-11-16"]
    assert found["listing"]["outside"] == 2


def test_dates_that_were_refreshed_stay_as_they_are_and_runs_that_wait_go_on(
    world: World, headgate: Headgate, s3: Any
) -> None:
    put(s3, *(name for day in DAYS for name in regions(day)))
    load(world, "06:00")
    for day in ("2026-11-16", "2026-11-17"):
        headgate("backfill", "raw/positions", "--date", day)
    world.sql("UPDATE data_product_status SET status = 'COMPLETED' WHERE business_date = '2026-11-16'")
    said = answer(headgate, "raw/positions", "--files", "--dry-run")
    assert "2026-11-16 3 30 bytes COMPLETED left alone: the date is refreshed" in said
    assert "2026-11-17 3 30 bytes WAITING its run goes on with them" in said
    answer(headgate, "raw/positions", "--files")
    assert invoke("monitor", {})["backfilled"] == 1
    assert runs(world) == {"2026-11-16": "COMPLETED", "2026-11-17": "RELEASED", "2026-11-18": "RELEASED"}
    assert len(statuses(world)) == 6


def test_a_run_that_has_ended_without_its_files_is_run_again_by_hand(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions(DAYS[0]))
    load(world, "06:00")
    headgate("backfill", "raw/positions", "--date", "2026-11-16")
    headgate("cancel", "raw/positions", "--date", "2026-11-16")
    said = answer(headgate, "raw/positions", "--files", "--dry-run")
    assert "2026-11-16 3 30 bytes CANCELLED recorded; `headgate rerun` uses them" in said
    answer(headgate, "raw/positions", "--files")
    invoke("monitor", {})
    assert runs(world) == {"2026-11-16": "CANCELLED"}
    headgate("rerun", "raw/positions", "--date", "2026-11-16")
    assert runs(world) == {"2026-11-16": "RELEASED"}


def test_a_set_that_is_incomplete_waits_for_the_rest(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions(DAYS[0], "EU", "US"))
    load(world)
    answer(headgate, "raw/positions", "--files")
    invoke("monitor", {})
    assert runs(world) == {"2026-11-16": "WAITING"}
    assert "  AP  not here" in headgate("why", "raw/positions", "--date", "2026-11-16")[1]


def test_dates_that_the_schedule_does_not_open_are_named(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions("20261115"), *regions("20261116"))
    schedule = daily("06:00")
    schedule["fires"]["month_days"] = [16]
    load(world, schedule)
    said = answer(headgate, "raw/positions", "--files", "--dry-run")
    assert "2026-11-15 3 30 bytes recorded; its schedule opens no run for the date" in said


def test_files_of_a_product_that_sweeps_wait_for_its_next_opening(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, "positions_EU_1of2.csv.gz", "positions_EU_2of2.csv.gz")
    world.load({"raw/positions": sweeping(reconcile=86400, pattern=".*")}, NOW - timedelta(minutes=1))
    answer(headgate, "raw/positions", "--files")
    invoke("monitor", {})
    assert runs(world) == {}
    assert world.sql("SELECT DISTINCT status, business_date FROM landing_file") == [("RECEIVED", None)]


def test_only_what_a_prefix_names_is_listed(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions(DAYS[0]), *regions(DAYS[1]))
    load(world)
    answer(headgate, "raw/positions", "--files", "--prefix", "positions_EU", "--dry-run")
    answer(headgate, "raw/positions", "--files", "--prefix", f"{PREFIX}positions_EU", "--dry-run")
    assert world.sql("SELECT prefix, objects FROM backfill_listing") == [(f"{PREFIX}positions_EU", 2)] * 2


def test_a_listing_that_is_stopped_takes_nothing_more(world: World, headgate: Headgate, s3: Any) -> None:
    put(s3, *regions(DAYS[0]))
    load(world)
    answer(headgate, "raw/positions", "--files")
    with pytest.raises(
        IllegalTransition,
        match="backfill 1 lists the files of raw/positions already; `headgate backfill --stop 1` ends it",
    ):
        headgate("backfill", "raw/positions", "--files")
    assert "listing: 0 objects" in answer(headgate, "--list")
    answer(headgate, "--stop", "1")
    invoke("monitor", {})
    assert (statuses(world), runs(world)) == ({}, {})


def test_files_that_were_reported_meanwhile_are_known(world: World, headgate: Headgate, s3: Any) -> None:
    """The run of a date that an event opened before its turn has the listed files as well."""
    put(s3, *regions(DAYS[0], "EU", "US"))
    load(world)
    answer(headgate, "raw/positions", "--files")
    land(world, regions(DAYS[0], "AP"), NOW, version="9")
    assert runs(world) == {"2026-11-16": "WAITING"}
    invoke("monitor", {})
    assert runs(world) == {"2026-11-16": "RELEASED"}


def test_what_cannot_be_is_refused(world: World, headgate: Headgate) -> None:
    world.load({"d/x": product(None, "06:00", name="x")}, SIX)
    with pytest.raises(IllegalTransition, match="d/x has no files; without --files its runs are opened"):
        headgate("backfill", "d/x", "--files")
    with pytest.raises(BadEvent):
        invoke("operate", {"action": "backfill", "domain": "d", "landed": "take", "actor": "ann"})
    for words in (["raw"], ["d/x", "--expect", "0" * 32], ["d/x", "--until", TODAY]):
        assert headgate("backfill", *words, "--files")[0] == 2
    assert headgate("backfill", "d/x", "--prefix", "a")[0] == 2
