"""Change data capture, for tests of the state: a stream of changes whose files are loaded in order."""

import json
from typing import Any

from state.file_answers import PlannedBatches
from tests.state_files import land, positions
from tests.state_loading import JOB, Load, ids
from tests.state_steps import SIX
from tests.state_world import World

PATTERN = r"(?P<table>[a-z]+)_(?P<date>\d{8})_(?P<number>[0-9a-z]+)\.csv"


def only(planned: PlannedBatches) -> int:
    (batch,) = ids(planned)
    return batch


def change(number: object, table: str = "orders") -> str:
    return f"{table}_20261120_{number}.csv"


class Stream(Load):
    """raw/positions is a stream of changes, which are loaded in the order of their numbers. Its run begins with what has landed."""

    def __init__(self, world: World, landed: list[str], load: str = "cdc", **settings: Any) -> None:
        product = positions({"marker": "done_{date}"}, pattern=PATTERN, load=load)
        self.deploy(world, product, {"order": ["number"], **settings} if load == "cdc" else settings)
        if landed:
            land(world, landed, SIX)
            self.start()

    def counts(self) -> dict[str, int]:
        return dict(
            self.world.sql("SELECT status, count(*)::integer FROM landing_file WHERE kind = 'data' GROUP BY status")
        )

    def start(self) -> None:
        land(self.world, ["done_20261120"], SIX)
        self.begin()

    def lines(self, batch: int) -> list[dict[str, Any]]:
        return [json.loads(each.entry)["file"] for each in self.world.state.batch_files(batch, "", 500)]

    def wave(self) -> list[list[str]]:
        """What the next batches have, each file by its number."""
        return [self.names(batch) for batch in ids(self.plan())]

    def names(self, batch: int) -> list[str]:
        return [each["facets"]["number"] for each in self.lines(batch)]

    def say(self, batch: int, *outcomes: str) -> dict[str, Any]:
        """What the job says of the first files of the batch."""
        lines = [{"file_id": file, "outcome": each} for file, each in zip(self.files(batch), outcomes, strict=False)]
        return self.world.state.record_batch(batch, JOB, lines, SIX)


def act(world: World, action: str, file: int) -> None:
    world.state.operate({"action": action, "files": [file], "reason": "as agreed"}, False, None, "me", SIX)
