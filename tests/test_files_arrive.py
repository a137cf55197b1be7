"""A set of files that is complete starts its product."""

from datetime import timedelta
from typing import Any

import pytest

import refresh_events
from state.errors import BadEvent
from tests.handler_steps import refreshed
from tests.state_files import land, positions, seen, source, statuses
from tests.state_steps import LOADED, SIX, TODAY
from tests.state_world import World, external, product

EU, US, AP = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP"))


def load(world: World, complete: dict[str, Any] | None = None, **more: Any) -> None:
    world.load({"raw/positions": positions(complete, **more)}, LOADED)


def test_the_first_file_opens_the_run_and_the_last_starts_it(world: World) -> None:
    load(world)
    assert land(world, [EU, US], SIX) == {
        "recorded": 2, "repeated": 0, "superseded": 0, "unmatched": 0, "rejected": 0, "released": 0,
    }  # fmt: skip
    assert world.run("raw/positions", TODAY)["released_at"] is None
    assert land(world, [AP], SIX)["released"] == 1
    assert world.run("raw/positions", TODAY)["release_reason"] == "the last file arrived"


def released(world: World, date: str = TODAY, cycle: str = "") -> bool:
    return world.run("raw/positions", date, cycle)["released_at"] is not None


def test_a_file_counts_once_however_often_it_is_reported(world: World) -> None:
    load(world, {"count": 2})
    files = source({"count": 2})
    thrice = [seen(files, EU, SIX)] * 3
    assert world.state.record_files(thrice, SIX).recorded == 1
    assert world.state.record_files(thrice, SIX).repeated == 3
    assert world.sql("SELECT count(*) FROM landing_file") == [(1,)]
    assert not released(world)


def test_of_each_object_the_newest_version_counts_in_whatever_order_they_come(world: World) -> None:
    """S3 compares sequencers padded with zeros on the right: 5A is newer than 59F."""
    load(world, {"count": 2})
    land(world, [EU], SIX, version="5A")
    assert land(world, [EU], SIX, version="59F") == {
        "recorded": 1, "repeated": 0, "superseded": 1, "unmatched": 0, "rejected": 0, "released": 0,
    }  # fmt: skip
    land(world, [EU], SIX, version="5B")
    land(world, [EU], SIX, version="59F")
    assert statuses(world) == {EU: ["SUPERSEDED", "SUPERSEDED", "RECEIVED"]}
    assert not released(world)


def test_a_file_that_is_too_small_is_rejected_and_a_corrected_one_takes_its_place(world: World) -> None:
    load(world, {"count": 1})
    assert land(world, [EU], SIX, size=0)["rejected"] == 1
    assert world.sql("SELECT reason FROM landing_file") == [("smaller than 1 byte",)]
    assert not released(world)
    assert land(world, [EU], SIX, version="2")["released"] == 1
    assert statuses(world) == {EU: ["REJECTED", "RECEIVED"]}


def test_a_good_file_that_is_overwritten_by_an_empty_one_is_missing_again(world: World) -> None:
    load(world)
    land(world, [EU, US], SIX)
    land(world, [EU], SIX, version="2", size=0)
    assert land(world, [AP], SIX)["released"] == 0
    assert land(world, [EU], SIX, version="3")["released"] == 1


def test_a_set_settles_before_it_arrives(world: World) -> None:
    load(world, {"count": 1}, settle=120)
    minute = timedelta(minutes=1)
    land(world, [EU], SIX)
    assert world.state.settle_files(SIX + minute) == 0
    land(world, [EU], SIX + minute, version="2")
    assert world.state.settle_files(SIX + 2 * minute) == 0
    assert world.state.settle_files(SIX + 3 * minute) == 1
    assert world.state.settle_files(SIX + 4 * minute) == 0
    assert released(world)


def test_files_and_upstreams_are_both_waited_for(world: World) -> None:
    world.load({"raw/accounts": external(), "raw/positions": positions({"count": 1}, "raw/accounts")}, LOADED)
    assert land(world, [EU], SIX)["released"] == 0
    world.event("raw/accounts", TODAY, SIX)
    assert released(world)
    world.event("raw/accounts", "2026-11-23", SIX)
    assert land(world, ["positions_EU_20261123.csv.gz"], SIX)["released"] == 1


def test_files_that_come_before_the_schedule_opens_the_run_count_when_it_does(world: World) -> None:
    load(world, {"count": 1}, schedule="18:00")
    assert land(world, [EU], SIX)["released"] == 0
    assert world.sql("SELECT count(*) FROM data_product_status") == [(0,)]
    world.state.open_due_runs(SIX + timedelta(hours=12), "scheduler")
    assert released(world)


