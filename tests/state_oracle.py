"""What the state should be, in a few lines that know nothing of SQL: products open once a day or by events, and have one cycle."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Condition = dict[str, Any]
Mesh = dict[str, dict[str, Any]]
Key = tuple[str, date]
Refresh = tuple[str, date, str, tuple[str, date, int] | None]  # product, date, status, the run and attempt it reports

ENDED = ("COMPLETED", "ERROR", "SKIPPED", "CANCELLED")
RESUMES = timedelta(hours=24)


@dataclass
class Run:
    """`decided`: its deadline has decided to end the attempt, and its machine has not recorded that yet. `held_over`: it passed while the
    run was held, and its machine has ended. `resumes_until`: it ended only because
    inputs were missing. `fallback`: an input of it is that an upstream did not complete."""

    attempt: int = 1
    released: bool = False
    status: str = "WAITING"
    decided: bool = False
    held_over: bool = False
    resumes_until: datetime | None = None
    fallback: bool = False

    def again(self) -> None:
        self.attempt, self.released, self.status, self.decided = self.attempt + 1, False, "WAITING", False
        self.resumes_until, self.held_over = None, False


def leaves(node: Condition) -> list[Condition]:
    return [node] if "product" in node else [each for member in node[next(iter(node))] for each in leaves(member)]


def is_fallback(leaf: Condition) -> bool:
    return "COMPLETED" not in leaf["status"] and bool({"ERROR", "SKIPPED", "CANCELLED"} & set(leaf["status"]))


@dataclass
class Oracle:
    """`working`: job runs of earlier attempts that still run. `until`: the moment up to which the openings of a schedule were made."""

    mesh: Mesh
    now: datetime
    runs: dict[Key, Run] = field(default_factory=dict)
    events: list[Refresh] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    working: dict[Key, list[str]] = field(default_factory=dict)
    until: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.load(self.mesh, self.now)

    # Metadata

    def has_pipeline(self, name: str) -> bool:
        return "machine" in self.mesh.get(name, {})

    def opens_at(self, name: str, day: date) -> datetime | None:
        """When the schedule opens the product's run of that date; None without one."""
        schedule = self.mesh.get(name, {}).get("schedule")
        return datetime.combine(day, time.fromisoformat(schedule["fires"]["times"][0]), UTC) if schedule else None

    def load(self, mesh: Mesh, now: datetime) -> None:
        """A run that waits ends with its product. An opening that was to come and is past by the new schedule is made at once."""
        to_come = {
            (name, day): name in self.until and moment > self.until[name]
            for name in mesh
            for day in self.days(now)
            if (moment := self.opens_at(name, day))
        }
        self.mesh = mesh
        for (name, _), run in self.runs.items():
            if run.status == "WAITING" and not self.has_pipeline(name):
                run.status = "CANCELLED"
        self.until = {name: self.until.get(name, now) for name in mesh if "schedule" in mesh[name]}
        for (name, day), waited_for in to_come.items():
            moment = self.opens_at(name, day)
            if waited_for and moment and moment <= self.until[name]:
                self.open(name, day)
        self.update()

    @staticmethod
    def days(now: datetime) -> list[date]:
        return [now.date() + timedelta(days=number) for number in range(-3, 4)]

    # What happens

    def open(self, name: str, day: date) -> None:
        self.runs.setdefault((name, day), Run())

    def open_due(self, now: datetime) -> None:
        for name, until in self.until.items():
            for day in self.days(now):
                moment = self.opens_at(name, day)
                if moment and until < moment <= now:
                    self.open(name, day)
        self.until = {name: max(until, now) for name, until in self.until.items()}
        self.update()

    def refreshed(self, event: Refresh) -> None:
        """An event opens the runs it counts for, where no other input is needed of a later date, or where nothing is missing then."""
        if event not in self.events:
            self.events.append(event)
        name, when, status, _ = event
        for other in self.mesh if self.counts(event) else ():
            if self.has_pipeline(other) and "schedule" not in self.mesh[other]:
                condition = self.mesh[other]["depends_on"]
                needed = leaves(condition)
                for each in needed:
                    day = when - timedelta(days=each["offset"])
                    last = each["offset"] == max(one["offset"] for one in needed)
                    fits = each["product"] == name and status in each["status"]
                    if fits and (last or self.holds(condition, day)):
                        self.open(other, day)
        self.update()

    def counts(self, event: Refresh) -> bool:
        """Events of earlier attempts do not."""
        reported = event[3]
        return reported is None or self.runs[reported[:2]].attempt == reported[2]

    def holds(self, node: Condition, day: date) -> bool:
        if "product" in node:
            wanted = day + timedelta(days=node["offset"])
            return any(
                (name, when) == (node["product"], wanted) and status in node["status"] and self.counts(event)
                for event in self.events
                for name, when, status, _ in [event]
            )
        operator = next(iter(node))
        return (all if operator == "all_of" else any)(self.holds(member, day) for member in node[operator])

    def impossible(self, node: Condition, day: date) -> bool:
        """It can hold no more: an upstream has ended otherwise."""
        if "product" in node:
            wanted, taken = day + timedelta(days=node["offset"]), node["status"]
            ends = {
                status
                for name, when, status, _ in filter(self.counts, self.events)
                if (name, when) == (node["product"], wanted)
            }
            others = {"SKIPPED", "CANCELLED"} | ({"COMPLETED"} if "STARTED" not in taken else set())
            return not ends & set(taken) and bool(ends & others)
        operator = next(iter(node))
        return (any if operator == "all_of" else all)(self.impossible(member, day) for member in node[operator])

    def kept_back(self, key: Key) -> bool:
        return key[0] in self.held or bool(self.working.get(key))

    def update(self) -> None:
        """Starts the next attempts of what ended because inputs were missing and has them now, releases what holds, and skips what can hold
        no more, also what failed at its deadline before that was known. A run that was released stays so, whatever its metadata says
        afterwards."""
        for key, run in self.runs.items():
            if not self.has_pipeline(key[0]):
                continue
            condition = self.mesh[key[0]].get("depends_on", {"all_of": []})
            self._note_fallback(run, condition, key[1])
            if run.status == "WAITING" and run.held_over and key[0] not in self.held:
                run.again()
            ready = self.holds(condition, key[1]) and not self.kept_back(key)
            if run.status in ENDED and run.resumes_until and self.now <= run.resumes_until and (
                ready or (run.status == "ERROR" and self.impossible(condition, key[1]) and not self.kept_back(key))
            ):  # fmt: skip
                run.again()
            if run.status == "WAITING" and not run.decided and not run.released:
                run.released = ready
                if self.impossible(condition, key[1]) and key[0] not in self.held:
                    self.end(key, "SKIPPED", inputs_missing=True)

    def _note_fallback(self, run: Run, condition: Condition, day: date) -> None:
        """Inputs come while a run waits, and leave it until it has used them; one that failed uses none."""
        now = any(self.holds(each, day) for each in leaves(condition) if is_fallback(each))
        if run.status == "WAITING" and run.released:
            run.fallback |= now
        elif run.status == "WAITING" or (run.resumes_until and self.now <= run.resumes_until):
            run.fallback = now
        elif run.status != "COMPLETED":
            run.fallback &= now

    def end(self, key: Key, status: str, inputs_missing: bool = False) -> None:
        self.runs[key].status = status
        self.runs[key].resumes_until = self.now + RESUMES if inputs_missing else None

    def deadline(self, key: Key, policy: str) -> str:
        """The decision."""
        run = self.runs[key]
        if not run.released and key[0] in self.held:
            run.held_over = True
            return "hold"
        if run.released or (policy == "start" and not self.kept_back(key)):
            run.released = True
            return "start"
        run.decided = True
        return "skip" if policy == "skip" else "fail"

    def again(self, name: str, day: date, downstream: bool) -> None:
        """The next attempts of the runs that have ended."""
        for other in self.downstream(name, day) if downstream else {name}:
            run = self.runs.get((other, day))
            if run and run.status in ENDED and self.has_pipeline(other):
                run.again()
        self.update()

    def downstream(self, name: str, day: date) -> set[str]:
        """What needs it to complete, directly or not, and has not run as a fallback."""
        found, before = {name}, 0
        while len(found) > before:
            before = len(found)
            found |= {
                other
                for other, product in self.mesh.items()
                if "depends_on" in product and not ((run := self.runs.get((other, day))) and run.fallback)
                and any(each["product"] in found and "COMPLETED" in each["status"] for each in leaves(product["depends_on"]))
            }  # fmt: skip
        return found
