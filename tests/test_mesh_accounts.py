"""The Stifel day over three accounts and a producer's: events travel through the central account, one hop, as policies allow."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.application import Application
from headgate.cli.commands import join
from headgate.local import player, runtime, snapshot
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.scenario import Moment, Scenario
from headgate.local.stack import REGION, Places, Stack
from tests.local_application import CATALOG, ROOT, needs_sam, sample, snapshots
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]
CENTRAL, RAW, D1, D2, STRANGER = "999999999999", "111111111111", "222222222222", "333333333333", "555555555555"
DATE = "2026-11-20"


@dataclass
class Mesh:
    """The central stack and those of the two domains, on one endpoint."""

    running: Runtime
    central: Stack
    d1: Stack
    d2: Stack
    data: Path

    def put(self, sender: str, product: str, bus: str = "", **more: Any) -> dict[str, Any]:
        """PutEvents by an account; gives the answer's entry."""
        domain, name = product.split("/")
        detail = {
            "domain": domain,
            "product": name,
            "business_date": DATE,
            "status": "COMPLETED",
            "metadata": {},
            **more,
        }
        detail.setdefault("refreshed_at", datetime.now(UTC).isoformat())
        entry = {
            "Source": "headgate", "DetailType": "Data Product Refreshed", "Detail": json.dumps(detail),
            "EventBusName": bus or self.central.outputs["CentralEventBusArn"],
        }  # fmt: skip
        answer = self.running.stack(sender).client("events").put_events(Entries=[entry])
        found: dict[str, Any] = answer["Entries"][0]
        return found

    def status(self, stack: Stack, product: str) -> str:
        run = stack.call("InquireFunctionName", {"question": "why", "product": product, "business_date": DATE})["run"]
        return str(run["status"])

    def happen(self, moment: Moment, day: Scenario) -> None:
        quiet = dataclasses.replace(moment, event=None)
        player.perform(self.running, quiet, day, self.data)
        if moment.event is not None:
            self.put(
                RAW,
                f"{moment.event['domain']}/{moment.event['product']}",
                business_date=moment.event.get("business_date", ""),
            )

    def play(self, day: Scenario, until: str, also: Callable[[str], None] = lambda clock: None) -> None:
        """Plays the day's good events, put by the producer's account, until that time."""
        end = datetime.fromisoformat(f"{DATE}T{until}").replace(tzinfo=day.timezone).timestamp()
        moments = [each for each in day.moments if each.event and "business_date" in each.event]
        while True:
            idle = self.running.control.wait_until_idle(120)
            also(datetime.fromtimestamp(idle["now"], day.timezone).strftime("%H:%M"))
            following = min(idle["next"] or end, moments[0].at.timestamp() if moments else end)
            if following >= end:
                return
            self.running.control.jump(following)
            while moments and moments[0].at.timestamp() <= following:
                self.happen(moments.pop(0), day)


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    """d1, d2 and central deployed from the one template, each as what it is; receivers come first."""

    def prepare(running: Runtime) -> None:
        central, d1, d2 = (running.stack(each) for each in (CENTRAL, D1, D2))
        bus = f"arn:aws:events:{REGION}:{CENTRAL}:event-bus/headgate-central"  # known before it exists
        for stack in (d1, d2):
            stack.deploy(lambda line: None, {"Mode": "domain", "CentralEventBusArn": bus})
        central.deploy(lambda line: None, {"Mode": "central"})
        assert central.outputs["CentralEventBusArn"] == bus

    day, places = sample("stifel"), Places(ROOT, ROOT / "statemachines", tmp_path)
    with snapshot.running(places, snapshots(), day.starts, prepare, "d1, d2 and central") as running:
        central, d1, d2 = (running.stack(each) for each in (CENTRAL, D1, D2))
        for stack in (d1, d2):
            provision(stack, CATALOG, day.jobs, tmp_path / "data")
        running.control.set_behaviours({"*": [{"takes": 240}]})
        yield Mesh(running, central, d1, d2, tmp_path / "data")


def test_each_account_has_what_is_its_own_and_refuses_whom_the_policy_does_not_name(mesh: Mesh) -> None:
    machines = {
        stack.account: {each["name"] for each in stack.client("stepfunctions").list_state_machines()["stateMachines"]}
        for stack in (mesh.central, mesh.d1, mesh.d2)
    }
    assert machines == {
        CENTRAL: set(),
        D1: {*(f"headgate-d1_ds{number}" for number in (1, 2, 3, 4)), "headgate-d1_exposure"},
        D2: {"headgate-d2_ds1"},
    }
    assert mesh.central.client("lambda").list_functions()["Functions"] == []
    assert mesh.status(mesh.d1, "d2/ds1") == "EXTERNAL"
    assert mesh.status(mesh.d2, "d2/ds1") == "NOT OPENED"

    refused = mesh.put(STRANGER, "raw/rd1")
    assert refused["ErrorCode"] == "AccessDeniedException"
    assert mesh.put(RAW, "raw/rd1", bus=mesh.d1.outputs["DomainEventBusArn"])["ErrorCode"] == "AccessDeniedException", (
        "only the central account forwards"
    )
    assert "EventId" in mesh.put(RAW, "raw/rd1")


