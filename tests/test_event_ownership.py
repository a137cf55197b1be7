"""Whose event counts: the account that EventBridge names has to be the product's, and what an event says has to be possible."""

import json
import random
from typing import Any

import pytest

import dead_letters
import runtime
from headgate.generator.plan import catalog as compiled
from state import catalog
from tests.fake_aws import FakeAws
from tests.fake_queues import FakeQueues
from tests.handler_steps import NOW, TODAY, invoke, queue, refreshed, sample
from tests.state_world import SOAK, World, at, external, leaf, product

RAW, OURS, STRANGER = "111111111111", "222222222222", "555555555555"
RUN = "0b4e6f1c-9f57-4b7e-8f0e-3d2f5a7c9e11"
DOMAINS = {"raw": {"owner": "x", "account": RAW}, "d1": {"owner": "y", "account": OURS}, "open": {"owner": "z"}}
PRODUCTS = {
    "raw/rd1": external(),
    "raw/rd2": external(),
    "open/any": external(),
    "d1/ds1": product(["raw/rd1"], name="ds1"),
    "d1/partner": product({"all_of": [leaf("other/feed", account=STRANGER)]}, name="partner"),
}


@pytest.fixture
def queues(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    """The dead letter queue of the refresh event processor, at half past six."""
    made = FakeQueues()
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    monkeypatch.setattr(dead_letters, "queues", lambda: made)
    monkeypatch.setenv(dead_letters.QUEUE, "https://sqs/1/headgate-refresh-events-dead")
    return made


def load(world: World, products: dict[str, dict[str, Any]] = PRODUCTS, account: str = OURS, **domains: Any) -> None:
    """The catalog of an account of the mesh; in mode `single` it is empty."""
    content = {"version": compiled.VERSION, "domains": {**DOMAINS, **domains}, "calendars": {}, "products": products}
    if account:
        content = catalog.with_accounts(catalog.restrict_to_account(content, account, "us-east-1"))
    here = content if account else catalog.without_accounts(content)
    catalog.load(world.state, here, "upload", "abc", at("2026-11-20 00:00"), "test", at("2026-11-20 00:00"))
    invoke("scheduler", sample("scheduler"))


def published(account: str, name: str, **more: Any) -> dict[str, Any]:
    return {**refreshed(name, **more), "account": account}


def status(world: World, name: str = "d1/ds1") -> bool:
    """Whether the product's run has been released."""
    return world.run(name, TODAY)["released_at"] is not None


def test_an_event_of_another_account_releases_nothing_and_lies_in_the_dead_letter_queue(
    world: World, queues: FakeQueues
) -> None:
    load(world)
    answer = invoke("refresh_events", queue(published(STRANGER, "raw/rd1"), published(OURS, "raw/rd1")))

    assert answer == {"batchItemFailures": []}, "what lies in the dead letter queue is not tried again"
    assert not status(world)
    assert world.sql("SELECT count(*) FROM refresh_event") == [(0,)]
    reason = "account {} published it; events of raw/rd1 count from account 111111111111 only"
    assert queues.reasons("headgate-refresh-events-dead") == [reason.format(STRANGER), reason.format(OURS)]

    invoke("refresh_events", queue(published(RAW, "raw/rd1")))
    assert status(world)


def test_a_forged_event_never_takes_the_place_of_the_true_one(world: World, queues: FakeQueues) -> None:
    """Of a known product it is refused; of one that the catalog learns of later it counts for nothing."""
    load(world, {key: each for key, each in PRODUCTS.items() if key != "raw/rd1"} | {"d1/ds1": product(name="ds1")})
    true = {"run_id": RUN, "attempt": 1, "refreshed_at": "2026-11-20T06:00:00Z"}
    invoke("refresh_events", queue(published(STRANGER, "raw/rd1", **true)))
    assert queues.reasons("headgate-refresh-events-dead") == [], (
        "nobody here knows whose it is, and nothing waits for it"
    )
    load(world)
    waiting = {**PRODUCTS, "d1/later": product(["raw/rd1"], name="later", schedule="06:15")}
    load(world, waiting)
    assert not status(world, "d1/later")

    invoke("refresh_events", queue(published(RAW, "raw/rd1", **true)))
    assert status(world, "d1/later")


def test_a_dependency_names_the_account_of_a_product_outside_the_repository(world: World, queues: FakeQueues) -> None:
    load(world)
    invoke("refresh_events", queue(published(RAW, "other/feed")))
    assert not status(world, "d1/partner")
    assert queues.reasons("headgate-refresh-events-dead") == [
        f"account {RAW} published it; events of other/feed count from account {STRANGER} only"
    ]
    invoke("refresh_events", queue(published(STRANGER, "other/feed")))
    assert status(world, "d1/partner")


def test_in_a_single_account_accounts_are_ignored(world: World, queues: FakeQueues) -> None:
    load(world, account="")
    invoke("refresh_events", queue(published(STRANGER, "raw/rd1"), published(OURS, "other/feed")))
    assert status(world)
    assert status(world, "d1/partner")
    assert queues.reasons("headgate-refresh-events-dead") == []


def test_a_domain_that_names_no_account_takes_events_of_any(world: World, queues: FakeQueues) -> None:
    load(world, {**PRODUCTS, "d1/ds1": product(["open/any"], name="ds1")})
    invoke("refresh_events", queue(published(STRANGER, "open/any")))
    assert status(world)


def test_a_domain_that_moves_is_heard_from_its_new_account(world: World, queues: FakeQueues) -> None:
    """What its former account published before still counts; what it publishes afterwards does not."""
    load(world)
    invoke("refresh_events", queue(published(RAW, "raw/rd1"), published(STRANGER, "raw/rd2")))
    load(
        world,
        {**PRODUCTS, "d1/both": product(["raw/rd1", "raw/rd2"], name="both")},
        raw={"owner": "x", "account": STRANGER},
    )
    invoke("refresh_events", queue(published(RAW, "raw/rd2")))
    assert not status(world, "d1/both")
    invoke("refresh_events", queue(published(STRANGER, "raw/rd2")))
    assert status(world, "d1/both")
    assert len(queues.reasons("headgate-refresh-events-dead")) == 2


def test_an_event_with_the_run_of_another_product_does_not_stand_for_its_event(
    world: World, queues: FakeQueues
) -> None:
    """The machine's own event spares the outbox a second one; nobody else's does."""
    load(world)
    invoke("refresh_events", queue(published(RAW, "raw/rd1")))
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1})
    invoke("outcome_recorder", {"status": "COMPLETED", "run_id": run, "attempt": 1})
    due = "SELECT count(*) FROM effect WHERE kind = 'put_event' AND done_at IS NULL"

    invoke("refresh_events", queue(published(RAW, "raw/rd2", run_id=run, attempt=1)))
    assert world.sql(due) == [(1,)]
    invoke("refresh_events", queue(published(OURS, "d1/ds1", run_id=run, attempt=1)))
    assert world.sql(due) == [(0,)]


