"""Files are loaded in batches: each file once, however its batches end, and the step is done when nothing is left."""

from random import Random
from typing import Any

import pytest

from tests.state_files import land, statuses
from tests.state_loading import JOB, Load, ids, names
from tests.state_steps import DAY, SIX, TODAY
from tests.state_world import SOAK, World


def test_batches_close_at_the_most_files(world: World) -> None:
    load = Load(world, 5, max_files=2)
    planned = load.plan()
    assert (planned.decision, load.sizes()) == ("load", [2, 2, 1])
    assert load.counts() == {"CLAIMED": 5}


def test_batches_close_at_the_most_bytes_and_a_large_file_is_alone(world: World) -> None:
    load = Load(world, 3, size=400_000_000, max_bytes="1GB")
    land(world, ["positions_EU_20261120_4of4.csv.gz"], SIX, size=20_000_000_000)
    land(world, ["positions_EU_20261120_5of5.csv.gz"], SIX, size=1)
    load.plan()
    assert load.sizes() == [3, 1, 1]


def test_a_file_that_is_larger_than_a_batch_is_alone_wherever_it_comes(world: World) -> None:
    load = Load(world, 3)
    land(world, ["positions_EU_20261120_4of6.csv.gz"], SIX, size=20_000_000_000)
    land(world, ["positions_EU_20261120_5of6.csv.gz"], SIX)
    land(world, ["positions_EU_20261120_6of6.csv.gz"], SIX, size=6_000_000_000)
    load.plan()
    assert load.sizes() == [4, 1, 1]


def test_when_all_is_recorded_the_step_is_done(world: World) -> None:
    load = Load(world, 3, max_files=2)
    for batch in ids(load.plan()):
        load.record(batch)
    done = load.plan()
    assert (done.decision, done.batches, load.counts()) == ("done", [], {"PROCESSED": 3})


def test_the_same_call_again_has_the_same_answer(world: World) -> None:
    load = Load(world, 5, max_files=2)
    assert load.plan() == load.plan(again=True)
    for batch in ids(load.plan(again=True)):
        load.record(batch)
    assert load.plan() == load.plan(again=True)
    assert load.counts() == {"PROCESSED": 5}


def test_a_batch_is_recorded_once(world: World) -> None:
    load = Load(world, 2)
    (batch,) = ids(load.plan())
    load.record(batch)
    world.state.record_batch(batch, "jr_2", [], SIX)
    load.fail(batch)
    assert load.counts() == {"PROCESSED": 2}
    assert world.sql("SELECT status, job_run_id FROM landing_batch") == [("RECORDED", JOB)]


def test_a_file_of_which_the_job_says_nothing_has_failed_and_is_tried_again(world: World) -> None:
    load = Load(world, 3)
    (batch,) = ids(load.plan())
    first, second, third = load.files(batch)
    line = {"outcome": "PROCESSED"}
    said = [
        {"file_id": first, **line},
        {"file_id": second, "outcome": "FAILED"},
        {"file_id": second, **line},
        {"file_id": 999, **line},
    ]
    assert world.state.record_batch(batch, JOB, said, SIX) == {"PROCESSED": 2, "RECEIVED": 1}
    assert world.sql("SELECT reason FROM landing_file WHERE file_id = %s", third) == [("the job said nothing of it",)]
    (again,) = ids(load.plan())
    assert load.files(again) == [third]


def test_a_file_that_fails_each_time_has_failed_and_ends_the_step(world: World) -> None:
    load = Load(world, 2)
    (batch,) = ids(load.plan())
    poison, good = load.files(batch)
    world.state.record_batch(batch, JOB, [{"file_id": good, "outcome": "PROCESSED"}], SIX)
    for _ in range(2):
        (batch,) = ids(load.plan())
        load.record(batch, "FAILED", message="row 3 has no account")
    ended = load.plan()
    assert ended.decision == "failed"
    assert ended.message == (
        "1 of 2 files could not be loaded, and 0 may be: positions_EU_20261120_1of2.csv.gz (row 3 has no account)"
    )
    assert world.sql("SELECT count(*) FROM landing_file_error WHERE file_id = %s", poison) == [(3,)]


def test_a_file_that_no_retry_helps_is_tried_once(world: World) -> None:
    load = Load(world, 1)
    (batch,) = ids(load.plan())
    load.record(batch, "FAILED", retry=False, message="AccessDenied: kms:Decrypt on arn:aws:kms:eu-west-1:1:key/1")
    ended = load.plan()
    assert ended.decision == "failed"
    assert "AccessDenied: kms:Decrypt on arn:aws:kms:eu-west-1:1:key/1" in str(ended.message)


