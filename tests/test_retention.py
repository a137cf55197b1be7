"""What has outlived its time: runs and refresh events go to the archive, each once and none lost; the rest is deleted; what is open keeps all."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import retention
import runtime
from state.calls import State
from state.errors import StateError, UnknownRun
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import Seconds, invoke, sample
from tests.state_files import land, positions
from tests.state_history import add_finished_days, load_mesh
from tests.state_steps import DAY, LOADED, SIX, TODAY, opened, uuid
from tests.state_world import World, external, leaf, product
from tests.test_state_growth import whole_run

YEAR_LATER = SIX + timedelta(days=401)
Keep = Callable[..., dict[str, Any]]


@pytest.fixture
def keep(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Calls the function at that moment."""
    for name, value in {
        "HISTORY_DAYS": "400",
        "DETAIL_DAYS": "60",
        "ARCHIVE_DAYS": "2557",
        "ARCHIVE_BUCKET": "history",
    }.items():
        monkeypatch.setenv(name, value)

    def call(now: datetime, context: Any = None) -> dict[str, Any]:
        monkeypatch.setattr(runtime, "now", lambda: now)
        found: dict[str, Any] = invoke("retention", sample("retention"), context)
        return found

    return call


def lines(aws: FakeAws, kind: str = "runs") -> Iterator[dict[str, Any]]:
    for name, body in aws.objects.items():
        if name.startswith(f"s3://history/{kind}/business_date="):
            yield from map(json.loads, gzip.decompress(body).decode().splitlines())


def rows(world: World, table: str) -> int:
    return int(world.sql(f"SELECT count(*) FROM {table}")[0][0])


def test_a_run_that_has_outlived_its_time_is_in_the_archive_with_all_that_belongs_to_it(
    world: World, aws: FakeAws, keep: Keep
) -> None:
    whole_run(world)
    run = uuid(world, "d/x")
    assert keep(SIX + timedelta(days=399))["archived"] == {"runs": 0, "refresh_events": 0}

    report = keep(YEAR_LATER)

    assert (report["archived"], report["complete"]) == ({"runs": 1, "refresh_events": 1}, True)
    (line,) = lines(aws)
    assert (line["run_id"], line["product_id"], line["business_date"], line["status"]) == (
        str(run),
        "d/x",
        TODAY,
        "COMPLETED",
    )
    assert [each["event"] for each in line["history"]] == ["opened", "waiting", "released", "started", "completed"]
    assert [each["upstream"] for each in line["inputs"]] == ["raw/a"]
    assert [each["event"] for each in line["input_history"]] == ["opened", "arrived"]
    assert [(each["job_run_id"], each["state"]) for each in line["job_runs"]] == [("jr", "SUCCEEDED")]
    assert line["metadata"] == [{"attempt": 1, "metadata": {"rows": 12}}]
    assert [each["product_id"] for each in lines(aws, "refresh_events")] == ["raw/a"]
    assert "secret-" not in str(list(lines(aws)))
    for table in TABLES_OF_RUNS:
        assert rows(world, table) == 0, table
    assert rows(world, "refresh_event") == 0


TABLES_OF_RUNS = (
    "data_product_status", "data_product_status_history", "data_product_dependencies_events_status",
    "data_product_dependencies_events_status_history", "job_run", "effect", "effect_history", "alert", "alert_delivery", "missed_deadline",
    "execution_asked", "run_metadata",
)  # fmt: skip
# As long as the products that they describe, or a single row.
OF_CATALOG = {
    "calendar", "data_product", "data_product_dependencies", "data_product_schedule", "data_pipeline_config", "schema_migration", "schema_release", "domain_operators", "retention",
    "landing_source", "landing_bucket", "usual_time", "last_tick", "application_mode",
}  # fmt: skip
OWN_TIME = {
    "refresh_event",
    "catalog_load",
    "catalog_stage",
    "data_product_hold_history",
    "unmade_opening",
    "backfill",
    "signal",
    "existing_run",
    "existing_job_run",
    "unused_signal",
    "archive_page",
    "alert_conversation",
    "alert_mute",
    "landing_file",
    "landing_file_history",
    "landing_set",
    "status_change",
    "status_mark",
    "landing_notice",
}


