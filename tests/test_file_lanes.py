"""Change data capture: every version of a file counts, and the files of a lane are loaded one after the other, however their batches end."""

from datetime import timedelta
from typing import Any

import pytest

from headgate.generator.lint.machine_checks import ROUNDS
from tests.state_files import land, statuses
from tests.state_lanes import Stream, act, change, only
from tests.state_loading import ids
from tests.state_steps import SIX, TODAY
from tests.state_world import World


def test_files_are_loaded_in_the_order_of_their_numbers_and_not_of_their_arrival(world: World) -> None:
    stream = Stream(world, [change(each) for each in (10, 9, "007", "b", "a", 8)])
    assert stream.wave() == [["007", "8", "9", "10", "a", "b"]]


def test_files_are_loaded_in_the_order_in_which_they_were_put(world: World) -> None:
    stream = Stream(world, [], order=["arrival"])
    for minute, number in ((2, "a"), (1, "c"), (3, "b")):
        land(world, [change(number)], SIX, event_at=(SIX + timedelta(minutes=minute)).isoformat())
    stream.start()
    assert stream.wave() == [["c", "a", "b"]]


def test_every_version_counts_and_none_replaces_another(world: World) -> None:
    stream = Stream(world, [change(1), change(2)])
    for version in ("3", "20"):  # sequencers of different lengths
        land(world, [change(1)], SIX, version=version)
    (batch,) = ids(stream.plan())
    lines = stream.lines(batch)
    assert [(each["facets"]["number"], each["version_id"]) for each in lines] == [("1", "v1"), ("1", "v20"), ("1", "v3"), ("2", "v1")]  # fmt: skip
    assert {str(each["replaces"]) for each in lines} == {"[]"}
    stream.record(batch)
    assert stream.plan().decision == "done"
    assert statuses(world)[change(1)] == ["PROCESSED"] * 3


def test_a_lane_has_one_batch_at_a_time(world: World) -> None:
    stream = Stream(world, [change(each) for each in range(1, 6)], max_files=2)
    for expected in (["1", "2"], ["3", "4"], ["5"]):
        (batch,) = ids(stream.plan())
        assert stream.names(batch) == expected
        stream.record(batch)
    assert stream.plan().decision == "done"


def test_a_batch_of_a_lane_closes_at_the_most_bytes(world: World) -> None:
    stream = Stream(world, [], max_bytes="1GB")
    land(world, [change(each) for each in range(1, 5)], SIX, size=400_000_000)
    land(world, [change(0)], SIX, size=20_000_000_000)
    stream.start()
    for expected in (["0"], ["1", "2"], ["3", "4"]):
        (batch,) = ids(stream.plan())
        assert stream.names(batch) == expected
        stream.record(batch)


def test_lanes_are_loaded_side_by_side(world: World) -> None:
    landed = [change(number, table) for number in range(1, 4) for table in ("orders", "trades", "users")]
    stream = Stream(world, landed, together=["table"], max_files=2)
    planned = ids(stream.plan())
    assert [stream.names(batch) for batch in planned] == [["1", "2"]] * 3
    assert [{each["facets"]["table"] for each in stream.lines(batch)} for batch in planned] == [{"orders"}, {"trades"}, {"users"}]  # fmt: skip
    for batch in planned[1:]:
        stream.record(batch)
    stream.fail(planned[0])  # the others do not wait for it, and it goes on in halves
    assert stream.wave() == [["3", "3"], ["1"]]


def test_small_lanes_share_a_batch(world: World) -> None:
    stream = Stream(world, [change(1, table) for table in ("a", "b", "c")], together=["table"], max_files=2)
    assert [len(each) for each in stream.wave()] == [2, 1]


def test_a_lane_that_is_loaded_by_full_load_stays_in_one_batch(world: World) -> None:
    landed = [change(number, table) for table, count in (("a", 2), ("b", 3), ("c", 5), ("d", 1)) for number in range(count)]  # fmt: skip
    stream = Stream(world, landed, "full", together=["table"], max_files=4)
    batches = [[f"{each['facets']['table']}{each['facets']['number']}" for each in stream.lines(batch)] for batch in ids(stream.plan())]  # fmt: skip
    assert batches == [["a0", "a1"], ["b0", "b1", "b2"], ["c0", "c1", "c2", "c3"], ["c4", "d0"]]


def test_a_failed_batch_is_tried_again_first_half_first(world: World) -> None:
    stream = Stream(world, [change(each) for each in range(1, 7)], max_files=4)
    stream.fail(only(stream.plan()))
    for expected in (["1", "2"], ["3", "4"], ["5", "6"]):
        (batch,) = ids(stream.plan())
        assert stream.names(batch) == expected
        stream.record(batch)
    assert stream.plan().decision == "done"