@pytest.mark.parametrize(("accepted", "decision"), [(0, "rejected"), ("24%", "rejected"), ("25%", "done"), (1, "done")])
def test_how_many_files_may_be_rejected_is_said_by_metadata(world: World, accepted: Any, decision: str) -> None:
    load = Load(world, 4, accept={"rejected": accepted, "failed": 0})
    (batch,) = ids(load.plan())
    first, *rest = load.files(batch)
    rule = {"rule": "RowCount > 0", "severity": "reject", "passed": False, "value": 0.0}
    said = [
        {"file_id": first, "outcome": "REJECTED", "checks": [rule]},
        *({"file_id": each, "outcome": "PROCESSED"} for each in rest),
    ]
    world.state.record_batch(batch, JOB, said, SIX)
    ended = load.plan()
    assert ended.decision == decision
    assert world.sql("SELECT rule, severity, passed, value FROM landing_file_check") == [
        ("RowCount > 0", "reject", False, "0.0")
    ]
    if decision == "rejected":
        assert str(ended.message).endswith(f"and {accepted} may be: positions_EU_20261120_1of4.csv.gz (RowCount > 0)")


def test_a_file_says_what_its_job_said_of_it(world: World, aws: Any, running: None, headgate: Any) -> None:
    load = Load(world, 1)
    (batch,) = ids(load.plan())
    (file,) = load.files(batch)
    rules = [
        {"rule": "RowCount > 0", "severity": "reject", "passed": False, "value": 0.0},
        {"rule": "ColumnCount = 3", "passed": True},
    ]
    load.record(batch, "REJECTED", rows_read=1200, rows_written=0, checks=rules)
    code, said = headgate("files", "show", str(file))
    assert code == 0
    assert "rows: 1,200 read, 0 written; job run jr_1" in said
    assert "  fails (reject) RowCount > 0, found 0.0" in said
    assert "ColumnCount" not in said


def test_a_poison_file_ends_alone_and_takes_no_other_with_it(world: World) -> None:
    """A job run that has it crashes, and says nothing of the others in its batch."""
    load = Load(world, 200)
    (poison,) = world.sql("SELECT min(file_id) + 77 FROM landing_file")[0]
    waves = 0
    while (planned := load.plan()).decision == "load":
        waves += 1
        for batch in ids(planned):
            if poison in load.files(batch):
                load.fail(batch)
            else:
                load.record(batch)
    assert planned.decision == "failed"
    assert load.counts() == {"PROCESSED": 199, "FAILED": 1}
    assert waves <= 11
    assert world.sql("SELECT file_id, tries FROM landing_file WHERE tries > 0") == [(poison, 3)]


def test_what_lands_while_batches_are_loaded_is_loaded_by_the_same_run(world: World) -> None:
    load = Load(world, 2)
    (batch,) = ids(load.plan())
    land(world, ["positions_EU_20261120_3of3.csv.gz"], SIX)
    load.record(batch)
    (extra,) = ids(load.plan())
    assert len(load.files(extra)) == 1


def test_a_file_overwritten_while_it_is_loaded_is_loaded_again_and_says_what_it_replaces(world: World) -> None:
    load = Load(world, 1)
    (batch,) = ids(load.plan())
    (old,) = load.files(batch)
    land(world, names(1), SIX, version="2")
    load.record(batch)
    (again,) = ids(load.plan())
    (row,) = world.state.batch_files(again, "", 500)
    assert f'"replaces": [{old}]' in row.entry
    load.record(again)
    assert load.plan().decision == "done"
    assert statuses(world) == {names(1)[0]: ["PROCESSED", "PROCESSED"]}


def test_an_overwritten_file_whose_batch_fails_is_superseded(world: World) -> None:
    load = Load(world, 1)
    (batch,) = ids(load.plan())
    land(world, names(1), SIX, version="2")
    load.fail(batch)
    assert statuses(world) == {names(1)[0]: ["SUPERSEDED", "RECEIVED"]}


def ended(load: Load, job_run: str, state: str = "STOPPED") -> None:
    load.world.state.record_job_states(
        [{"job_run_id": job_run, "job": "job-load", "type": "glue", "state": state}], SIX
    )


