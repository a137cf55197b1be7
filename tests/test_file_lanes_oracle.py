"""Random streams of changes against an oracle: whatever lands, fails, breaks or is corrected, no file is loaded before an earlier one of its lane."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.state_files import land
from tests.state_lanes import Stream, act, change
from tests.state_loading import JOB, ids
from tests.state_steps import SIX, TODAY
from tests.state_world import SOAK, World

TABLES = ("orders", "trades", "users")
OUT = ("REJECTED", "FAILED")
Place = tuple[int, int, int]


@dataclass
class Oracle:
    """What has landed, and what the order of it is, computed without the database from when each version was put."""

    put: dict[int, tuple[str, int, int, int]] = field(default_factory=dict)  # file: table, number, version, minute
    loaded: list[int] = field(default_factory=list)

    def lanes(self, status: dict[int, str]) -> dict[str, list[int]]:
        """The files that count of each lane in their order. One that was left out and has a newer version is none; that version has its place."""
        versions = defaultdict(list)
        for file, (table, number, version, _) in self.put.items():
            if status[file] != "IGNORED":
                versions[table, number].append((version, file))
        places: dict[str, list[tuple[Place, int]]] = defaultdict(list)
        for (table, number), found in versions.items():
            in_order = [file for _, file in sorted(found)]
            minute, corrects = 0, False
            for nth, file in enumerate(in_order):
                minute = minute if corrects else max(minute, self.put[file][3])
                corrects = status[file] in OUT
                if not corrects or file == in_order[-1]:
                    places[table].append(((number, minute, nth), file))
        return {table: [file for _, file in sorted(found)] for table, found in places.items()}

    def check(self, status: dict[int, str], wave: list[list[dict[str, Any]]]) -> None:
        """A wave that was planned with these statuses: each lane is in one batch, and gets its first files that are left, up to one that was left out."""
        lanes = self.lanes(status)
        given: dict[str, list[dict[str, Any]]] = {}
        for batch in wave:
            for table in {each["facets"]["table"] for each in batch}:
                assert table not in given, "a lane has one batch at a time"
                given[table] = [each for each in batch if each["facets"]["table"] == table]
        for table, lines in given.items():
            left = [file for file in lanes[table] if status[file] != "PROCESSED"]
            assert [each["file_id"] for each in lines] == left[: len(lines)]
            assert not any(status[each["file_id"]] in OUT for each in lines)
            for line in lines:
                behind = lanes[table][lanes[table].index(line["file_id"]) + 1 :]
                assert line.get("late", False) == any(status[file] == "PROCESSED" for file in behind)

    def stopped(self, status: dict[int, str]) -> list[int]:
        firsts = (next((file for file in lane if status[file] != "PROCESSED"), None) for lane in self.lanes(status).values())  # fmt: skip
        return [file for file in firsts if file is not None and status[file] in OUT]


class Day:
    """A stream whose files land and whose batches end at random."""

    def __init__(self, world: World, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        settings: dict[str, Any] = {
            "max_files": self.random.choice([1, 2, 5, 20]),
            "tries": 2,
            "order": ["number"],
            "together": ["table"],
        }
        self.world, self.oracle, self.minute = world, Oracle(), 0
        self.versions: dict[str, int] = defaultdict(int)
        self.stream = Stream(world, [], **settings)
        for _ in range(self.random.randint(3, 12)):
            self.arrive(self.random.choice(TABLES), self.random.randint(1, 6))
        self.stream.start()

    def status(self) -> dict[int, str]:
        return dict(self.world.sql("SELECT file_id, status FROM landing_file WHERE kind = 'data'"))

    def arrive(self, table: str, number: int) -> None:
        """A version lands; sometimes two, of which the newer one is reported first."""
        name, count = change(number, table), self.random.choice([1, 1, 1, 2])
        new = []
        for _ in range(count):
            self.minute += 1
            self.versions[name] += 1
            new.append((self.versions[name], self.minute))
        for version, minute in reversed(new):
            at = (SIX + timedelta(minutes=minute)).isoformat()
            land(self.world, [name], SIX + timedelta(minutes=minute), version=f"{version:04}", event_at=at)
            ((file,),) = self.world.sql("SELECT max(file_id) FROM landing_file")
            self.oracle.put[file] = (table, number, version, minute)

    def wave(self) -> bool:
        """Plans the next batches, checks them and lets them end. False if nothing is left to load."""
        planned = self.stream.plan()
        batches = {batch: self.stream.lines(batch) for batch in ids(planned)}
        before = self.status()
        claimed = {line["file_id"] for lines in batches.values() for line in lines}
        self.oracle.check(
            {file: "RECEIVED" if file in claimed else each for file, each in before.items()}, [*batches.values()]
        )
        for batch, lines in batches.items():
            match self.random.randrange(6):
                case 0:
                    self.stream.fail(batch)
                case 1:
                    pass  # its child broke
                case _:
                    self.end(batch, lines)
            if self.random.random() < 0.4 and self.minute < 40:
                self.arrive(self.random.choice(TABLES), self.random.randint(1, 8))
        if planned.decision != "load":
            assert (planned.decision == "done") == (not self.oracle.stopped(before))
        return planned.decision == "load"

    def end(self, batch: int, lines: list[dict[str, Any]]) -> None:
        """What a job says that stops at the first file of a lane that is left out; of those behind it, it may say nothing."""
        said, stopped = [], set()
        for line in lines:
            if line["facets"]["table"] in stopped:
                outcome = self.random.choice(["SKIPPED", None])
            else:
                outcome = self.random.choices(["PROCESSED", "REJECTED", "FAILED", None], [20, 1, 2, 1])[0]
            if outcome == "PROCESSED":
                self.oracle.loaded.append(line["file_id"])
            else:
                stopped.add(line["facets"]["table"])
            if outcome:
                said.append({"file_id": line["file_id"], "outcome": outcome, "retry": self.random.random() < 0.8})
        self.world.state.record_batch(batch, JOB, said, SIX)

    def resolve(self) -> None:
        """Each lane that has stopped goes on: a corrected version lands, or an operator says so. The run ended, and resumes."""
        for file in self.oracle.stopped(self.status()):
            table, number, *_ = self.oracle.put[file]
            if self.random.random() < 0.5:
                self.arrive(table, number)
            else:
                act(self.world, "ignore_files", file)


@pytest.mark.parametrize("seed", range(6 * SOAK))
def test_no_file_is_loaded_before_an_earlier_one_of_its_lane(world: World, seed: int) -> None:
    day = Day(world, seed)
    for _ in range(80):
        if day.wave():
            continue
        if not day.oracle.stopped(day.status()):
            break
        day.resolve()
    status = day.status()
    assert {status[file] for lane in day.oracle.lanes(status).values() for file in lane} <= {"PROCESSED"}
    assert len(day.oracle.loaded) == len(set(day.oracle.loaded))
    assert world.run("raw/positions", TODAY)["attempt"] == 1
