"""The accounts of a mesh with a database each, and between them what AWS does: machines, jobs, and buses that delay, repeat and reorder."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import refresh_events
from headgate.local.data_api import DataApi
from state import catalog
from state.database import Database
from state.errors import StateError
from tests.direct_client import DirectClient
from tests.fake_aws import FakeAws
from tests.mesh_account import Account, Key, Machine
from tests.state_acting import Acting
from tests.state_world import at

Mesh = dict[str, dict[str, Any]]
ENOUGH = 300  # rounds after the last fix; a day that comes to rest takes about thirty


class Simulation:
    """`homes`: the account of each domain. `broken`: runs whose job fails. `journal`: what was done to each business date, for the
    message of a test that fails."""

    def __init__(self, databases: dict[str, str], homes: dict[str, str], random: Random) -> None:
        self.apis = [DataApi(dsn) for dsn in databases.values()]
        self.accounts = {
            number: Account(number, dsn, Acting(Database(DirectClient(api))), FakeAws())
            for (number, dsn), api in zip(databases.items(), self.apis, strict=True)
        }
        self.homes = homes
        self.random = random
        self.now = at("2026-11-20 06:00")
        self.broken: set[Key] = set()
        self.failed: dict[Key, int] = {}  # the attempt that ended by its own job, or that an operator ended
        self.completed: dict[Key, int] = {}
        self.journal: list[tuple[date | None, str]] = []
        self.loads = 0
        self.sent: list[dict[str, Any]] = []

    def note(self, day: date | None, text: str) -> None:
        self.journal.append((day, f"{self.now:%d %H:%M} {text}"))

    def account_of(self, product: str) -> Account:
        return self.accounts[self.homes[product.split("/")[0]]]

    def load(self, mesh: Mesh) -> None:
        """The metadata in every account, each restricted to its own products."""
        self.mesh = mesh
        self.loads += 1
        domains = {domain: {"account": number, "region": "us-east-1"} for domain, number in self.homes.items()}
        content = {"version": 1, "domains": domains, "calendars": {}, "products": mesh}
        for account in self.accounts.values():
            own = (
                content
                if len(self.accounts) == 1
                else catalog.restrict_to_account(catalog.with_accounts(content), account.number, "us-east-1")
            )
            catalog.load(account.state, own, f"upload {self.loads}", "abc", self.now, "test", self.now)

    # Events

    def put(self, number: str, detail_type: str, detail: dict[str, Any]) -> None:
        """On the central bus, by this account; every account hears of it."""
        envelope = {
            "version": "0", "id": f"{self.random.getrandbits(64):x}", "source": "headgate", "detail-type": detail_type, "account": number,
            "time": self.now.isoformat(), "region": "us-east-1", "resources": [], "detail": detail,
        }  # fmt: skip
        self.note(date.fromisoformat(detail["business_date"]), f"{number[:3]} puts {detail['domain']}/{detail['product']} "
                  f"{detail['status']} {detail.get('attempt', '')}")  # fmt: skip
        self.sent.append(envelope)
        for account in self.accounts.values():
            account.inbox.append(envelope)

    def publish(self, number: str, key: Key, status: str, **more: Any) -> None:
        domain, product = key[0].split("/")
        kind = {"COMPLETED": "Data Product Refreshed", "ERROR": "Data Product Failed"}[status]
        detail = {"domain": domain, "product": product, "business_date": str(key[1]), "status": status,
                  "refreshed_at": self.now.isoformat(), **more}  # fmt: skip
        self.put(number, kind, detail)

    def deliver(self, share: float) -> int:
        """Some of the messages, in any order, and some of them again later."""
        delivered = 0
        for account in self.accounts.values():
            self.random.shuffle(account.inbox)
            count = round(len(account.inbox) * share) if share < 1 else len(account.inbox)
            chosen, account.inbox = account.inbox[:count], account.inbox[count:]
            delivered += count
            if share < 1:
                account.inbox += [each for each in chosen if self.random.random() < 0.1]
            if chosen:
                self.record(account, chosen)
        return delivered

    def record(self, account: Account, envelopes: list[dict[str, Any]]) -> None:
        for detail in [each["detail"] for each in envelopes if "attempt" in each["detail"]]:
            key = (f"{detail['domain']}/{detail['product']}", date.fromisoformat(detail["business_date"]))
            account.received[key].append((self.now, detail["attempt"]))
        events = [refresh_events.parse(each) for each in envelopes]
        account.state.record_refresh_events([each for each in events if each is not None], self.now)

    # Effects and machines

    def perform(self) -> int:
        """What is due in each account: the machines that it starts, stops and answers, and the events that it puts."""
        done = 0
        for account in self.accounts.values():
            done += account.perform(self.now)
            for arn, execution in account.aws.executions.items():
                if arn not in account.machines and "input" in execution:
                    given = execution["input"]
                    key = (given["product"], date.fromisoformat(given["business_date"]))
                    account.machines[arn] = Machine(arn, UUID(given["run_id"]), given["attempt"], key)
                elif execution["status"] == "ABORTED" and arn in account.machines:
                    account.machines[arn].phase = "ended"
            answers = {token for token, _ in account.aws.answered}
            for machine in account.machines.values():
                if machine.phase == "waiting" and machine.token in answers:
                    machine.phase = "released"
            new, account.put = account.aws.events[account.put :], len(account.aws.events)
            for entry in new:
                self.put(account.number, entry["DetailType"], json.loads(entry["Detail"]))
        return done

    def step(self, share: float) -> int:
        """Some of the machines do their next step."""
        moved = 0
        for account in self.accounts.values():
            for machine in list(account.machines.values()):
                if machine.phase != "ended" and (share == 1 or self.random.random() < share):
                    moved += self._step(account, machine)
        return moved

    def _step(self, account: Account, machine: Machine) -> bool:
        """Whether anything happened. What the state refuses ends the machine, as its failure does: a newer attempt has taken its place."""
        before = machine.phase
        try:
            getattr(self, f"_{machine.phase}")(account, machine)
        except StateError as error:
            machine.phase = "ended"
            account.aws.executions[machine.arn]["status"] = "FAILED"
            self.note(machine.key[1], f"machine of {machine.key[0]} {machine.attempt} ends: {error}")
        return machine.phase != before

    def _started(self, account: Account, machine: Machine) -> None:
        machine.token = f"token {machine.arn}"
        machine.deadline = self.now + timedelta(seconds=self.mesh[machine.key[0]]["wait"]["deadline"])
        account.state.register_wait(machine.run_id, machine.attempt, machine.token, machine.arn, self.now)
        machine.phase = "waiting"

    def _waiting(self, account: Account, machine: Machine) -> None:
        assert machine.deadline is not None
        if self.now < machine.deadline:
            return
        account.aws.closed_tokens.add(str(machine.token))
        policy = self.mesh[machine.key[0]]["wait"]["on_deadline"]
        found = account.state.resolve_deadline(machine.run_id, machine.attempt, policy, self.now)
        self.note(machine.key[1], f"deadline of {machine.key[0]} {machine.attempt}: {found.decision}")
        if found.decision == "start":
            machine.phase = "released"
        elif found.decision == "skip":
            self._record(account, machine, "SKIPPED", None)
        else:
            self._record(account, machine, "ERROR", "UpstreamFailed" if found.failed else "DeadlineExceeded")
            self._announce(account, machine, "ERROR")

    def _released(self, account: Account, machine: Machine) -> None:
        account.state.begin_pipeline(machine.run_id, machine.attempt, machine.arn, self.now)
        machine.phase = "working"

    def _working(self, account: Account, machine: Machine) -> None:
        status = "ERROR" if machine.key in self.broken else "COMPLETED"
        self._record(account, machine, status, "JobFailed" if status == "ERROR" else None)
        (self.failed if status == "ERROR" else self.completed)[machine.key] = machine.attempt
        self._announce(account, machine, status)

    def _record(self, account: Account, machine: Machine, status: str, error: str | None) -> None:
        account.state.finish_attempt(machine.run_id, machine.attempt, status, error, None, self.now)
        machine.phase = "ended"
        account.aws.executions[machine.arn]["status"] = "SUCCEEDED" if status == "COMPLETED" else "FAILED"
        self.note(machine.key[1], f"{machine.key[0]} {machine.attempt} {status} {error or ''}")

    def _announce(self, account: Account, machine: Machine, status: str) -> None:
        """The machine publishes, unless it dies before; then the outbox does later."""
        if self.random.random() < 0.9:
            self.publish(
                account.number,
                machine.key,
                status,
                cycle="",
                run_id=str(machine.run_id),
                attempt=machine.attempt,
                metadata={},
            )

    # Rounds

    def round(self, share: float = 0.6) -> int:
        self.now += timedelta(minutes=1)
        return self.perform() + self.deliver(share) + self.step(share)

    def settle(self) -> bool:
        """Until nothing moves, and nothing does after the deadlines either; the monitor looks as well. False if it goes on and on."""
        idle = 0
        for _ in range(ENOUGH):
            if self.round(1):
                idle = 0
                continue
            if idle == 3:
                return True
            self.now += (timedelta(minutes=20), timedelta(hours=13), timedelta(minutes=20))[idle]
            idle += 1
            for account in self.accounts.values():
                account.state.repair(self.now)
        return False

    def runs(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        """Every run with its row."""
        for account in self.accounts.values():
            for row in account.rows(
                "SELECT product_id, business_date, run_id, attempt, status, error, started_at, outdated_at FROM data_product_status"
            ):
                yield (row["product_id"], row["business_date"]), row
