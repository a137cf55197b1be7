"""The step of a product that loads its files in batches, for tests of the state."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from state.file_answers import PlannedBatches
from tests.state_files import land, positions
from tests.state_steps import LOADED, SIX, TODAY
from tests.state_world import World, step

SETTINGS = {"max_files": 200, "max_bytes": "5GB", "parallel": 2, "tries": 3}
JOB = "jr_1"


def names(count: int) -> list[str]:
    return [f"positions_EU_20261120_{number}of{count}.csv.gz" for number in range(1, count + 1)]


class Load:
    """The step `load` of raw/positions, whose files have landed and whose run has begun."""

    def __init__(self, world: World, files: int, size: int = 10, **settings: Any) -> None:
        self.deploy(world, positions({"count": files}), settings)
        if files:
            land(world, names(files), SIX, size=size)
        self.begin()

    def deploy(self, world: World, product: dict[str, Any], settings: dict[str, Any]) -> None:
        self.world, self._entered = world, 0
        loading = {**step("load"), "settings": {"batches": {**SETTINGS, **settings}}}
        world.load({"raw/positions": {**product, "pipeline": {"timeout": None, "steps": [loading]}}}, LOADED)

    def begin(self) -> None:
        run = self.world.run("raw/positions", TODAY)
        self.run, self.attempt = UUID(str(run["run_id"])), run["attempt"]
        self.world.state.begin_pipeline(self.run, self.attempt, "execution", SIX)

    def plan(self, again: bool = False, now: datetime = SIX) -> PlannedBatches:
        self._entered += not again
        return self.world.state.plan_batches(self.run, self.attempt, "load", f"moment {self._entered}", now)

    def files(self, batch: int) -> list[int]:
        return [json.loads(each.entry)["file"]["file_id"] for each in self.world.state.batch_files(batch, "", 500)]

    def record(self, batch: int, outcome: str = "PROCESSED", **more: Any) -> dict[str, Any]:
        lines = [{"file_id": each, "outcome": outcome, **more} for each in self.files(batch)]
        return self.world.state.record_batch(batch, JOB, lines, SIX)

    def fail(self, batch: int) -> None:
        self.world.state.fail_batch(batch, "JobFailed", "it crashed", SIX)

    def sizes(self) -> list[int]:
        """How many files each batch of the latest wave has."""
        found = self.world.sql(
            "SELECT files FROM landing_batch WHERE wave = (SELECT max(wave) FROM landing_batch) ORDER BY number"
        )
        return [files for (files,) in found]

    def counts(self) -> dict[str, int]:
        return dict(self.world.sql("SELECT status, count(*)::integer FROM landing_file GROUP BY status"))


def ids(planned: PlannedBatches) -> list[int]:
    return [each["batch_id"] for each in planned.batches]
