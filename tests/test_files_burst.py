"""A burst of files of one date goes through the deployed application: queue, landing function, state, plan, batches, record. `HEADGATE_FILES` says how many."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from headgate.local.data_api import DataApi
from tests.files_local import LARGE, Burst, burst
from tests.local_application import needs_sam
from tests.state_world import SOAK

pytestmark = [pytest.mark.slow, needs_sam, pytest.mark.skipif(SOAK == 1, reason="takes a minute: in `make soak`")]
FILES = int(os.environ.get("HEADGATE_FILES", "5000"))
BATCH = 200
LARGEST_STATE, LARGEST_CALL, LARGEST_ANSWER = (
    128 * 1024,
    3 << 20,
    800_000,
)  # bytes; the limits are 256 KiB, 4 MiB and 1 MiB
LONGEST_HISTORY = 22_500
LARGE_FILE = FILES // 2  # the number of the one of 20 GB


class Sizes:
    """The longest request and answer of the Data API, and the seconds in it, by SQL function."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.answers: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = DataApi.call

        def watched(api: DataApi, path: str, body: bytes) -> Any:
            began = time.monotonic()
            answer = call(api, path, body)
            name = json.loads(body).get("sql", path).partition("(CAST")[0][-40:]
            self.calls[name] = self.calls.get(name, 0) + 1
            self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - began
            self.requests[name] = max(self.requests.get(name, 0), len(body))
            self.answers[name] = max(self.answers.get(name, 0), len(json.dumps(answer)))
            return answer

        monkeypatch.setattr(DataApi, "call", watched)


def histories(played: Burst) -> list[list[dict[str, Any]]]:
    """The events of each execution."""
    client = played.runtime.client("stepfunctions")
    machine = played.runtime.outputs["StateMachineArnPrefix"] + "raw_burst"
    found = []
    for each in client.list_executions(stateMachineArn=machine)["executions"]:
        pages = client.get_paginator("get_execution_history").paginate(executionArn=each["executionArn"])
        found.append([event for page in pages for event in page["events"]])
    return found


def test_each_file_of_a_burst_is_loaded_once_and_nothing_is_near_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = Sizes()
    sizes.watch(monkeypatch)
    with burst(tmp_path, FILES, BATCH) as played:
        began = time.monotonic()
        played.tell(range(FILES), large=range(LARGE_FILE, LARGE_FILE + 1))
        told = time.monotonic()
        played.runtime.control.wait_until_idle(1200)
        recorded = time.monotonic()
        day = played.play()
        loaded = time.monotonic()
        print(
            f"{FILES} files: told in {told - began:.0f} s, recorded {recorded - told:.0f} s later, loaded in {loaded - recorded:.0f} s"
        )
        for name in sorted(sizes.seconds, key=lambda each: -sizes.seconds[each])[:10]:
            print(
                f"{sizes.seconds[name]:7.1f} s {sizes.calls[name]:6} calls, {sizes.requests[name]:8} B asked, {sizes.answers[name]:7} B answered: {name}"
            )

        assert day.problems == []
        assert played.sql("SELECT status, count(*)::integer FROM landing_file GROUP BY 1") == [("PROCESSED", FILES)]
        times = played.loaded()
        assert (len(times), set(times.values())) == (FILES, {1})
        ((large,),) = played.sql(
            f"SELECT b.members FROM landing_batch b JOIN landing_file f USING (batch_id) WHERE f.size = {LARGE}"
        )
        assert len(large) == 1
        assert played.sql("SELECT max(cardinality(members)) FROM landing_batch") == [(BATCH,)]
        of_executions = histories(played)
        assert max(map(len, of_executions)) < LONGEST_HISTORY
        assert max(len(json.dumps(event, default=str)) for each in of_executions for event in each) < LARGEST_STATE
    assert max(sizes.requests.values()) < LARGEST_CALL
    assert max(sizes.answers.values()) < LARGEST_ANSWER