@in_soak
def test_an_event_of_one_account_starts_a_machine_of_another_through_the_central_one(mesh: Mesh) -> None:
    day = sample("stifel")
    mesh.play(day, "09:30")
    assert {name: mesh.status(mesh.d1, f"d1/{name}") for name in ("ds1", "ds2", "ds3", "ds4")} == dict.fromkeys(
        ("ds1", "ds2", "ds3", "ds4"), "COMPLETED"
    )
    assert mesh.status(mesh.d2, "d2/ds1") == "COMPLETED"
    assert (mesh.data / "d1" / "ds4" / f"{DATE}.csv").exists(), "d1/ds4 had what d2/ds1 wrote"

    before = _counts(mesh)
    _replay(mesh)
    assert _counts(mesh) == before, "a replay of the day starts nothing again"


@in_soak
def test_an_event_for_one_domain_only_stays_there(mesh: Mesh) -> None:
    day = sample("stifel")
    without_rd4 = dataclasses.replace(day, moments=tuple(each for each in day.moments if each.at.hour < 7))
    mesh.play(without_rd4, "06:00")
    assert mesh.status(mesh.d1, "d1/ds4") == "WAITING"
    assert "EventId" in mesh.put(D2, "d2/ds1", bus=mesh.d2.outputs["DomainEventBusArn"])
    mesh.running.control.wait_until_idle()
    assert mesh.status(mesh.d1, "d1/ds4") == "WAITING"
    assert "EventId" in mesh.put(D2, "d2/ds1")
    mesh.running.control.wait_until_idle()
    assert mesh.status(mesh.d1, "d1/ds4") == "PROCESSING"


@in_soak
def test_a_domain_that_joins_during_the_day_hears_what_came_before(tmp_path: Path) -> None:
    """d2 is deployed at nine, after its input had come; the archive has it, and the runs of its schedule that had passed are backfilled.
    The central account has a domain of its own, d1."""
    day = sample("stifel")
    with runtime.running(Places(ROOT, ROOT / "statemachines", tmp_path), starts=day.starts) as running:
        central = d1 = running.stack(D1)
        d2 = running.stack(D2)
        central.deploy(lambda line: None, {"Mode": "both"})
        provision(d1, CATALOG, day.jobs, tmp_path / "data")
        running.control.set_behaviours({"*": [{"takes": 240}]})
        mesh = Mesh(running, central, d1, d2, tmp_path / "data")
        mesh.play(day, "09:00")
        assert mesh.status(d1, "d1/ds4") == "WAITING", "it needs d2/ds1"

        d2.deploy(lambda line: None, {"Mode": "domain", "CentralEventBusArn": central.outputs["CentralEventBusArn"]})
        provision(d2, CATALOG, day.jobs, tmp_path / "data")
        now = datetime.fromtimestamp(running.control.wait_until_idle()["now"], UTC)
        target = Application("the central stack", central.outputs, central.credentials)
        rules = join.rules_to(target, D2, None)
        assert [each.rsplit("/", 1)[1] for each in rules] == [f"headgate-to-{D2}-us-east-1"]
        before = _counts(dataclasses.replace(mesh, d2=d1))
        assert join.replay(target, D2, rules, now - timedelta(days=1), now)["state"] == "COMPLETED"
        running.control.wait_until_idle()
        assert _counts(dataclasses.replace(mesh, d2=d1)) == before, "nobody else heard of it"
        assert mesh.status(d2, "d2/ds1") == "NOT OPENED"

        opened = d2.call("OperateFunctionName", {"action": "backfill", "product": "d2/ds1", "actor": "ann"})
        assert (opened["opened"], opened["business_date"]) == (1, DATE)
        mesh.play(dataclasses.replace(day, moments=()), "11:30")
        assert mesh.status(d2, "d2/ds1") == mesh.status(d1, "d1/ds4") == "COMPLETED"
        listed = d2.call("InquireFunctionName", {"question": "status", "business_date": DATE})["products"]
        assert {each["product"]: each["status"] for each in listed} == {
            "d2/ds1": "COMPLETED", "raw/positions": "EXPECTED", "raw/rd1": "REFRESHED", "raw/rd2": "REFRESHED", "raw/rd3": "REFRESHED", "raw/rd4": "REFRESHED",
        }  # fmt: skip


