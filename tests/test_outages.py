"""The database, a queue, a function or Step Functions' answers are away for up to an hour: the day ends as it would have."""

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.local.data_api import DataApi
from headgate.local.data_api_values import ApiError
from tests.local_application import Application, deployed, needs_sam, sample
from tests.moto_engine import Raise, execute
from tests.state_world import SOAK, in_soak
from tests.test_machines import COMPLETED, PUBLISH, machine
from tests.test_run_faults import hopeful
from tests.test_template import RESOURCES

AWAY = Raise("StateUnavailable")
FUNCTIONS = (
    "DependencyGate",
    "PipelineConfiguration",
    "JobTracker",
    "OutcomeRecorder",
    "RefreshEvents",
    "JobStatus",
    "Monitor",
    "Scheduler",
)
QUEUES = ("RefreshEventsQueue", "JobStatusQueue")


def test_a_message_outlives_an_outage_of_the_database() -> None:
    """Each delivery counts, and the function returns the message while it cannot record it."""
    for name in QUEUES:
        queue = RESOURCES[name]["Properties"]
        assert queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"] >= 2 * 3600


@pytest.mark.slow
def test_a_machine_waits_for_the_database_and_launches_nothing_twice() -> None:
    calls = ("gate.await", "configuration", "tracker.await", "recorder.COMPLETED")
    execution = execute(machine("one-step-retry"), {each: [AWAY] * 15 for each in calls})

    assert execution.status == "SUCCEEDED"
    assert len(execution.called("glue.start")) == 1
    assert execution.states[-2:] == [COMPLETED, PUBLISH]
    assert sum(execution.delays) > 3600


@dataclasses.dataclass
class Outage:
    """What is away, and from when to when by the clock of the day."""

    begins: datetime
    ends: datetime
    begin: Callable[[], Any]
    end: Callable[[], Any]
    under_way: bool = False

    def at(self, moment: datetime) -> None:
        wanted = self.begins <= moment < self.ends
        if wanted != self.under_way:
            self.under_way = wanted
            (self.begin if wanted else self.end)()


def outages(application: Application, day: Any, chance: random.Random, longest: int) -> Iterator[Outage]:
    """One of each kind, each at some time between 00:20 and 06:20 and for up to so many minutes."""
    control, away = application.runtime.control, set[str]()

    def switch(name: str, on: bool) -> None:
        (away.add if on else away.discard)(name)
        control.set_away(*away)

    def database(on: bool) -> None:
        application.runtime.data_api_away = on  # type: ignore[attr-defined]

    def queue(name: str, on: bool) -> None:
        client = application.runtime.client("lambda")
        for each in client.list_event_source_mappings()["EventSourceMappings"]:
            if name in each["EventSourceArn"]:
                client.update_event_source_mapping(UUID=each["UUID"], Enabled=on)

    name, function = chance.choice(QUEUES), chance.choice(FUNCTIONS)
    for switches in (
        (lambda: database(True), lambda: database(False)),
        (lambda: queue(name, False), lambda: queue(name, True)),
        (lambda: switch(function, True), lambda: switch(function, False)),
        (lambda: switch("stepfunctions", True), lambda: switch("stepfunctions", False)),
    ):
        begins = day.starts + timedelta(minutes=chance.randint(20, 380))
        yield Outage(begins, begins + timedelta(minutes=chance.randint(longest // 4, longest)), *switches)


@pytest.mark.slow
@needs_sam
@in_soak
@pytest.mark.parametrize("seed", range(1 if SOAK == 1 else SOAK))
def test_a_day_with_outages_ends_as_the_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    day, chance = hopeful(sample("stifel")), random.Random(seed)  # noqa: S311
    call = DataApi.call
    with deployed(day, tmp_path) as application:

        def answered(api: DataApi, path: str, body: bytes) -> Any:
            if getattr(application.runtime, "data_api_away", False):
                raise ApiError("StatementTimeoutException", "away")
            return call(api, path, body)

        monkeypatch.setattr(DataApi, "call", answered)
        planned = list(outages(application, day, chance, 60 if SOAK > 1 else 30))

        def meanwhile(moment: datetime) -> None:
            for each in planned:
                each.at(moment)

        played = application.play(day, meanwhile)

    assert played.problems == [], [(each.begins, each.ends) for each in planned]
    ended = [each for each in played.entries if each["kind"] == "job ended"]
    ends = Counter((each["product"], each["step"], each["job"], each["status"]) for each in ended)
    assert set(ends.values()) == {1}, "no job ran twice"
    failed = {each["job"] for each in ended if each["status"] != "SUCCEEDED"}
    assert failed == {"d1-ds1-build"}, "its first run fails every day"