def test_a_poison_file_stops_its_lane_and_no_other(world: World) -> None:
    landed = [change(number, table) for number in range(1, 9) for table in ("orders", "users")]
    stream = Stream(world, landed, together=["table"], max_files=4)
    while (planned := stream.plan()).decision == "load":
        for batch in ids(planned):
            poisoned = any((each["facets"]["table"], each["facets"]["number"]) == ("users", "6") for each in stream.lines(batch))  # fmt: skip
            stream.fail(batch) if poisoned else stream.record(batch)
    assert (planned.decision, planned.message) == (
        "failed",
        "files of table users stop at users_20261120_6.csv (file 14, FAILED: JobFailed: it crashed), and 2 wait behind it",
    )
    assert stream.counts() == {"PROCESSED": 13, "FAILED": 1, "RECEIVED": 2}
    assert world.sql("SELECT DISTINCT tries FROM landing_file WHERE status <> 'FAILED'") == [(0,)]


def test_behind_a_file_that_was_left_out_the_job_skips_without_a_lost_try(world: World) -> None:
    stream = Stream(world, [change(each) for each in range(1, 5)])
    (batch,) = ids(stream.plan())
    stream.say(batch, "PROCESSED", "FAILED", "SKIPPED")  # and of the fourth nothing
    found = world.sql("SELECT status, tries, reason FROM landing_file WHERE kind = 'data' ORDER BY file_id")
    skipped = ("RECEIVED", 0, "an earlier file of its lane was not loaded")
    assert found == [("PROCESSED", 0, None), ("RECEIVED", 1, None), skipped, skipped]
    assert stream.wave() == [["2", "3", "4"]]


def test_a_job_that_skips_a_file_for_no_reason_has_failed_it(world: World) -> None:
    """It would be given the same file for ever."""
    stream = Stream(world, [change(1)], tries=2)
    for _ in range(2):
        stream.say(only(stream.plan()), "SKIPPED")
    ended = stream.plan()
    assert ended.decision == "failed"
    assert "the job skipped it, but no earlier file of its lane was left out" in str(ended.message)


def test_a_rejected_file_stops_its_lane(world: World) -> None:
    stream = Stream(world, [change(each) for each in range(1, 5)], max_files=2)
    stream.say(only(stream.plan()), "PROCESSED", "REJECTED")
    ended = stream.plan()
    assert (ended.decision, ended.batches) == ("rejected", [])
    assert ended.message == (
        "files stop at orders_20261120_2.csv (file 2, REJECTED: no reason given), and 2 wait behind it"
    )


def test_a_file_too_small_stops_its_lane_as_well(world: World) -> None:
    stream = Stream(world, [change(1), change(3)])
    land(world, [change(2)], SIX, size=0)
    stream.record(only(stream.plan()))
    assert stream.plan().message == (
        "files stop at orders_20261120_2.csv (file 4, REJECTED: smaller than 1 byte), and 1 waits behind it"
    )


def rejected(world: World, **settings: Any) -> Stream:
    """The second of four files was rejected, and the run has ended."""
    stream = Stream(world, [change(each) for each in range(1, 5)], **settings)
    stream.say(only(stream.plan()), "PROCESSED", "REJECTED", "SKIPPED", "SKIPPED")
    ended = stream.plan()
    world.state.record_outcome(stream.run, 1, "ERROR", "FilesRejected", ended.message, SIX, "machine")
    return stream


def status(world: World) -> tuple[str, int]:
    run = world.run("raw/positions", TODAY)
    return "released" if run["status"] == "WAITING" and run["released_at"] else run["status"], run["attempt"]


@pytest.mark.parametrize("order", ["number", "arrival"])
def test_a_corrected_version_takes_the_place_of_the_rejected_one(world: World, order: str) -> None:
    stream = rejected(world, order=[order])
    land(world, [change(2)], SIX + timedelta(minutes=1), version="2")
    assert status(world) == ("released", 2)
    stream.begin()
    (batch,) = ids(stream.plan())
    assert stream.names(batch) == ["2", "3", "4"]
    stream.record(batch)
    done = stream.plan()
    assert (done.decision, done.files["files"], done.files["rejected"]) == ("done", 4, 0)
    assert statuses(world)[change(2)] == ["REJECTED", "PROCESSED"]


def test_an_operator_lets_a_lane_go_on_without_the_file(world: World) -> None:
    stream = rejected(world)
    act(world, "ignore_files", 2)
    assert status(world) == ("released", 2)
    stream.begin()
    assert stream.wave() == [["3", "4"]]