@in_soak
def test_an_event_of_another_account_of_the_mesh_counts_for_nothing_and_is_a_dead_letter(mesh: Mesh) -> None:
    """The day ends as ever, beside forged events of each of its products that come first."""
    for name in ("rd1", "rd2", "rd3"):
        assert "EventId" in mesh.put(D2, f"raw/{name}", refreshed_at=f"{DATE}T06:00:00Z")
    assert "EventId" in mesh.put(D1, "d2/ds1", run_id="00000000-0000-4000-8000-000000000000", attempt=1)
    mesh.put(RAW, "raw/rd1", business_date="9999-12-31")
    mesh.running.control.wait_until_idle()
    assert {mesh.status(mesh.d1, f"d1/{name}") for name in ("ds1", "ds2", "ds3", "ds4")} <= {"NOT OPENED", "WAITING"}
    found = mesh.d1.call("InquireFunctionName", {"question": "dead_letters"})
    reasons = sorted(each["reason"] for each in found["letters"] if each["queue"] == "headgate-refresh-events-dead")
    ahead = "/detail/business_date is 9999-12-31, more than 7 days ahead of "
    assert [each[: len(ahead)] for each in reasons[:1]] == [ahead]
    assert reasons[1:] == [
        f"account {D1} published it; events of d2/ds1 count from account {D2} only",
        *(f"account {D2} published it; events of raw/rd{number} count from account {RAW} only" for number in (1, 2, 3)),
    ]

    redriven = mesh.d1.call("OperateFunctionName", {"action": "redrive", "all": True, "actor": "ann"})
    assert (len(redriven["redriven"]), redriven["left"]) == (len(reasons), [])
    mesh.running.control.wait_until_idle()
    again = mesh.d1.call("InquireFunctionName", {"question": "dead_letters"})["letters"]
    assert sorted(each["reason"] for each in again) == reasons, "they are refused again, and none is lost"

    mesh.play(sample("stifel"), "09:30")
    assert mesh.status(mesh.d1, "d1/ds4") == mesh.status(mesh.d2, "d2/ds1") == "COMPLETED"


@in_soak
def test_while_the_central_account_is_away_nothing_is_lost(mesh: Mesh) -> None:
    """Its bus refuses everything from 02:00 to 04:30, while d1/ds1, d1/ds2 and d1/ds3 complete or would."""
    policies = mesh.central.client("events")
    name = mesh.central.outputs["CentralEventBusArn"].split("/")[1]
    state = {"away": False}

    def also(clock: str) -> None:
        if "00:20" <= clock < "04:30" and not state["away"]:
            policies.remove_permission(EventBusName=name, StatementId="AccountsMayPutHeadgateEvents")
            state["away"] = True
        if clock >= "04:30" and state["away"]:
            for sender in (RAW, D1, D2):
                policies.put_permission(
                    EventBusName=name, StatementId=f"again-{sender}", Action="events:PutEvents", Principal=sender
                )
            state["away"] = False

    day = sample("stifel")
    later = tuple(
        dataclasses.replace(each, at=each.at.replace(hour=5)) if "00:20" <= f"{each.at:%H:%M}" < "04:30" else each
        for each in day.moments
    )
    mesh.play(dataclasses.replace(day, moments=later), "11:30", also)
    assert mesh.status(mesh.d1, "d1/ds2") == "COMPLETED", "its event was refused at first"
    assert mesh.status(mesh.d1, "d1/ds4") == "COMPLETED"


def _counts(mesh: Mesh) -> list[int]:
    """Runs, attempts and executions of the domains."""
    found = []
    for stack in (mesh.d1, mesh.d2):
        entries = stack.call("InquireFunctionName", {"question": "history", "business_date": DATE})["entries"]
        found.append(len([each for each in entries if each["kind"] != "refreshed"]))
        client = stack.client("stepfunctions")
        machines = client.list_state_machines()["stateMachines"]
        found.append(
            sum(len(client.list_executions(stateMachineArn=each["stateMachineArn"])["executions"]) for each in machines)
        )
    return found


def _replay(mesh: Mesh) -> None:
    """Replays everything the central bus's archive has, onto the central bus."""
    events = mesh.central.client("events")
    (archive,) = events.list_archives()["Archives"]
    assert archive["EventCount"] > 5
    arn = events.describe_archive(ArchiveName=archive["ArchiveName"])["ArchiveArn"]
    events.start_replay(
        ReplayName="again", EventSourceArn=arn, EventStartTime=datetime(2026, 11, 19, tzinfo=UTC), EventEndTime=datetime(2026, 11, 22, tzinfo=UTC),
        Destination={"Arn": mesh.central.outputs["CentralEventBusArn"]},
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while (
        events.describe_replay(ReplayName="again")["State"] not in ("COMPLETED", "FAILED")
        and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    assert events.describe_replay(ReplayName="again")["State"] == "COMPLETED"
    mesh.running.control.wait_until_idle(60)