def test_every_table_has_a_stated_time(world: World) -> None:
    """One that is new grows for ever, unless its rows go with those of another table, or `delete_runs` or `delete_spent` deletes them: then it is named here,
    and in docs/operations.md."""
    of_another = "SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confdeltype = 'c'"
    query = f"SELECT relname, oid IN ({of_another}) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    tables = dict(world.sql(query))
    assert {name for name, goes_with_another in tables.items() if not goes_with_another} - set(
        TABLES_OF_RUNS
    ) == OF_CATALOG | OWN_TIME
    assert tables.keys() >= set(TABLES_OF_RUNS)


@pytest.mark.parametrize("dies_at", ["claim", "read", "write", "delete", "answer"])
def test_a_call_that_dies_loses_nothing_and_doubles_nothing(
    world: World, aws: FakeAws, keep: Keep, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    monkeypatch.setattr(retention, "ENTRIES", 4)
    load_mesh(world, 10, LOADED)
    add_finished_days(world, DAY, 2)
    runs = {str(run) for (run,) in world.sql("SELECT run_id FROM data_product_status")}
    assert len(runs) == 100

    class DiedError(Exception):
        pass

    calls = 0

    def dying(method: Callable[..., Any], after: bool) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 3 and not after:
                raise DiedError
            found = method(*given, **named)
            if calls == 3:
                raise DiedError
            return found

        return call

    broken = {
        "claim": (State, "claim_archive_page", True), "read": (State, "archive_lines", True), "write": (FakeAws, "put_object", True),
        "delete": (State, "finish_archive_page", False), "answer": (State, "finish_archive_page", True),
    }  # fmt: skip
    owner, name, after = broken[dies_at]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dying(getattr(owner, name), after))
        with pytest.raises(DiedError):
            keep(YEAR_LATER)
    (begun,) = world.sql("SELECT count(*) FROM archive_page WHERE archived_at IS NULL")
    assert begun == ((0,) if dies_at == "answer" else (1,))
    # a run of the page is started again before the page is written once more: it stays here
    again = world.sql("SELECT run_id FROM data_product_status ORDER BY business_date, product_id LIMIT 1")[0][0]
    world.sql(
        "UPDATE data_product_status SET status = 'WAITING', finished_at = NULL, event = 'rerun' WHERE run_id = %s",
        again,
    )

    assert not keep(YEAR_LATER + timedelta(minutes=1))["complete"] or dies_at == "answer", (
        "the page has a writer until its lease ends"
    )
    assert keep(YEAR_LATER + timedelta(minutes=21))["complete"]

    found = [each["run_id"] for each in lines(aws)]
    assert len(found) == len(set(found)), "none is there twice"
    assert set(found) == runs - {str(again)}
    assert world.sql("SELECT run_id FROM data_product_status") == [(again,)]
    assert len({each["event_key"] for each in lines(aws, "refresh_events")}) == len(list(lines(aws, "refresh_events")))


def test_an_object_that_is_not_stored_keeps_everything_here(
    world: World, aws: FakeAws, keep: Keep, headgate: Headgate, running: None
) -> None:
    whole_run(world)
    aws.broken["PutObject"] = "AccessDenied"
    with pytest.raises(ClientError):
        keep(YEAR_LATER)
    assert (rows(world, "data_product_status"), aws.objects) == (1, {})

    assert not keep(YEAR_LATER + timedelta(minutes=1))["complete"], (
        "Lambda calls again, and the page has a writer until its lease ends"
    )
    code, text = headgate("health")
    assert code == 1
    assert "it failed: AccessDenied: as the test wants it" in text

    aws.broken.clear()
    assert keep(YEAR_LATER + timedelta(hours=1))["complete"]
    code, text = headgate("health")
    assert code == 0
    assert "1 run and 1 refresh event archived" in text
    assert (
        "Runs stay here for 400 days after their end, effects that are done and alerts for 60; the archive s3://history keeps runs for 2557."
        in text
    )