def test_what_lands_behind_a_stopped_file_does_not_start_the_run_again(world: World) -> None:
    """Nothing could be loaded: each of them would be another failed run, and another alert."""
    stream = rejected(world)
    land(world, [change(5)], SIX + timedelta(minutes=1))
    assert status(world) == ("ERROR", 1)
    land(world, [change(2)], SIX + timedelta(minutes=2), version="2")
    stream.begin()
    assert stream.wave() == [["2", "3", "4", "5"]]


def test_what_lands_in_another_lane_is_loaded(world: World) -> None:
    stream = rejected(world, together=["table"])
    land(world, [change(1, "users")], SIX + timedelta(minutes=1))
    assert status(world) == ("released", 2)
    stream.begin()
    assert stream.wave() == [["2", "3", "4", "1"]]


def test_an_operator_has_the_rejected_file_tried_again(world: World) -> None:
    stream = rejected(world)
    act(world, "retry_files", 2)
    assert status(world) == ("released", 2)
    stream.begin()
    assert stream.wave() == [["2", "3", "4"]]


def test_a_rerun_of_all_files_loads_them_in_order_without_the_corrected_one(world: World) -> None:
    stream = rejected(world)
    land(world, [change(2)], SIX + timedelta(minutes=1), version="2")
    stream.begin()
    stream.record(only(stream.plan()))
    world.state.record_outcome(stream.run, 2, "COMPLETED", None, None, SIX, "machine")
    world.state.operate({"action": "rerun", "product": "raw/positions", "business_date": TODAY, "all_files": True}, False, None, "me", SIX)  # fmt: skip
    stream.begin()
    assert stream.wave() == [["1", "2", "3", "4"]]
    assert stream.counts() == {"CLAIMED": 4, "REJECTED": 1}


def test_a_late_file_is_loaded_next_and_says_so(world: World) -> None:
    stream = Stream(world, [change(each) for each in (1, 2, 4, 5)], max_files=3)
    stream.record(only(stream.plan()))
    land(world, [change(3)], SIX)
    (batch,) = ids(stream.plan())
    assert [(each["facets"]["number"], each.get("late")) for each in stream.lines(batch)] == [("3", True), ("5", None)]
    assert ids(stream.plan(again=True)) == [batch]
    assert stream.lines(batch)[0]["late"] is True


def test_a_stopped_lane_is_planned_once_and_not_for_ever(world: World) -> None:
    stream = rejected(world)
    assert world.sql("SELECT wave, decision FROM landing_wave ORDER BY wave") == [(1, "load"), (2, "rejected")]
    assert stream.counts() == {"PROCESSED": 1, "REJECTED": 1, "RECEIVED": 2}


def test_lanes_that_fail_now_and_then_do_not_exhaust_a_step_that_gets_on(world: World) -> None:
    stream = Stream(world, [change(1)])
    world.sql(
        "INSERT INTO landing_batch (run_id, attempt, step, wave, number, members, bytes, status, planned_at) "
        "SELECT %s, 1, 'load', n, 1, '{1}', 1, CASE n WHEN 20 THEN 'RECORDED' ELSE 'FAILED' END, now() FROM generate_series(1, 44) n",
        str(stream.run),
    )
    world.sql(
        "INSERT INTO landing_wave (run_id, attempt, step, wave, entered_at, decision, planned_at) SELECT %s, 1, 'load', 44, 'before', 'load', now()",
        str(stream.run),
    )
    assert stream.plan().decision == "load"
    stream.fail(stream.plan(again=True).batches[0]["batch_id"])
    assert stream.plan().decision == "exhausted"


def test_the_machine_has_room_for_as_many_waves_as_the_state_plans(world: World) -> None:
    assert world.sql("SELECT most_plans()") == [(ROUNDS,)]


def test_a_lane_longer_than_one_execution_goes_on_in_the_next_attempt(world: World) -> None:
    stream = Stream(world, [change(each) for each in range(1, 4)], max_files=1)
    world.sql(
        "INSERT INTO landing_wave (run_id, attempt, step, wave, entered_at, decision, planned_at) SELECT %s, 1, 'load', 98, 'before', 'load', now()",
        str(stream.run),
    )
    stream.record(only(stream.plan()))
    ended = stream.plan()
    assert (ended.wave, ended.decision) == (100, "remaining")
    assert ended.message == (
        "99 waves of batches have been loaded, as many as one execution has; 2 files are left, and the next attempt goes on with them"
    )
    world.state.record_outcome(stream.run, 1, "ERROR", "FilesRemain", ended.message, SIX, "machine")
    assert status(world) == ("released", 2)
    stream.begin()
    assert stream.wave() == [["2"]]