def test_a_child_that_broke_gives_its_files_back(world: World) -> None:
    """One that never launched a job run is no failure of its files. The job run of another one is asked to stop, and keeps its files while it runs."""
    load = Load(world, 4, max_files=2)
    never, launched = ids(load.plan())
    world.state.record_job_start(load.run, 1, "load", "glue", "job-load", "jr_9", {"batch": launched}, "token", SIX)
    held = load.files(launched)
    (again,) = ids(load.plan())
    assert load.sizes() == [2]
    assert not {*held} & {*load.files(again)}
    assert load.counts() == {"CLAIMED": 4}
    assert world.sql("SELECT stop_asked_at IS NOT NULL FROM job_run WHERE job_run_id = 'jr_9'") == [(True,)]
    load.record(again)
    waits = load.plan()
    assert (waits.decision, waits.batches) == ("wait", [])
    assert waits.message == "the execution of a batch has ended, and its job run jr_9 still runs; it is asked to stop"
    ended(load, "jr_9")
    assert load.plan(again=True).decision == "load", "the machine asks again with the same call"
    assert load.sizes() == [1, 1]
    assert world.sql("SELECT sum(tries) FROM landing_file") == [(0,)]
    assert never != launched


def test_a_newer_version_waits_while_a_job_run_that_was_given_up_still_loads_the_older_one(world: World) -> None:
    """Of two at once the older could be written last."""
    load = Load(world, 2, max_files=1)
    older, other = ids(load.plan())
    world.state.record_job_start(load.run, 1, "load", "glue", "job-load", "jr_9", {"batch": older}, "token", SIX)
    load.record(other)
    land(world, names(2)[:1], SIX, version="2")
    waits = load.plan()
    assert (waits.decision, waits.batches) == ("wait", [])
    ended(load, "jr_9")
    (newer,) = ids(load.plan(again=True))
    assert len(load.files(newer)) == 1
    load.record(newer)
    assert load.plan().decision == "done"
    assert statuses(world)[names(2)[0]] == ["SUPERSEDED", "PROCESSED"]


def test_what_a_job_run_still_loads_is_not_free_because_its_time_is_over(world: World) -> None:
    """Its service does not stop it at once."""
    load = Load(world, 2)
    (batch,) = ids(load.plan())
    world.state.record_job_start(load.run, 1, "load", "glue", "job-load", "jr_9", {"batch": batch}, "token", SIX)
    load.fail(batch)
    assert (load.counts(), load.plan().decision) == ({"CLAIMED": 2}, "wait")
    ended(load, "jr_9")
    load.plan(again=True)
    assert load.sizes() == [1, 1]


def test_a_later_attempt_loads_what_was_not_loaded_and_nothing_else(world: World) -> None:
    load = Load(world, 3, max_files=1)
    good, bad, wrong = ids(load.plan())
    load.record(good)
    load.record(bad, "FAILED", retry=False)
    load.record(wrong, "REJECTED")
    assert load.plan().decision == "failed"
    world.state.record_outcome(load.run, 1, "ERROR", "FilesFailed", "1 of 3", SIX, "machine")
    world.state.rerun("raw/positions", DAY, "", False, "rerun", "me", SIX)
    load.begin()
    assert load.attempt == 2
    for batch in ids(load.plan()):
        load.record(batch)
    assert load.plan().decision == "done"
    assert load.counts() == {"PROCESSED": 3}
    assert world.sql("SELECT count(*) FROM landing_batch WHERE attempt = 2") == [(2,)]


def reject_one(load: Load) -> None:
    """The first of the files is rejected, and the run ends."""
    for number, batch in enumerate(ids(load.plan())):
        load.record(batch, "PROCESSED" if number else "REJECTED")
    assert load.plan().decision == "rejected"


def test_a_run_whose_file_was_rejected_goes_on_with_the_corrected_one(world: World) -> None:
    load = Load(world, 3, max_files=1)
    reject_one(load)
    world.state.record_outcome(load.run, 1, "ERROR", "FilesRejected", "1 of 3", SIX, "machine")
    assert world.run("raw/positions", TODAY)["status"] == "ERROR"
    land(world, names(3)[:1], SIX, version="2")
    assert world.run("raw/positions", TODAY)["status"] == "WAITING"
    load.begin()
    (batch,) = ids(load.plan())
    assert len(load.files(batch)) == 1
    load.record(batch)
    assert (load.attempt, load.plan().decision) == (2, "done")