IMPOSSIBLE = {
    "the end of time": (
        {"business_date": "9999-12-31"},
        "/detail/business_date is 9999-12-31, more than 7 days ahead of 2026-11-20",
    ),
    "just too far": (
        {"business_date": "2026-11-28"},
        "/detail/business_date is 2026-11-28, more than 7 days ahead of 2026-11-20",
    ),
    "long ago": (
        {"business_date": "1970-01-01"},
        "/detail/business_date is 1970-01-01, more than 10 years before 2026-11-20",
    ),
    "a clock of the future": (
        {"refreshed_at": "2099-01-01T00:00:00Z"},
        "/detail/refreshed_at is 2099-01-01T00:00:00Z, more than 7 days ahead of 2026-11-20",
    ),
    "a clock of the past": (
        {"refreshed_at": "1970-01-01T00:00:00Z"},
        "/detail/refreshed_at is 1970-01-01T00:00:00Z, more than 10 years before 2026-11-20",
    ),
    "the first year": (
        {"refreshed_at": "0001-01-01T00:00:00+14:00"},
        "/detail/refreshed_at is 0001-01-01T00:00:00+14:00, more than 10 years before 2026-11-20",
    ),
}


@pytest.mark.parametrize(("change", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_cannot_be_is_refused(world: World, queues: FakeQueues, change: dict[str, str], reason: str) -> None:
    load(world, {**PRODUCTS, "d1/opened": product(["raw/rd1"], name="opened", schedule=None)})
    assert invoke("refresh_events", queue(published(RAW, "raw/rd1", **change))) == {"batchItemFailures": []}

    assert queues.reasons("headgate-refresh-events-dead") == [reason]
    assert world.sql("SELECT max(business_date)::text FROM data_product_status") == [(TODAY,)], "no run was opened"
    assert str(world.state.latest_date(None, NOW)) == TODAY


@pytest.mark.parametrize(
    ("kind", "says", "status"),
    [("Data Product Refreshed", "COMPLETED", "ERROR"), ("Data Product Failed", "ERROR", "COMPLETED")],
)
def test_a_detail_type_and_a_status_that_disagree_are_refused(
    world: World, queues: FakeQueues, kind: str, says: str, status: str
) -> None:
    load(world)
    invoke("refresh_events", queue({**published(RAW, "raw/rd1", status=status), "detail-type": kind}))
    assert queues.reasons("headgate-refresh-events-dead") == [
        f'detail-type "{kind}" says {says}, /detail/status {status}'
    ]
    assert world.sql("SELECT count(*) FROM refresh_event") == [(0,)]


def test_what_is_a_week_ahead_counts_and_the_bounds_are_parameters(
    world: World, queues: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world)
    bounds = [
        ("2026-11-27", "2026-11-20T06:00:00Z"),
        ("2016-11-21", "2016-11-21T06:00:00Z"),
        (TODAY, "2026-11-20T08:00:00Z"),
    ]
    for date, moment in bounds:
        invoke("refresh_events", queue(published(RAW, "raw/rd2", business_date=date, refreshed_at=moment)))
    assert queues.reasons("headgate-refresh-events-dead") == []
    assert world.sql("SELECT max(refreshed_at) FROM refresh_event") == [(NOW,)], (
        "a clock an hour ahead is no fault of its event"
    )

    monkeypatch.setenv("EVENT_DAYS_AHEAD", "1")
    monkeypatch.setenv("EVENT_YEARS_BACK", "1")
    for date, moment in bounds[:2]:
        invoke("refresh_events", queue(published(RAW, "raw/rd2", business_date=date, refreshed_at=moment)))
    assert len(queues.reasons("headgate-refresh-events-dead")) == 2


def test_what_the_dead_letter_queue_does_not_take_is_returned(world: World, queues: FakeQueues) -> None:
    """Nothing is acknowledged before it is durable."""
    load(world)
    queues.broken = "ServiceUnavailable"
    batch = queue(published(STRANGER, "raw/rd1"), "not json", published(RAW, "raw/rd1"), published(STRANGER, "raw/rd1"))
    assert invoke("refresh_events", batch) == {
        "batchItemFailures": [{"itemIdentifier": each} for each in ("0", "1", "3")]
    }
    assert queues.calls == 1, "a queue that does not answer is not waited for again"
    assert status(world), "the others count"


@pytest.mark.parametrize("seed", range(4 * SOAK))
def test_of_any_mixture_of_events_the_owners_alone_count(world: World, queues: FakeQueues, seed: int) -> None:
    """True and forged events, alike in all but the account, in any order and in batches of any size."""
    chance = random.Random(seed)  # noqa: S311
    load(world)
    names = ["raw/rd1", "raw/rd2", "other/feed", "d1/ds1"]
    owner = {"raw/rd1": RAW, "raw/rd2": RAW, "other/feed": STRANGER, "d1/ds1": OURS}
    events = [
        published(account, name, run_id=RUN, attempt=attempt, refreshed_at=f"2026-11-20T0{attempt}:00:00Z")
        for name in names
        for account in (RAW, OURS, STRANGER)
        for attempt in (1, 2)
        if chance.random() < 0.8
    ]
    events += chance.choices(events, k=5)
    chance.shuffle(events)
    given = list(events)
    while events:
        size = chance.randint(1, 10)
        assert invoke("refresh_events", queue(*events[:size])) == {"batchItemFailures": []}
        events = events[size:]

    def key(each: dict[str, Any]) -> tuple[Any, ...]:
        detail = each["detail"]
        return each["account"], f"{detail['domain']}/{detail['product']}", detail["attempt"]

    true = {key(each) for each in given if owner[key(each)[1]] == key(each)[0]}
    assert set(world.sql("SELECT account, product_id, attempt FROM refresh_event")) == true
    assert len(queues.reasons("headgate-refresh-events-dead")) == sum(key(each) not in true for each in given)
    assert status(world) == ((RAW, "raw/rd1", 1) in true or (RAW, "raw/rd1", 2) in true)


def test_jobs_and_alerts_that_break_their_contract_are_moved_as_well(world: World, queues: FakeQueues) -> None:
    assert invoke("job_status", queue({"detail": 1})) == {"batchItemFailures": []}
    assert invoke("alerts", queue({"kind": "GOOD NEWS"})) == {"batchItemFailures": []}
    first, second = queues.reasons("headgate-refresh-events-dead")
    assert first == "/detail is missing or not an object"
    assert second.startswith("alert: /level is missing")


def test_a_defect_is_tried_again_and_not_moved(
    world: World, queues: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world)
    monkeypatch.setattr(type(world.state), "record_refresh_events", lambda *given: 1 / 0)
    assert len(invoke("refresh_events", queue(published(RAW, "raw/rd1")))["batchItemFailures"]) == 1
    assert queues.reasons("headgate-refresh-events-dead") == []


def test_a_reason_is_a_text_that_sqs_takes(world: World, queues: FakeQueues) -> None:
    """docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    invoke("refresh_events", queue(json.dumps(refreshed("raw/rd1"))[:-1] + ',"detail-type": "\x07\ufffe"}'))
    (reason,) = queues.reasons("headgate-refresh-events-dead")
    assert all(
        character in "\t\n\r" or " " <= character <= "\ud7ff" or "\ue000" <= character <= "\ufffd"
        for character in reason
    )


def test_status_expects_only_what_the_account_is_told_of(world: World, queues: FakeQueues) -> None:
    """The central account forwards an account the domains that it waits for, and its own. Of others nothing ever comes."""
    others = {"d2": {"owner": "z", "account": STRANGER}, "d3": {"owner": "z", "account": STRANGER}}
    products = {
        **PRODUCTS,
        "d2/heard": product(name="h"),
        "d2/also": external(),
        "d3/never": product(name="n"),
        "d1/raw": external(),
    }
    products["d1/more"] = product(["d2/heard"], name="more")

    def listed(account: str) -> dict[str, str]:
        load(world, products, account, **others)
        answer = invoke("inquire", {"question": "status", "business_date": TODAY})
        return {each["product"]: each["status"] for each in answer["products"]}

    assert listed(OURS) == {
        "d1/ds1": "WAITING", "d1/more": "WAITING", "d1/partner": "WAITING", "d1/raw": "EXPECTED", "d2/also": "EXPECTED", "d2/heard": "EXPECTED",
        "open/any": "EXPECTED", "raw/rd1": "EXPECTED", "raw/rd2": "EXPECTED",
    }  # fmt: skip
    assert set(listed("")) == set(products), "a single account has everything"


def test_a_domain_that_has_moved_away_is_opened_nowhere_but_there(
    world: World, queues: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its former account is deployed again, its scheduler is none of d1's any more, and what waited there has ended."""
    load(world)
    moved: dict[str, Any] = {"d1": {"owner": "y", "account": STRANGER}}
    load(world, **moved)
    assert world.run("d1/ds1", TODAY)["status"] == "CANCELLED"
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-21 06:30"))
    assert invoke("scheduler", sample("scheduler"))["opened"] == 0
    load(world, account=STRANGER, **moved)
    monkeypatch.setattr(runtime, "now", lambda: at("2026-11-22 06:30"))
    assert invoke("scheduler", sample("scheduler"))["opened"] == 2, "in its new account"