def test_the_parts_of_each_region_are_complete_by_their_own_number(world: World) -> None:
    load(world, {"parts": True})
    assert land(world, [EU.replace(".", "_01of2.", 1), US], SIX)["released"] == 0
    assert land(world, [EU.replace(".", "_1of02.", 1)], SIX)["released"] == 0
    assert land(world, [EU.replace(".", "_2of2.", 1)], SIX)["released"] == 1


def test_the_marker_may_come_first(world: World) -> None:
    load(world, {"marker": "positions_{date}.done"})
    assert land(world, ["positions_20261120.done"], SIX, size=0)["released"] == 0
    assert land(world, [EU], SIX)["released"] == 1


def test_a_manifest_names_the_files_and_what_they_are(world: World) -> None:
    load(
        world,
        {
            "manifest": {
                "name": "positions_{date}.json",
                "entries": "files",
                "file": "name",
                "size": "bytes",
                "md5": "md5",
            }
        },
    )
    md5 = "0123456789abcdef0123456789abcdef"
    entries = [{"name": EU, "size": 10, "md5": md5}, {"name": US, "size": 10, "md5": None}]
    land(world, [EU], SIX, etag="f" * 32)
    assert land(world, ["positions_20261120.json"], SIX, expected=entries)["released"] == 0
    assert land(world, [US], SIX, size=11)["released"] == 0
    missing = "SELECT * FROM missing_of_set((SELECT source FROM landing_source), 'raw/positions', %s, '')"
    assert [text for (text,) in world.sql(missing, TODAY)] == [
        f"{EU} (its MD5 is not that of the manifest)", f"{US} (it has 11 bytes, and 10 by the manifest)",
    ]  # fmt: skip
    assert land(world, [US], SIX, version="2")["released"] == 0
    assert land(world, [EU], SIX, version="2", etag=md5)["released"] == 1


def test_each_name_is_waited_for(world: World) -> None:
    load(world, {"names": ["positions_EU_{date}.csv.gz", "positions_US_{date}.csv.gz"]})
    assert land(world, [EU, AP], SIX)["released"] == 0
    assert land(world, [US], SIX)["released"] == 1


def test_a_date_that_is_no_business_day_is_none(world: World) -> None:
    calendars = {"us": {"weekend": [6, 7], "dates": ["2026-11-26"]}}
    schedule = {**product(schedule="18:00")["schedule"], "calendar": "us"}
    world.load({"raw/positions": positions({"count": 1}, schedule=schedule)}, LOADED, calendars)
    names = [f"positions_EU_{each}.csv.gz" for each in ("20261120", "20261126", "20261340")]
    assert land(world, names, SIX)["rejected"] == 2
    assert world.sql("SELECT business_date::text, reason FROM landing_file ORDER BY key") == [
        ("2026-11-20", None), (None, "no business date: 2026-11-26 is no business day of the calendar us"),
        (None, '"20261340" is not a date of the format %Y%m%d'),
    ]  # fmt: skip


def test_what_lands_after_the_end_of_the_day_is_of_the_next_business_day(world: World) -> None:
    """In Chicago, at 20:00, also in the night in which the clocks change (1 November), on the calendar of the schedule."""
    calendars = {"us": {"weekend": [6, 7], "dates": ["2026-11-26"]}}
    schedule = {**product(schedule="18:00")["schedule"], "calendar": "us"}
    arrival = {"arrival": True, "day_ends": "20:00", "timezone": "America/Chicago", "offset": 0}
    world.load(
        {"raw/positions": positions({"count": 1}, schedule=schedule, date=arrival, pattern=r".*")}, LOADED, calendars
    )
    moments = {
        "2026-10-30T00:59:59Z": "2026-10-29", "2026-10-30T01:00:00Z": "2026-10-30", "2026-10-31T01:00:00Z": "2026-11-02",
        "2026-11-03T01:59:59Z": "2026-11-02", "2026-11-03T02:00:00Z": "2026-11-03", "2026-11-26T03:00:00Z": "2026-11-27",
    }  # fmt: skip
    for moment in moments:
        land(world, [moment], SIX, event_at=moment)
    found = world.sql("SELECT split_part(key, '/', 3), business_date::text FROM landing_file")
    assert dict(found) == moments
    assert world.sql(
        "SELECT judged.business_date::text FROM landing_source, judged(product_id, 'data', 1, '2026-11-23T12:00Z', NULL, NULL)"
    ) == [("2026-11-23",)]
    yesterday = {**arrival, "offset": -1}
    world.load(
        {"raw/positions": positions({"count": 1}, schedule=schedule, date=yesterday, pattern=r".*")}, LOADED, calendars
    )
    land(world, ["of Monday"], SIX, event_at="2026-11-23T12:00:00Z")
    assert world.sql("SELECT business_date::text FROM landing_file WHERE key LIKE '%%Monday'") == [("2026-11-20",)]