def test_a_file_that_is_corrected_before_the_run_has_ended_is_loaded_by_its_next_attempt(world: World) -> None:
    load = Load(world, 3, max_files=1)
    reject_one(load)
    land(world, names(3)[:1], SIX, version="2")
    world.state.record_outcome(load.run, 1, "ERROR", "FilesRejected", "1 of 3", SIX, "machine")
    run = world.run("raw/positions", TODAY)
    assert (run["status"], run["attempt"]) == ("WAITING", 2)


def test_a_retry_of_the_step_tries_failed_files_anew(world: World) -> None:
    load = Load(world, 1, tries=1)
    (batch,) = ids(load.plan())
    load.record(batch, "FAILED")
    assert load.plan().decision == "failed"
    (batch,) = ids(load.plan())
    load.record(batch)
    assert load.plan().decision == "done"


def test_a_lost_machine_has_not_loaded_all_files_because_one_batch_succeeded(world: World) -> None:
    load = Load(world, 2, max_files=1)
    first, _ = ids(load.plan())
    world.state.record_job_start(load.run, 1, "load", "glue", "job-load", JOB, {"batch": first}, "token", SIX)
    world.state.record_job_states([{"job_run_id": JOB, "job": "job-load", "type": "glue", "state": "SUCCEEDED"}], SIX)
    load.record(first)
    assert world.sql("SELECT work_has_succeeded(%s, 1)", str(load.run)) == [(False,)]


def test_batches_that_fail_for_ever_end_the_step(world: World) -> None:
    load = Load(world, 2)
    world.sql(
        "INSERT INTO landing_batch (run_id, attempt, step, wave, number, members, bytes, status, planned_at) "
        "SELECT %s, 1, 'load', n, 1, '{1}', 1, 'FAILED', now() FROM generate_series(1, 25) n", str(load.run),
    )  # fmt: skip
    ended = load.plan()
    assert (ended.decision, load.counts()) == ("exhausted", {"RECEIVED": 2})
    assert str(ended.message).startswith("batches of 25 waves have failed: positions_EU_20261120_1of2.csv.gz")


def test_a_run_without_files_has_nothing_to_load(world: World) -> None:
    """It began at its deadline with what was there."""
    load = Load(world, 1)
    world.sql("DELETE FROM landing_file")
    assert load.plan().decision == "done"


@pytest.mark.parametrize("seed", range(6 * SOAK))
def test_in_any_order_of_ends_each_file_is_loaded_once_a_version_and_none_is_stuck(world: World, seed: int) -> None:
    """Batches end, break and crash as they like; files are overwritten and land late; the machine's attempts are lost. In the end the newest version of
    each file has been loaded, and no version by two job runs."""
    random = Random(seed)  # noqa: S311
    load, loaded = Load(world, 12, max_files=random.choice([1, 3, 12]), tries=10), []
    latest: dict[str, int] = {}
    every = names(12)
    for round_ in range(12):
        planned = load.plan()
        if planned.decision == "done" and round_ > 6:
            break
        for batch in ids(planned):
            given = load.files(batch)
            match random.randrange(5):
                case 0:
                    load.fail(batch)
                case 1:
                    pass  # its child broke
                case 2:
                    said = [each for each in given if random.random() < 0.5]
                    lines = [{"file_id": each, "outcome": "PROCESSED"} for each in said]
                    world.state.record_batch(batch, JOB, lines, SIX)
                    loaded += said
                case _:
                    load.record(batch)
                    loaded += given
            if random.random() < 0.2 and round_ < 6:
                name = random.choice(every)
                latest[name] = latest.get(name, 1) + 1
                land(world, [name], SIX, version=str(latest[name]))
        if random.random() < 0.2 and round_ < 6:
            world.state.record_outcome(load.run, load.attempt, "ERROR", "Lost", "its machine", SIX, "monitor")
            world.state.rerun("raw/positions", DAY, "", False, "restarted", "monitor", SIX)
            load.begin()
    while (planned := load.plan()).decision == "load":
        for batch in ids(planned):
            loaded += load.files(batch)
            load.record(batch)
    assert planned.decision == "done"
    assert len(loaded) == len(set(loaded))
    newest = {row[0] for row in world.sql("SELECT file_id FROM landing_file WHERE counts")}
    assert newest <= set(loaded)
    assert len(newest) == 12
    assert not {"CLAIMED", "RECEIVED", "FAILED"} & load.counts().keys()