def test_a_call_stops_in_time_and_the_next_continues(
    world: World, aws: FakeAws, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ENTRIES", 10)
    load_mesh(world, 10, LOADED)
    add_finished_days(world, DAY, 2)
    first = keep(YEAR_LATER, Seconds(100, each=10))
    assert not first["complete"]
    assert 0 < first["archived"]["runs"] < 100
    second = keep(YEAR_LATER + timedelta(hours=1))
    assert second["complete"]
    assert first["archived"]["runs"] + second["archived"]["runs"] == 100 == len(list(lines(aws)))


def test_a_history_longer_than_an_answer_is_archived_whole(world: World, aws: FakeAws, keep: Keep) -> None:
    """The Data API gives 64 KiB a row and a mebibyte an answer."""
    whole_run(world)
    world.sql(
        "INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, event, cause, changed_at, changed_by) "
        "SELECT run_id, product_id, business_date, cycle, n, 'ERROR', 'failed', repeat('\"é', 4000), finished_at, 'machine' "
        "FROM data_product_status, generate_series(2, 101) n"
    )
    assert keep(YEAR_LATER)["complete"]
    (line,) = lines(aws)
    assert [each["cause"] for each in line["history"][5:]] == ['"é' * 4000] * 100


def test_users_are_told_where_archived_runs_are(
    world: World, aws: FakeAws, keep: Keep, headgate: Headgate, running: None
) -> None:
    whole_run(world)
    keep(YEAR_LATER)
    (of_runs,) = [name for name in aws.objects if "/runs/" in name]
    where = f"archived to {of_runs} on {YEAR_LATER.date()}"

    def said(*arguments: str) -> str:
        return headgate(*arguments)[1]

    assert f"d/x      ARCHIVED                                   {where}" in said("status", "--date", TODAY)
    assert "raw/a    ARCHIVED" in said("status", "--date", TODAY)
    assert f"Archived to {of_runs} on {YEAR_LATER.date()}, and cannot be run again." in said(
        "why", "d/x", "--date", TODAY
    )
    assert f"{TODAY}: 1 run of this date {where}" in said("history", "d/x", "--date", TODAY)
    assert f"{TODAY}: 1 refresh event of this date archived to s3://history/refresh_events/" in said(
        "history", "--date", TODAY
    )
    refused = f"d/x has no run for {TODAY}; it was {where} and cannot be run again"
    for act in (
        lambda: world.state.rerun("d/x", DAY, "", False, "rerun", "ann", YEAR_LATER),
        lambda: world.state.skip_run("d/x", DAY, "", "ann", YEAR_LATER),
        lambda: world.state.set_hold("d/x", DAY, "", True, "ann", YEAR_LATER),
    ):
        with pytest.raises(UnknownRun, match=re.escape(refused)):
            act()
    assert "those that were archived cannot be run again" in said(
        "rerun", "d/x", "--date", TODAY, "--until", TODAY, "--yes"
    )


def test_what_was_archived_is_not_opened_once_more(world: World, keep: Keep) -> None:
    whole_run(world)
    keep(YEAR_LATER)
    for preview in (True, False):
        found = world.state.backfill("d/x", DAY, DAY + timedelta(1), preview, "ann", YEAR_LATER)
        assert (found.opened, found.existing) == (1, 1)
    assert world.sql("SELECT business_date FROM data_product_status") == [(DAY + timedelta(1),)]


def test_refresh_events_stay_as_long_as_metadata_can_ask_for_them(world: World, aws: FakeAws, keep: Keep) -> None:
    """raw/slow is the latest for a dependency with max_age, raw/old is accepted for 500 days, raw/offset is needed of 300 business days before,
    and raw/late may be what a run resumes by."""
    long = leaf("raw/old", max_age=500 * 86400)
    world.load(
        {name: external() for name in ("raw/a", "raw/slow", "raw/old", "raw/offset", "raw/late")}
        | {
            "d/x": product(
                {"all_of": [leaf("raw/a"), leaf("raw/slow", max_age=86400), long, leaf("raw/offset", offset=-300)]},
                name="x",
            ),
            "d/y": product("raw/late", name="y", wait={"deadline": 60, "on_deadline": "fail", "resume": 500 * 86400}),
        },
        LOADED,
    )
    for name in ("raw/a", "raw/slow", "raw/old", "raw/offset", "raw/late"):
        world.event(name, "2026-11-19", SIX - timedelta(days=1))
        world.event(name, TODAY, SIX)

    assert keep(YEAR_LATER)["archived"]["refresh_events"] == 3
    assert sorted((each["product_id"], each["business_date"]) for each in lines(aws, "refresh_events")) == [
        ("raw/a", "2026-11-19"), ("raw/a", TODAY), ("raw/slow", "2026-11-19"),
    ]  # fmt: skip
    assert keep(SIX + timedelta(days=615))["archived"]["refresh_events"] == 5
    assert world.sql("SELECT product_id, business_date::text FROM refresh_event ORDER BY 1") == [
        ("raw/old", TODAY),
        ("raw/slow", TODAY),
    ]


def test_an_open_run_keeps_its_effects_and_alerts(world: World, aws: FakeAws, keep: Keep) -> None:
    """The monitor finds that its execution does not exist, and starts it again with what the start has kept."""
    whole_run(world)
    world.state.open_due_runs(SIX + timedelta(days=1), "scheduler")
    tomorrow = (DAY + timedelta(1)).isoformat()
    waiting = uuid(world, "d/x", tomorrow)
    due = world.sql("SELECT effect_id FROM effect WHERE done_at IS NULL")
    world.state.finish_effects(
        [{"effect_id": each, "outcome": "", "retry_seconds": None} for (each,) in due], SIX + timedelta(days=1)
    )
    for run in (uuid(world, "d/x"), waiting):
        world.sql(
            "INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, notified_at) VALUES (%s, %s, 'd/x', 1, 'LATE', '{}', %s)",
            f"LATE {run}", run, SIX,
        )  # fmt: skip
        world.sql(
            "INSERT INTO alert_delivery (alert_key, channel, target, changed_at) VALUES (%s, 'slack', '#a', %s)",
            f"LATE {run}",
            SIX,
        )

    report = keep(SIX + timedelta(days=70))

    assert (report["deleted"]["effects"], report["deleted"]["alerts"]) == (5, 1)
    assert world.sql("SELECT run_id, kind FROM effect") == [(waiting, "start_execution")]
    assert world.sql("SELECT alert_key FROM alert_delivery") == [(f"LATE {waiting}",)]
    assert world.state.start_again(waiting, 1, SIX + timedelta(days=70))


def test_a_parked_effect_stays_in_the_history_of_its_run(world: World, aws: FakeAws, keep: Keep) -> None:
    whole_run(world)
    world.sql(
        "INSERT INTO effect_history (effect_id, run_id, event, changed_at, changed_by) "
        "SELECT effect_id, run_id, 'parked', done_at, 'headgate' FROM effect WHERE kind = 'start_execution'"
    )
    keep(SIX + timedelta(days=100))
    assert world.sql("SELECT kind FROM effect") == [("start_execution",)]
    keep(YEAR_LATER)
    (line,) = lines(aws)
    assert [(each["event"], each["kind"]) for each in line["effect_history"]] == [("parked", "start_execution")]


def test_job_runs_of_strangers_are_not_kept(world: World, keep: Keep) -> None:
    """The services report the jobs of the whole account."""
    world.load({"d/x": product(name="x")}, LOADED)
    ends = [{"job_run_id": f"jr {job}", "job": job, "state": "SUCCEEDED"} for job in ("job-build", "nightly-backup")]
    assert world.state.record_job_states(ends, SIX) == 1
    assert world.sql("SELECT job FROM job_run") == [("job-build",)]

    keep(SIX + timedelta(hours=23))
    assert rows(world, "job_run") == 1, "its machine may report it yet"
    assert keep(SIX + timedelta(hours=25))["deleted"]["job_runs"] == 1


def test_the_end_of_a_job_that_no_pipeline_names_any_more_is_recorded(world: World) -> None:
    """Its metadata changed while it ran."""
    world.load({"d/x": product(name="x")}, LOADED)
    opened(world)
    world.state.record_job_start(uuid(world, "d/x"), 1, "build", "glue", "job-of-before", "jr", {}, "token", SIX)
    assert world.state.record_job_states([{"job_run_id": "jr", "job": "job-of-before", "state": "SUCCEEDED"}], SIX) == 1


def test_what_dead_loaders_staged_old_loads_ended_holds_and_old_openings_go(world: World, keep: Keep) -> None:
    world.load({"d/x": product(name="x"), "d/y": product(name="y")}, LOADED)
    world.load({"d/x": product(name="x2"), "d/y": product(name="y")}, SIX)
    for name in ("d/x", "d/y"):
        world.state.set_hold(name, None, "", True, "ann", SIX)
    world.state.set_hold("d/y", None, "", False, "ann", SIX)
    world.sql(
        "INSERT INTO catalog_stage VALUES ('killed', 'products', 'd/x', '{}', %s), ('now', 'products', 'd/x', '{}', %s)",
        SIX,
        YEAR_LATER,
    )

    for day in ("2026-11-18", "2026-11-21"):
        world.sql("INSERT INTO unmade_opening (product_id, business_date, cycle) VALUES ('d/x', %s, '')", day)

    for subject, last in (("old", SIX), ("new", SIX + timedelta(days=399))):
        world.sql("INSERT INTO unused_signal VALUES ('states', %s, '', false, 'no product names it', NULL, %s, %s)", subject, last, last)  # fmt: skip

    deleted = keep(SIX + timedelta(days=400, hours=1))["deleted"]

    assert world.sql("SELECT subject FROM unused_signal") == [("new",)]
    assert (deleted["loads"], deleted["staged"], deleted["holds"], deleted["openings"]) == (1, 1, 1, 1)
    assert world.sql("SELECT business_date::text FROM unmade_opening") == [("2026-11-21",)]
    assert world.sql("SELECT upload FROM catalog_stage") == [("now",)]
    assert world.sql("SELECT product_id, held FROM data_product_hold_history ORDER BY 1") == [
        ("d/x", True),
        ("d/y", False),
    ]


def test_a_removed_product_goes_with_its_last_run(world: World, keep: Keep) -> None:
    whole_run(world)
    world.sql("INSERT INTO unmade_opening (product_id, business_date, cycle) VALUES ('d/x', '2027-12-01', '')")
    world.load({"raw/a": external()}, SIX + timedelta(days=1))
    keep(SIX + timedelta(days=100))
    assert world.sql("SELECT product_id FROM data_product ORDER BY 1") == [("d/x",), ("raw/a",)]
    keep(YEAR_LATER)
    assert keep(YEAR_LATER + timedelta(days=1))["deleted"]["products"] == 1
    assert world.sql("SELECT product_id FROM data_product") == [("raw/a",)]
    world.load({"raw/a": external(), "d/x": product(name="x")}, YEAR_LATER)


def test_pages_go_when_the_bucket_has_deleted_their_objects(world: World, keep: Keep) -> None:
    whole_run(world)
    keep(YEAR_LATER)
    assert keep(YEAR_LATER + timedelta(days=2557))["deleted"]["pages"] == 0
    assert keep(YEAR_LATER + timedelta(days=2558))["deleted"]["pages"] == 2


def test_a_run_that_is_started_again_while_it_is_written_stays(
    world: World, aws: FakeAws, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_run(world)
    put = FakeAws.put_object
    with monkeypatch.context() as patched:

        def put_object(self: FakeAws, **given: Any) -> dict[str, str]:
            if not self.objects:
                world.state.rerun("d/x", DAY, "", False, "rerun", "ann", YEAR_LATER)
            return put(self, **given)

        patched.setattr(FakeAws, "put_object", put_object)
        assert keep(YEAR_LATER)["archived"]["runs"] == 0
    assert list(lines(aws)) == []
    assert world.run("d/x", TODAY)["attempt"] == 2


def test_a_page_that_never_agrees_is_not_deleted(
    world: World, aws: FakeAws, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_run(world)
    monkeypatch.setattr(State, "archive_lines", lambda self, page, after: [])
    with pytest.raises(StateError, match="was written 3 times, and the state held other lines each time"):
        keep(YEAR_LATER)
    assert rows(world, "data_product_status") == 1


def test_what_is_known_of_files_is_kept_as_long_as_history(world: World, aws: FakeAws, keep: Keep) -> None:
    world.load({"raw/positions": positions({"count": 2})}, LOADED)
    land(world, ["positions_EU_20261120.csv.gz"], SIX)
    land(world, ["positions_EU_20261120.csv.gz", "of no source"], SIX, version="2")
    assert keep(SIX + timedelta(days=60))["deleted"]["files"] == 0
    assert keep(SIX + timedelta(days=61))["deleted"]["files"] == 1
    assert (rows(world, "landing_file"), rows(world, "landing_file_history"), rows(world, "landing_set")) == (2, 1, 1)
    keep(YEAR_LATER)
    assert (rows(world, "landing_file"), rows(world, "landing_file_history"), rows(world, "landing_set")) == (0, 0, 0)
