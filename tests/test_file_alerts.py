"""Alerts about files: one message a set, a wave, an hour and a generation, whatever number of files it is about."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import runtime
from tests.alert_world import Service, Ses, notify
from tests.fake_aws import FakeAws
from tests.state_files import BUCKET, PREFIX, land, positions, seen, sweeping
from tests.state_loading import Load, ids
from tests.state_steps import ARN, LOADED, SIX, TODAY
from tests.state_world import World, daily, product

EU, US, AP = (f"positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP"))
SUPPORT = [{"on": ["FILES"], "level": "product", "slack": ["#support"], "email": ["support@example.com"]}]


class Support:
    """A support team that is notified of the files of raw/positions, and what it has received."""

    def __init__(self, world: World, service: Service, ses: Ses, set_clock: Callable[[datetime], None]) -> None:
        self.world, self._service, self._ses, self._set_clock = world, service, ses, set_clock

    def load(self, asked: list[dict[str, Any]] = SUPPORT, **more: Any) -> None:
        entry = {**positions(**more), "notify": asked, "owner": "raw-data-team"}
        below = {
            "d/risk": product("raw/positions", None, name="risk"),
            "d/report": product("d/risk", None, name="report"),
        }
        bucket = {"name": BUCKET, "owner": "raw-data-team", "notify": SUPPORT}
        self.world.load({"raw/positions": entry, **below}, LOADED, buckets={"raw/landing": bucket})

    def at(self, now: datetime) -> list[str]:
        """What is received when all that is due until then is sent: of Slack the action and the title, of e-mail the subject."""
        self.clock(now)
        while due := self.world.sql(
            "UPDATE effect SET done_at = %s WHERE kind = 'alert' AND done_at IS NULL AND due_at <= %s RETURNING payload",
            now,
            now,
        ):
            assert notify(*(fact for (fact,) in due)) == []
        return self.told()

    def clock(self, now: datetime) -> None:
        self._set_clock(now)
        self._service.received.clear()
        self._ses.sent.clear()

    def told(self) -> list[str]:
        slack = [f"{path[6:]}: {body['text']}" for path, body, _ in self._service.received]
        return slack + [f"e-mail: {each['Content']['Simple']['Subject']['Data']}" for each in self._ses.sent]

    def last(self) -> str:
        """The text of the last e-mail."""
        return str(self._ses.sent[-1]["Content"]["Simple"]["Body"]["Text"]["Data"])


@pytest.fixture
def support(world: World, service: Service, ses: Ses, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Support:
    return Support(world, service, ses, lambda now: monkeypatch.setattr(runtime, "now", lambda: now))


def later(**more: float) -> datetime:
    return SIX + timedelta(**more)


def finished(world: World, name: str, now: datetime) -> None:
    run = world.run(name, TODAY)
    world.state.register_wait(run["run_id"], run["attempt"], f"token {name} {run['attempt']}", ARN, now)
    world.state.begin_pipeline(run["run_id"], run["attempt"], ARN, now)
    world.state.finish_attempt(run["run_id"], run["attempt"], "COMPLETED", None, None, now)
    world.event(name, TODAY, now, run_id=str(run["run_id"]), attempt=run["attempt"])


def test_a_rejected_file_is_one_conversation_until_its_set_has_arrived(support: Support) -> None:
    support.load(complete={"values": {"region": ["EU", "US", "AP"]}})
    land(support.world, [EU], SIX)
    land(support.world, [US], SIX, size=0)
    assert support.at(SIX) == [
        "postMessage: 1 file of raw/positions for 2026-11-20 was rejected",
        "e-mail: [FILES] 1 file of raw/positions for 2026-11-20 was rejected",
    ]
    assert support.last() == (
        "1 file of raw/positions for 2026-11-20 was rejected\n\n"
        "Product: raw/positions: positions\n"
        f"File: {US}, file 2, 0 bytes: smaller than 1 byte\n"
        "Files of the date: 1 file there, 1 rejected, US and AP missing\n"
        "Deadline: 2026-11-20 10:00 UTC, then the run fails\n"
        "To do: have each sent again under the same name; one that is right as it is: headgate files retry NUMBER\n"
        "Since: 2026-11-20 06:00 UTC\nOwner: raw-data-team\nWaiting for it: 2: d/report, d/risk\n"
    )
    land(support.world, [AP], later(minutes=5), size=0)
    assert support.at(later(minutes=6)) == [
        "update: :large_orange_circle: 2 files of raw/positions for 2026-11-20 were rejected",
        "postMessage: 2 files of raw/positions for 2026-11-20 were rejected",
    ]
    land(support.world, [US], later(minutes=10), version="2")
    assert "1 file of raw/positions for 2026-11-20 was rejected" in support.at(later(minutes=11))[0]
    land(support.world, [AP], later(minutes=20), version="2")
    assert support.at(later(minutes=20)) == [
        "update: :large_green_circle: the files of raw/positions for 2026-11-20 are complete, after its files were rejected or corrected; see the thread",
        "postMessage: the files of raw/positions for 2026-11-20 are complete",
        "e-mail: Re: [FILES] 1 file of raw/positions for 2026-11-20 was rejected",
    ]
    assert support.at(later(hours=3)) == []


def test_a_burst_of_rejected_files_is_one_message(support: Support) -> None:
    support.load(complete={"count": 5000})
    names = [f"positions_EU_20261120_{number}of5000.csv.gz" for number in range(1, 101)]
    for start in range(0, 100, 10):
        land(support.world, names[start : start + 10], later(seconds=start), size=0)
    assert len(support.at(later(seconds=100))) == 2
    assert "More files: 95: headgate files list raw/positions --date 2026-11-20" in support.last()
    assert support.at(later(hours=1)) == []


def test_a_file_without_a_possible_date_is_told_once_a_day_and_ends_when_it_is_ignored(support: Support) -> None:
    support.load()
    land(support.world, ["positions_EU_20261340.csv.gz"], SIX)
    assert support.at(SIX)[0] == "postMessage: 1 file of raw/positions without a business date was rejected"
    assert "under a name with a business date" in support.last()
    land(support.world, ["positions_US_20261341.csv.gz"], later(minutes=10))
    assert [each.split(":")[0] for each in support.at(later(minutes=11))] == ["update", "postMessage"]
    ignored = {"action": "ignore_files", "files": [1, 2], "reason": "not ours"}
    support.world.state.operate(ignored, False, None, "ann", later(minutes=20))
    assert support.at(later(minutes=20))[1] == "postMessage: the rejected files of raw/positions are ignored"
    land(support.world, ["positions_US_20261342.csv.gz"], later(minutes=30))
    assert len(support.at(later(minutes=30))) > 0


def test_files_that_nobody_asked_about_are_told_to_nobody(support: Support) -> None:
    support.load(asked=[{"on": ["ERROR"], "level": "product", "slack": ["#support"]}])
    land(support.world, [US], SIX, size=0)
    assert support.at(SIX) == []
    assert support.world.sql("SELECT count(*) FROM landing_notice") == [(0,)]


def test_a_run_that_ends_without_its_set_ends_the_conversation(support: Support) -> None:
    support.load()
    land(support.world, [US], SIX, size=0)
    support.at(SIX)
    support.world.state.skip_run("raw/positions", SIX.date(), "", "ann", later(minutes=5))
    assert "raw/positions was skipped for 2026-11-20" in support.at(later(minutes=6))[1]


def test_a_thousand_unmatched_files_are_one_digest(support: Support) -> None:
    support.load()
    ((files,),) = support.world.sql("SELECT source FROM landing_source")
    names = [f"EU/positions-{number}.csv" for number in range(1000)]
    for start in range(0, 1000, 250):
        moment = later(seconds=start / 10)
        support.world.state.record_files([seen(files, each, moment) for each in names[start : start + 250]], moment)
    assert support.at(later(minutes=4)) == []
    assert support.at(later(minutes=6)) == [
        f"postMessage: 1,000 files in {BUCKET} are of no product",
        f"e-mail: [FILES] 1,000 files in {BUCKET} are of no product",
    ]
    assert f"File: {PREFIX}EU/positions-0.csv, file 1, 10 bytes, nearest raw/positions" in support.last()
    assert "More files: 995: headgate files unmatched" in support.last()
    support.world.state.record_files([seen(files, "late.csv", later(minutes=10))], later(minutes=10))
    assert support.at(later(minutes=60)) == []
    assert support.at(later(minutes=66))[0] == f"postMessage: 1 file in {BUCKET} is of no product"
    assert support.at(later(hours=5)) == []
    listed = support.world.state.alerts_page(None, None, SIX.date(), SIX.date(), "", 50)
    assert [each.key.split()[1] for each in listed] == ["raw/landing#bucket"] * 4


def test_unmatched_files_that_have_a_product_by_then_are_not_told(support: Support) -> None:
    support.load()
    ((files,),) = support.world.sql("SELECT source FROM landing_source")
    support.world.state.record_files([seen(files, "x.csv", SIX)], SIX)
    support.world.sql("UPDATE landing_file SET status = 'IGNORED'")
    assert support.at(later(hours=1)) == []


@pytest.mark.parametrize(
    ("on_correction", "follows", "informs"),
    [
        ("notify", "the run is marked as outdated, and nothing runs again by itself", False),
        ("rerun", "the product runs again by itself; what depends on it is outdated until it runs again", False),
        ("rerun_downstream", "the product and everything that depends on it run again by themselves", False),
        ("ignore", "nothing, as its metadata says", True),
    ],
)
def test_a_correction_is_told_once_a_generation(
    support: Support, on_correction: str, follows: str, informs: bool
) -> None:
    support.load(complete={"count": 1}, on_correction=on_correction)
    land(support.world, [EU, US], SIX)
    for name in ("raw/positions", "d/risk", "d/report"):
        finished(support.world, name, later(minutes=10))
    assert support.at(later(minutes=10)) == []
    loaded = "UPDATE landing_file SET status = 'PROCESSED', changed_at = %s, changed_by = 'files'"
    support.world.sql(loaded, later(minutes=10))
    land(support.world, [EU], later(hours=1), version="2")
    assert (
        support.at(later(hours=1))[-1]
        == "e-mail: [FILES] 1 file of raw/positions for 2026-11-20 was corrected after use"
    )
    assert f"What follows: {follows}\n" in support.last()
    assert "Used the older data: 2: d/report, d/risk\n" in support.last()
    assert f"File: {EU}, file 3, 10 bytes\n" in support.last()
    land(support.world, [EU], later(hours=2), version="3")
    told = support.at(later(hours=2))
    assert [each for each in told if "corrected after use" in each] == told != []
    if on_correction == "notify":
        support.world.state.rerun("raw/positions", SIX.date(), "", False, "rerun", "ann", later(hours=3))
    if not informs:
        finished(support.world, "raw/positions", later(hours=3))
        attempt = 2 if on_correction == "notify" else 3
        if attempt == 3:  # the second file has come while the first was loaded
            assert support.at(later(hours=3)) == []
            finished(support.world, "raw/positions", later(hours=4))
        assert (
            support.at(later(hours=4))[1]
            == f"postMessage: raw/positions is complete for 2026-11-20 (attempt {attempt})"
        )


def denied(key: str) -> str:
    return (
        "ClientError: An error occurred (AccessDenied) when calling the GetObject operation: User: arn:aws:sts::123456789012:assumed-role/load/x "
        f"is not authorized to perform: kms:Decrypt on resource: {key} because no identity-based policy allows the kms:Decrypt action"
    )


def loading(support: Support, files: int, **settings: Any) -> Load:
    load = Load(support.world, files, **settings)
    asked = json.dumps(SUPPORT)
    support.world.sql("UPDATE data_product SET notify = %s::jsonb WHERE product_id = 'raw/positions'", asked)
    return load


def test_a_wave_is_one_message_with_rules_and_the_key_that_was_denied(support: Support) -> None:
    load = loading(support, 9, max_files=3, accept={"rejected": 3, "failed": 3})
    first, second, third = ids(load.plan())
    checks = [{"rule": 'ColumnValues "quantity" >= 0', "severity": "reject", "passed": False, "value": "-40"}]
    load.record(first, "REJECTED", checks=checks)
    load.record(second, "FAILED", message=denied("arn:aws:kms:us-east-1:111122223333:key/abc-1"), retry=False)
    load.record(third)
    assert support.at(SIX) == []
    assert load.plan().decision == "done"
    assert load.plan(again=True).decision == "done"
    assert support.at(SIX) == [
        "postMessage: raw/positions for 2026-11-20: 3 files were rejected and 3 files could not be loaded",
        "e-mail: [FILES] raw/positions for 2026-11-20: 3 files were rejected and 3 files could not be loaded",
    ]
    assert '10 bytes, REJECTED: ColumnValues "quantity" >= 0 (-40)\n' in support.last()
    assert "Access denied to: arn:aws:kms:us-east-1:111122223333:key/abc-1\n" in support.last()
    support.world.state.finish_attempt(load.run, 1, "COMPLETED", None, None, later(minutes=5))
    assert support.at(later(minutes=5))[1] == "postMessage: raw/positions is complete for 2026-11-20"


def test_a_wave_that_loads_everything_is_no_message(support: Support) -> None:
    load = loading(support, 4, max_files=2)
    for batch in ids(load.plan()):
        load.record(batch)
    load.plan()
    assert support.at(later(hours=1)) == []


def test_who_hears_of_the_failure_does_not_hear_of_its_wave(support: Support) -> None:
    load = loading(support, 2)
    implied = {"on": ["FILES"], "level": "product", "slack": ["#implied"], "implied": True}
    support.world.sql(
        "UPDATE data_product SET notify = notify || %s::jsonb WHERE product_id = 'raw/positions'", json.dumps(implied)
    )
    load.record(ids(load.plan())[0], "REJECTED", message="no header")
    assert load.plan().decision == "rejected"
    told = support.at(SIX)
    assert told[0].startswith("postMessage")
    assert told[1].startswith("e-mail")
    assert support.world.sql("SELECT DISTINCT target FROM alert_delivery ORDER BY 1") == [
        ("#support",),
        ("support@example.com",),
    ]


def test_a_failure_at_the_deadline_is_in_the_thread_of_the_rejected_file(support: Support) -> None:
    asked = [{**SUPPORT[0], "on": ["FILES", "ERROR", "LATE"]}]
    support.load(asked=asked)
    land(support.world, [US], SIX, size=0)
    support.at(SIX)
    run = support.world.run("raw/positions", TODAY)
    fact = {
        "kind": "ERROR", "level": "product", "product": "raw/positions", "run_id": str(run["run_id"]), "attempt": 1, "business_date": TODAY,
        "cycle": "", "error": "DeadlineExceeded", "cause": "The deadline passed",
    }  # fmt: skip
    support.world.state.register_wait(run["run_id"], 1, "token", ARN, SIX)
    support.world.state.resolve_deadline(run["run_id"], 1, "fail", later(hours=5))
    support.world.state.record_outcome(
        run["run_id"], 1, "ERROR", "DeadlineExceeded", "The deadline passed", later(hours=5), "machine"
    )
    support.clock(later(hours=5))
    assert notify(fact) == []
    assert support.told()[:2] == [
        "update: :red_circle: raw/positions failed for 2026-11-20",
        "postMessage: raw/positions failed for 2026-11-20",
    ]
    assert "Because of: the files of raw/positions have not all arrived\n" in support.last()
    assert support.world.sql("SELECT DISTINCT cause FROM alert_conversation") == [("raw/positions 2026-11-20",)]


@pytest.mark.parametrize("mended", [True, False])
def test_a_muted_rejection_is_sent_later_if_it_is_still_true(support: Support, mended: bool) -> None:
    support.load()
    mute = {"action": "mute", "domain": "raw", "muted_until": later(hours=1).isoformat()}
    support.world.state.operate(mute, False, None, "ann", SIX)
    land(support.world, [US], SIX, size=0)
    assert support.at(SIX) == []
    if mended:
        land(support.world, [EU, US, AP], later(minutes=30), version="2")
    told = ["postMessage: 1 file of raw/positions for 2026-11-20 was rejected"]
    assert support.at(later(hours=1))[:1] == ([] if mended else told)


def test_a_file_that_a_sweep_would_have_taken_is_over_with_the_next_one(support: Support) -> None:
    swept = sweeping(schedule=daily("06:30"))
    support.world.load({"raw/positions": {**swept, "notify": SUPPORT}}, LOADED)
    land(support.world, ["positions_US.csv"], SIX, size=0)
    assert support.at(SIX)[0] == "postMessage: 1 file of raw/positions was rejected"
    assert "have each sent again; the next sweep takes it" in support.last()
    land(support.world, ["positions_EU.csv", "positions_US.csv"], later(minutes=10), version="2")
    support.at(later(minutes=11))
    support.world.state.open_due_runs(later(minutes=30), "scheduler")
    assert (
        support.at(later(minutes=30))[1] == "postMessage: files of raw/positions have arrived since some were rejected"
    )
