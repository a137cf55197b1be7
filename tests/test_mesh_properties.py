"""Random days of a random mesh in three accounts and in one: after the last fix nobody has to restart anything."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from headgate.local.postgres import Postgres
from state.errors import StateError
from tests.mesh_account import Account, Key
from tests.mesh_oracle import Condition, Facts, is_fallback, leaves
from tests.mesh_simulation import Mesh, Simulation
from tests.state_world import SOAK, copied, dropped, external, leaf, product

HOMES = {"a": "111111111111", "b": "222222222222", "c": "333333333333", "raw": "111111111111"}
EXTERNALS = ["raw/x", "raw/y"]
PRODUCTS = ["a/p0", "b/p1", "c/p2", "b/p3", "a/p4", "c/p5", "a/p6"]
ON_UPDATE = dict(zip(PRODUCTS, ["rerun", "rerun", "notify", "rerun", "rerun", "ignore", "rerun"], strict=True))
FIRST = date(2026, 11, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(40)]


@contextlib.contextmanager
def databases(postgres: Postgres, count: int) -> Iterator[list[str]]:
    names = [copied(postgres, "migrated") for _ in range(count)]
    try:
        yield [postgres.dsn(each) for each in names]
    finally:
        for each in names:
            dropped(postgres, each)


def random_mesh(random: Random) -> Mesh:
    mesh: Mesh = {name: external() for name in EXTERNALS}
    for number, name in enumerate(PRODUCTS):
        before = EXTERNALS + PRODUCTS[:number]
        mesh[name] = random_product(random, name, before)
    return mesh


def random_product(random: Random, name: str, before: list[str]) -> dict[str, Any]:
    statuses = (
        [["COMPLETED"]] * 12
        + [["ERROR"]] * 3
        + [["COMPLETED", "ERROR"], ["STARTED"], ["SKIPPED"], ["COMPLETED", "SKIPPED"]]
    )
    chosen = random.sample(before, min(len(before), random.choice([1, 1, 2, 2, 3])))
    members: list[Condition] = [
        leaf(upstream, status=random.choice(statuses), on_update=ON_UPDATE[name]) for upstream in chosen
    ]
    if len(members) > 2 and random.random() < 0.5:
        members = [members[0], {"any_of": members[1:]}]
    condition = {random.choice(["all_of", "all_of", "any_of"]): members}
    wait = {"deadline": random.choice([20, 60, 600]) * 60, "on_deadline": random.choice(["fail", "fail", "skip"])}
    return product(condition, "06:00", name=name.replace("/", "-"), wait=wait)


class Days:
    """Days of one mesh at once, each with a history of its own."""

    def __init__(self, dsns: list[str], seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret
        numbers = sorted(set(HOMES.values()))[: len(dsns)]
        homes = HOMES if len(dsns) > 1 else dict.fromkeys(HOMES, numbers[0])
        self.simulation = Simulation(dict(zip(numbers, dsns, strict=True)), homes, self.random)
        self.simulation.load(random_mesh(self.random))
        self.facts = {day: Facts() for day in DAYS}
        self.arrivals: list[tuple[int, Key]] = []
        self.held: set[Key] = set()
        self.changed: set[str] = set()
        self.reruns: set[Key] = set()
        self.cascades: set[Key] = set()
        self.settled = False
        self.metadata = [self.simulation.mesh]
        for day in DAYS:
            for name in EXTERNALS:
                self.arrivals.append((self.random.choice([1, 5, 10, 30, 100]), (name, day)))
            for name in PRODUCTS:
                if self.random.random() < 0.15:
                    self.simulation.broken.add((name, day))

    def play(self) -> None:
        simulation = self.simulation
        for name in PRODUCTS:
            account = simulation.account_of(name)
            account.state.backfill(name, DAYS[0], DAYS[-1], False, "scheduler", simulation.now)
        for number in range(40):
            for arrival in [each for each in self.arrivals if each[0] == number]:
                self.arrive(arrival[1])
            simulation.round()
            for _ in range(len(DAYS) // 6):
                self.operate()
        self.fix()
        self.settled = simulation.settle()

    def arrive(self, key: Key) -> None:
        self.simulation.publish(HOMES["raw"], key, "COMPLETED")
        self.facts[key[1]].statuses[key[0]] = ["COMPLETED"]

    def operate(self) -> None:
        """Somebody acts on a run; what the state refuses changes nothing."""
        name, day = self.random.choice(PRODUCTS), self.random.choice(DAYS)
        actions = [
            self.rerun,
            self.rerun_downstream,
            self.skip,
            self.cancel,
            self.waive,
            self.hold,
            self.forge,
            self.repeat,
            self.change,
        ]
        action = self.random.choices(actions, [4, 4, 2, 2, 3, 3, 4, 4, 1])[0]
        try:
            action(name, day)
        except StateError as error:
            self.simulation.note(day, f"{action.__name__} {name} refused: {error}")
        else:
            self.simulation.note(day, f"{action.__name__} {name}")

    def attempt(self, name: str, day: date) -> int:
        return next(int(row["attempt"]) for key, row in self.simulation.runs() if key == (name, day))

    def skip(self, name: str, day: date) -> None:
        simulation = self.simulation
        simulation.account_of(name).state.skip_run(name, day, "", "skipper", simulation.now)
        simulation.failed[name, day] = self.attempt(name, day)

    def cancel(self, name: str, day: date) -> None:
        simulation = self.simulation
        simulation.account_of(name).state.cancel_run(name, day, "", None, "skipper", simulation.now)
        simulation.failed[name, day] = self.attempt(name, day)

    def waive(self, name: str, day: date) -> None:
        """One input of one run counts as arrived."""
        upstream = self.random.choice(leaves(self.simulation.mesh[name]["depends_on"]))["product"]
        account = self.simulation.account_of(name)
        account.state.waive_input(name, day, "", upstream, "it is good enough", False, "ann", self.simulation.now)
        self.facts[day].waived.add((name, upstream))

    def hold(self, name: str, day: date) -> None:
        """Until somebody releases it."""
        simulation = self.simulation
        simulation.account_of(name).state.set_hold(name, day, "", (name, day) not in self.held, "ann", simulation.now)
        self.held ^= {(name, day)}

    def forge(self, name: str, day: date) -> None:
        """An account that does not own the product, or an owner whose run is another one, reports it."""
        number = self.random.choice(
            [each for each in (*HOMES.values(), "999999999999") if each != HOMES[name.split("/")[0]]]
        )
        runs = [row for key, row in self.simulation.runs() if key == (name, day)]
        more = (
            {"run_id": str(runs[0]["run_id"]), "attempt": runs[0]["attempt"]}
            if runs and self.random.random() < 0.7
            else {}
        )
        if len(self.simulation.accounts) > 1:
            self.simulation.publish(
                number, (name, day), self.random.choice(["COMPLETED", "ERROR"]), cycle="", metadata={}, **more
            )

    def repeat(self, name: str, day: date) -> None:
        """An old message comes again."""
        account = self.simulation.account_of(name)
        if self.simulation.sent:
            account.inbox.append(self.random.choice(self.simulation.sent))

    def change(self, name: str, day: date) -> None:
        """The metadata of one product changes. What was waived might not be asked for any more."""
        if any(product == name for facts in self.facts.values() for product, _ in facts.waived):
            return
        mesh = {
            **self.simulation.mesh,
            name: random_product(self.random, name, EXTERNALS + PRODUCTS[: PRODUCTS.index(name)]),
        }
        self.simulation.load(mesh)
        self.changed.add(name)
        self.metadata.append(mesh)
        self.simulation.note(None, f"{name} depends on {mesh[name]['depends_on']}")

    def rerun(self, name: str, day: date, downstream: bool = False) -> None:
        account = self.simulation.account_of(name)
        account.state.rerun(name, day, "", downstream, "rerun", "ann", self.simulation.now)
        (self.cascades if downstream else self.reruns).add((name, day))

    def rerun_downstream(self, name: str, day: date) -> None:
        self.rerun(name, day, downstream=True)

    def fix(self) -> None:
        """What was broken is mended, what is missing arrives, and each run that had failed by itself is run again."""
        simulation = self.simulation
        for number, key in self.arrivals:
            if number >= 40:
                self.arrive(key)
        simulation.broken.clear()
        for name, day in sorted(self.held):
            simulation.account_of(name).state.set_hold(name, day, "", False, "ann", simulation.now)
        for _ in range(20):
            simulation.round(1)
        for (name, day), attempt in sorted(simulation.failed.items()):
            if attempt == self.attempt(name, day):
                self.rerun(name, day)
                simulation.note(day, f"fix: rerun {name}")

    # What has to hold

    def wrong(self) -> list[tuple[Key, str]]:
        return [
            *([] if self.settled else [((PRODUCTS[0], DAYS[0]), "and others do not come to rest")]),
            *self.wrong_ends(),
            *self.stale_inputs(),
            *self.wrong_histories(),
            *self.wrong_arrivals(),
            *self.leaked_waivers(),
        ]

    def report(self, wrong: list[tuple[Key, str]]) -> str:
        """The first of what is wrong, and all that was done to its business date."""
        (name, day), text = wrong[0]
        journal = "\n".join(text for of, text in self.simulation.journal if of in (None, day))
        condition = self.simulation.mesh[name]["depends_on"]
        return f"{len(wrong)} wrong; {name} for {day} {text}\n{condition}\n{self.facts[day]}\n{journal}"

    def wrong_ends(self) -> Iterator[tuple[Key, str]]:
        """Whose condition holds is COMPLETED. What completed stays so, and nothing waits any more."""
        found = dict(self.simulation.runs())
        for key in [(name, day) for day in DAYS for name in PRODUCTS]:
            name, facts = key[0], self.facts[key[1]]
            if (row := found.get(key)) is None:
                continue
            facts.statuses[name] = [*(["STARTED"] if row["started_at"] else []), row["status"]]
            holds = facts.holds(name, self.simulation.mesh[name]["depends_on"])
            done = self.simulation.completed.get(key) == row["attempt"]
            expected = {"COMPLETED"} if done or holds else {"SKIPPED"} if holds is False else {"ERROR", "SKIPPED"}
            if row["status"] not in expected:
                yield key, f"is {row['status']}, expected {' or '.join(sorted(expected))}"
            elif holds and row["outdated_at"] and ON_UPDATE[name] != "notify":
                yield key, "is outdated, though its upstreams are refreshed"

    def rows(self, query: str) -> Iterator[tuple[Account, dict[str, Any]]]:
        """The rows of every account."""
        return ((account, row) for account in self.simulation.accounts.values() for row in account.rows(query))

    def stale_inputs(self) -> Iterator[tuple[Key, str]]:
        """Who asked for it has run again with the newest refreshes."""
        query = (
            "SELECT r.product_id, r.business_date, e.event_key FROM data_product_status r "
            "JOIN data_product_dependencies_events_status d USING (run_id) JOIN refresh_event e USING (event_key) "
            "WHERE r.status = 'COMPLETED' AND 'COMPLETED' = ANY (d.statuses) AND e.superseded_at IS NOT NULL"
        )
        for _, row in self.rows(query):
            if ON_UPDATE[row["product_id"]] == "rerun" and row["product_id"] not in self.changed:
                yield (
                    (row["product_id"], row["business_date"]),
                    f"used {row['event_key']}, which has been made again",
                )

    def asked_for(self) -> set[Key]:
        """What operators ran again, and what their cascades may reach: no fallback, whatever the metadata was then."""
        found = self.reruns | self.cascades
        reached = set(self.cascades)
        for name in PRODUCTS:  # in an order in which upstreams come first
            needed = [
                each["product"]
                for mesh in self.metadata
                for each in leaves(mesh[name]["depends_on"])
                if not is_fallback(each)
            ]
            reached |= {(name, day) for day in DAYS if any((upstream, day) in reached for upstream in needed)}
        return found | reached

    def wrong_histories(self) -> Iterator[tuple[Key, str]]:
        """An attempt is released once, and the next one begins when it has ended; by itself, if only inputs were missing."""
        missing, asked_for = ("UpstreamFailed", "DeadlineExceeded"), self.asked_for()
        for account in self.simulation.accounts.values():
            before: dict[Key, dict[str, Any]] = {}
            ends: dict[Key, dict[str, Any]] = {}
            for row in account.rows("SELECT * FROM data_product_status_history ORDER BY history_id"):
                key = (row["product_id"], row["business_date"])
                last = before.get(key)
                before[key] = row
                if last is None:
                    continue
                if row["event"] in ("failed", "skipped", "completed", "cancelled"):
                    ends[key] = row
                again = row["attempt"] != last["attempt"]
                end = ends.get(key, row)
                by_operator = end["status"] == "SKIPPED" and end["changed_by"] == "skipper"
                by_itself = end["error"] in missing or (end["status"] in ("SKIPPED", "COMPLETED") and not by_operator)
                if again and last["status"] not in ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED"):
                    yield key, f"attempt {row['attempt']} began while the one before was {last['status']}"
                elif row["event"] == "rerun" and key not in asked_for:
                    yield key, "was run again by a cascade, though it is a fallback"
                elif row["event"] == "resumed" and not by_itself:
                    yield key, f"resumed after {end['event']} by {end['changed_by']}"
                elif last["event"] == "resumed" and row["event"] not in ("released", "repaired", "skipped"):
                    yield key, f"resumed before everything had arrived: {row['event']} at {row['changed_at']}"
                elif not again and last["released_at"] and row["event"] in ("released", "repaired"):
                    yield key, f"attempt {row['attempt']} released twice"

    def wrong_arrivals(self) -> Iterator[tuple[Key, str]]:
        """What counted was reported by the owner, of the newest attempt known then."""
        query = (
            "SELECT r.product_id, r.business_date, e.product_id AS upstream, e.account, e.attempt, h.changed_at "
            "FROM data_product_dependencies_events_status_history h JOIN data_product_status r USING (run_id) JOIN refresh_event e USING (event_key) "
            "WHERE h.event = 'arrived'"
        )
        for account, row in self.rows(query):
            day = row["business_date"]
            owner = self.simulation.account_of(row["upstream"]).number
            newer = [
                at for at, attempt in account.received[row["upstream"], day] if attempt > (row["attempt"] or attempt)
            ]
            if len(self.simulation.accounts) > 1 and row["account"] != owner:
                yield (row["product_id"], day), f"took an event of {row['upstream']} from {row['account']}"
            elif any(at < row["changed_at"] for at in newer):
                yield (
                    (row["product_id"], day),
                    f"took attempt {row['attempt']} of {row['upstream']} after a newer one was known",
                )

    def leaked_waivers(self) -> Iterator[tuple[Key, str]]:
        """A waiver is of one input of one run."""
        query = (
            "SELECT r.product_id, r.business_date, h.upstream FROM data_product_dependencies_events_status_history h "
            "JOIN data_product_status r USING (run_id) WHERE h.event = 'waived'"
        )
        for _, row in self.rows(query):
            if (row["product_id"], row["upstream"]) not in self.facts[row["business_date"]].waived:
                yield (
                    (row["product_id"], row["business_date"]),
                    f"has {row['upstream']} waived, for which nobody asked",
                )


@contextlib.contextmanager
def played(postgres: Postgres, accounts: int, seed: int, fault: "Fault | None" = None) -> Iterator[Days]:
    with databases(postgres, accounts) as dsns:
        for dsn in dsns:
            plant(dsn, fault)
        days = Days(dsns, seed)
        days.play()
        yield days


@pytest.mark.slow
@pytest.mark.parametrize("accounts", [3, 1])
@pytest.mark.parametrize("seed", range(1 if SOAK == 1 else 8 * SOAK))  # forty histories each
def test_after_the_last_fix_everything_is_refreshed(postgres: Postgres, accounts: int, seed: int) -> None:
    with played(postgres, accounts, seed) as days:
        wrong = days.wrong()
        assert not wrong, days.report(wrong)


@dataclass(frozen=True)
class Fault:
    """In the body of a SQL function `instead` stands for a part. `shows` is part of what is found wrong then."""

    function: str
    part: str
    instead: str
    shows: str


FAULTS = {
    "no account check": Fault("foreign_events", "may.accounts IS NOT NULL", "false", "took an event of"),
    "an old attempt wins": Fault(
        "supersede_older", "newest_attempt(e) AS attempt", "e.attempt AS attempt", "after a newer one was known"
    ),
    "a cascade reopens fallbacks": Fault(
        "downstream_of", "AND 'COMPLETED' = ANY (d.statuses)", "", "though it is a fallback"
    ),
    "a waiver leaks to another run": Fault(
        "waive_input", "d.run_id = r.run_id AND d.upstream = input AND d.status = 'WAITING'",
        "d.upstream = input AND d.status = 'WAITING'", "for which nobody asked",
    ),
    "a run resumes twice": Fault(
        "may_resume", "r.status IN ('ERROR', 'SKIPPED') AND r.resume_until >= now_is",
        "r.status <> 'COMPLETED' AND r.attempt > 1", "began while the one before was",
    ),
    "a run resumes too early": Fault(
        "resumable_runs", "condition_holds(p.condition, arrived_leaves(r.run_id))", "true", "before everything had arrived"
    ),
}  # fmt: skip


QUICK = ("no account check",)  # the first mesh shows it; the others need minutes, and are for `make soak`


def plant(dsn: str, fault: "Fault | None") -> None:
    if fault is None:
        return
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_get_functiondef(%s::regproc)", [fault.function]).fetchone()
        if row is None or fault.part not in row[0]:
            raise LookupError(f"{fault.function} has no part {fault.part!r}")
        connection.execute(row[0].replace(fault.part, fault.instead))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS if SOAK > 1 else QUICK)
def test_a_planted_fault_is_caught(postgres: Postgres, name: str) -> None:
    for seed in range(10):
        with played(postgres, 3, seed, FAULTS[name]) as days:
            if any(FAULTS[name].shows in text for _, text in days.wrong()):
                return
    pytest.fail("ten meshes, and nothing of it shows")
