"""The existing scheduler, beside which stories about shadow run Headgate: its job runs and executions, as AWS reports them."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from tests.fake_aws import FakeAws
from tests.handler_steps import TODAY, invoke, queue
from tests.state_world import World, at, external, product, step

ACCOUNT = "123456789012"
_numbers = itertools.count(1)


def enter(world: World, now: str = f"{TODAY} 00:00") -> None:
    """The application is in shadow from then on."""
    world.state.set_mode(True, False, "deployment", at(now))


def job_of(name: str) -> dict[str, Any]:
    """A pipeline of one Glue job, `job-<name>`, which is given its business date."""
    return {"timeout": None, "steps": [{**step("build", {"--date": "{business_date}"}), "resource": f"job-{name}"}]}


def watched(name: str, depends_on: Any = None, schedule: Any = "06:00", **more: Any) -> dict[str, Any]:
    """The product of that name with its one job."""
    return product(depends_on, schedule, name=name, pipeline=job_of(name), **more)


def mesh(world: World) -> None:
    """d1/a waits for raw/one, d1/b for d1/a and raw/two."""
    products = {
        "raw/one": external(),
        "raw/two": external(),
        "d1/a": watched("a", "raw/one"),
        "d1/b": watched("b", ["d1/a", "raw/two"]),
    }
    world.load(products, at(f"{TODAY} 00:00"))


def ran(
    aws: FakeAws, job: str, started: str, ended: str, state: str = "SUCCEEDED", arguments: dict[str, str] | None = None
) -> dict[str, Any]:
    """The event of the end of a Glue job run that another scheduler has started; Glue knows the rest."""
    number = f"jr_{next(_numbers)}"
    aws.jobs[number] = state
    aws.runs[number] = {
        "StartedOn": _moment(started),
        "CompletedOn": _moment(ended),
        "Arguments": {"--date": TODAY} if arguments is None else arguments,
    }
    detail = {"jobName": job, "severity": "INFO", "state": state, "jobRunId": number, "message": ""}
    return {"source": "aws.glue", "detail-type": "Glue Job State Change", "account": ACCOUNT, "detail": detail}


def executed(
    machine: str, status: str, started: str, ended: str | None = None, name: str = "e1", given: str = "{}"
) -> dict[str, Any]:
    """The event of an execution that another scheduler has started."""
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{machine}"
    detail = {
        "executionArn": arn.replace("stateMachine", "execution") + f":{name}",
        "stateMachineArn": arn,
        "name": name,
        "status": status,
        "startDate": int(_moment(started).timestamp() * 1000),
        "stopDate": int(_moment(ended).timestamp() * 1000) if ended else None,
        "input": given,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "account": ACCOUNT,
        "detail": detail,
    }


def report(*events: dict[str, Any]) -> dict[str, Any]:
    """The events reach the job status processor; gives what it returns to the queue."""
    answer: dict[str, Any] = invoke("job_status", queue(*events))
    return answer


def _moment(text: str) -> datetime:
    """`05:40` of today, `23:50 -1` of the day before."""
    clock, _, days = text.partition(" ")
    return at(f"{TODAY} {clock}") + timedelta(days=int(days or 0))
