"""Steps that stories about handlers share."""

import importlib
import json
import threading
from pathlib import Path
from typing import Any

from tests.direct_client import ROLE
from tests.state_world import World, at, external, product

ROOT = Path(__file__).parent.parent
NOW = at("2026-11-20 06:30")
TODAY = "2026-11-20"


class Seconds:
    """The context of a function: Lambda gives the milliseconds that are left, here so many fewer each time it is asked."""

    def __init__(self, left: float, each: float = 0) -> None:
        self.left, self.each, self.lock = left, each, threading.Lock()

    def get_remaining_time_in_millis(self) -> int:
        with self.lock:
            self.left -= self.each
            return int(self.left * 1000)


# The database role of each function, as in the template; the others are workers. None is the owner of the database.
ROLES = {
    "board_snapshot": "headgate_reader",
    "inquire": "headgate_reader",
    "metadata_loader": "headgate_keeper",
    "retention": "headgate_keeper",
    "schema_migration": None,
}
WORKER = "headgate_worker"


def invoke(function: str, event: dict[str, Any], context: Any = None) -> Any:
    """Calls the handler, which connects to the database as the function's role."""
    before = ROLE.set(ROLES.get(function, WORKER))
    try:
        return importlib.import_module(function).handler(event, context)
    finally:
        ROLE.reset(before)


def sample(function: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text("utf-8"))
    return loaded


def queue(*bodies: Any) -> dict[str, Any]:
    records = [
        {"messageId": str(index), "body": body if isinstance(body, str) else json.dumps(body)}
        for index, body in enumerate(bodies)
    ]
    return {"Records": records}


def refreshed(name: str, **more: Any) -> dict[str, Any]:
    domain, _, short = name.partition("/")
    detail = {
        "domain": domain,
        "product": short,
        "business_date": TODAY,
        "status": "COMPLETED",
        "refreshed_at": "2026-11-20T06:00:00Z",
        **more,
    }
    kind = "Data Product Failed" if detail["status"] == "ERROR" else "Data Product Refreshed"
    return {"source": "headgate", "detail-type": kind, "account": "111111111111", "detail": detail}


def day(world: World) -> str:
    """d1/ds1 waits for raw/rd1 and raw/rd2; its run is open. Gives the run's id."""
    products = {
        "raw/rd1": external(),
        "raw/rd2": external(),
        "d1/ds1": product(["raw/rd1", "raw/rd2"], name="ds1", notify=[{"on": ["STARTED"], "level": "product"}]),
    }
    world.load(products, at("2026-11-20 00:00"))
    assert invoke("scheduler", sample("scheduler"))["opened"] == 1
    return str(world.run("d1/ds1", TODAY)["run_id"])


def gate(run: str, action: str = "await", **more: Any) -> dict[str, Any]:
    event = {"action": action, "run_id": run, "attempt": 1, "execution_arn": "arn:aws:states:x:1:execution:m:e", **more}
    return event | ({"task_token": "wait"} if action == "await" else {})


def job(run: str, action: str = "await") -> dict[str, Any]:
    event = {"action": action, "run_id": run, "attempt": 1, "step": "build", "job": "j", "job_run_id": "jr_1"}
    return event | ({"task_token": "job"} if action == "await" else {})


def glue_event(state: str, run: str = "jr_1") -> dict[str, Any]:
    return {
        "source": "aws.glue",
        "detail-type": "Glue Job State Change",
        "detail": {"jobName": "j", "state": state, "jobRunId": run, "message": "m"},
    }


def machine_ended(execution: str, status: str, **detail: Any) -> dict[str, Any]:
    """The event of Step Functions about a machine that ended so."""
    machine, name = execution.replace(":execution:", ":stateMachine:").rsplit(":", 1)
    of_it = {
        "executionArn": execution,
        "stateMachineArn": machine,
        "name": name,
        "status": status,
        "startDate": 1,
        "stopDate": 2,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": of_it | detail,
    }