def test_the_date_of_a_name_is_moved_by_the_offset(world: World) -> None:
    load(world, {"count": 1}, date={"group": "date", "format": "%Y%m%d", "offset": -1})
    land(world, [EU], SIX)
    assert released(world, "2026-11-19")


def test_files_of_a_cycle_start_the_run_of_that_cycle(world: World) -> None:
    hourly = {"pattern": r"p_(?P<date>\d{8})_(?P<hour>\d\d)_\d\.csv", "cycle": {"group": "hour"}}
    load(world, {"count": 2}, **hourly)
    assert land(world, ["p_20261120_08_1.csv", "p_20261120_08_2.csv", "p_20261120_14_1.csv"], SIX)["released"] == 1
    assert released(world, cycle="0800")
    assert not released(world, cycle="1400")


def test_cdc_needs_every_version(world: World) -> None:
    load(world, {"count": 2}, load="cdc")
    assert land(world, [EU], SIX, version="2")["released"] == 0
    assert land(world, [EU], SIX, version="1")["released"] == 1
    assert statuses(world) == {EU: ["RECEIVED", "RECEIVED"]}


def test_a_product_that_has_files_no_more_is_started_without(world: World) -> None:
    load(world, {"count": 2}, schedule="06:00")
    world.state.open_due_runs(SIX, "scheduler")
    assert not released(world)
    world.load({"raw/positions": product(name="positions")}, LOADED)
    assert released(world)
    assert world.sql("SELECT count(*) FROM landing_source") == [(0,)]


def test_a_set_is_complete_by_the_source_of_now(world: World) -> None:
    load(world, {"count": 3})
    land(world, [EU, US], SIX)
    load(world, {"count": 2})
    assert world.state.settle_files(SIX) == 1


def test_nobody_outside_can_say_that_files_are_there(world: World) -> None:
    body = refreshed("raw/positions")
    body["detail"]["product"] = "positions#files"
    with pytest.raises(BadEvent, match="/detail/product"):
        refresh_events.parse(body)


def test_the_history_of_a_file_has_what_it_was(world: World) -> None:
    load(world, {"count": 2})
    land(world, [EU], SIX)
    later = SIX + timedelta(minutes=1)
    land(world, [EU], later, version="2")
    first = world.sql("SELECT b.status, b.changed_at, b.changed_by FROM landing_file f CROSS JOIN states_before(f) b")
    assert first == [("RECEIVED", SIX, "files")]
    assert world.sql("SELECT status, reason, changed_at FROM landing_file WHERE version_id = 'v1'") == [
        ("SUPERSEDED", "a newer version came", later)
    ]


def listed(name: str, version: str, latest: bool) -> dict[str, Any]:
    """Found by listing, put within the same second as every other."""
    return seen(source({"count": 1}), name, SIX, version, sequencer=None, how="listed", latest=latest)


@pytest.mark.parametrize(("older", "newer"), [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("first", ["older", "newer"])
def test_of_two_versions_of_one_second_the_one_that_is_listed_as_the_latest_counts(
    world: World, older: str, newer: str, first: str
) -> None:
    load(world, {"count": 1})
    files = [listed(EU, older, latest=False), listed(EU, newer, latest=True)]
    for each in files if first == "older" else reversed(files):
        world.state.record_files([each], SIX)
    assert world.sql("SELECT version_id FROM landing_file WHERE counts") == [(f"v{newer}",)]


def test_what_is_listed_as_the_latest_is_newer_than_what_an_event_reported_in_the_same_second(world: World) -> None:
    load(world, {"count": 1})
    land(world, [EU], SIX)
    world.state.record_files([listed(EU, "2", latest=True)], SIX)
    assert world.sql("SELECT version_id FROM landing_file WHERE counts") == [("v2",)]


def test_a_second_later_is_newer_whatever_was_the_latest_before(world: World) -> None:
    load(world, {"count": 1})
    world.state.record_files([listed(EU, "1", latest=True)], SIX)
    land(world, [EU], SIX + timedelta(seconds=1), version="2")
    assert world.sql("SELECT version_id FROM landing_file WHERE counts") == [("v2",)]
