"""Runs a machine on moto's Step Functions engine, which is strict, while the test answers its calls to AWS.

What the engine cannot show: `States.DataLimitExceeded`, the quotas, how long delays really are (they are skipped here), and the
cause of a failure that answers a token (it is lost).
"""

import io
import json
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import botocore.client
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as aws_sdk
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from headgate.generator.plan.asl import PLACEHOLDER, tasks
from headgate.generator.plan.resources import KNOWN, PARAMETERS
from tests.moto_economy import REGION, client_of, clients_made_once, parsed_once, skipped_delays
from tests.moto_http import RefusedError, http_invoke
from tests.moto_services import ANSWERS, BOTO_NAMES, SDK_NAMES, SERVICES

ACCOUNT = "123456789012"
END_SECONDS = 20
RUN = {"run_id": "run-1", "product": "d1/ds1", "business_date": "2026-11-20", "cycle": "", "attempt": 1}


@dataclass(frozen=True)
class Succeed:
    """A function's or service's result; for a token task what the token is answered with."""

    output: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FailTask:
    """The token is answered with a failure."""

    error: str
    cause: str = "because"


@dataclass(frozen=True)
class Raise:
    """The function raises an exception of that class, or the service answers with that error code."""

    error: str
    message: str = "it went wrong"


@dataclass(frozen=True)
class Silence:
    """The token is never answered."""


Answer = Succeed | FailTask | Raise | Silence


def recorded(status: str) -> dict[str, Any]:
    """What the outcome recorder answers: the time, and the detail of the event to publish."""
    domain, name = str(RUN["product"]).split("/")
    about = {key: RUN[key] for key in ("business_date", "cycle", "run_id", "attempt")}
    at = "2026-11-20T06:00:00Z"
    detail = {"domain": domain, "product": name, "status": status, "refreshed_at": at, "metadata": {}, **about}
    return {"recorded_at": at, "detail": detail}


DEFAULTS: dict[str, Answer] = {
    "gate.await": Succeed({"released_by": ["raw/rd1"]}),
    "gate.deadline": Succeed({"decision": "start"}),
    "tracker.await": Succeed({"job_run_id": "jr_1"}),
    "tracker.resolve": Succeed({"job_run_id": "jr_1"}),
    "tracker.find": Succeed({"job_run_id": "jr_found"}),
    "tracker.end": Succeed({"state": "SUCCEEDED"}),
    "batches.plan": Succeed({"decision": "done", "batches": []}),
    **{f"batches.{action}": Succeed({"batch_id": 1}) for action in ("record", "fail")},
    "recorder.COMPLETED": Succeed(recorded("COMPLETED")),
    "recorder.ERROR": Succeed(recorded("ERROR")),
    "recorder.SKIPPED": Succeed(recorded("SKIPPED")),
    **{name: Succeed(output) for name, output in ANSWERS.items()},
}
FUNCTIONS = {
    "DependencyGate": "gate", "FileBatches": "batches", "PipelineConfiguration": "configuration", "JobTracker": "tracker", "OutcomeRecorder": "recorder",
}  # fmt: skip


@dataclass
class Execution:
    """What happened: `states` as they were entered, `calls` by name with their parameters, `delays` of retries in seconds."""

    status: str
    states: list[str]
    calls: list[tuple[str, dict[str, Any]]]
    delays: list[float]
    error: str | None = None
    cause: str | None = None

    def called(self, name: str) -> list[dict[str, Any]]:
        return [parameters for each, parameters in self.calls if each == name]


class _World:
    def __init__(self, answers: dict[str, list[Answer]], steps: dict[str, dict[str, Any]]) -> None:
        self.answers = defaultdict(list, {name: list(each) for name, each in answers.items()})
        self.steps = steps
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.lock = threading.Lock()

    def answer(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if operation != "Invoke":
            given = self._next(SERVICES.get(operation, operation), parameters)
            if isinstance(given, Raise) and operation == "http.start":
                raise RefusedError(given.error, given.message)
            if isinstance(given, Raise):
                # an SDK integration names an error by its class, as the SDK does
                modelled = type(given.error, (ClientError,), {})
                raise modelled(_refusal(given.error, given.message), operation)
            assert isinstance(given, Succeed)
            return {**given.output, "ResponseMetadata": _METADATA}
        payload = json.loads(parameters["Payload"])
        name = _called(parameters["FunctionName"], payload)
        given = self._next(name, payload)
        if isinstance(given, Raise) and given.error.startswith("Lambda."):
            code = given.error.removeprefix("Lambda.")
            raise ClientError(_refusal(code, given.message), operation)
        if isinstance(given, Raise):
            body = {"errorType": given.error, "errorMessage": given.message}
            return _result(body, FunctionError="Unhandled")
        if "task_token" in payload:
            threading.Thread(target=_answer_token, args=(payload["task_token"], given)).start()
        output = given.output if isinstance(given, Succeed) and "task_token" not in payload else {}
        return _result(output, ExecutedVersion="$LATEST")

    def _next(self, name: str, parameters: dict[str, Any]) -> Answer:
        with self.lock:
            self.calls.append((name, parameters))
            if self.answers[name]:
                return self.answers[name].pop(0)
        if name == "tracker.start":
            return Succeed({"job_run_id": parameters["job_run_id"]})
        return Succeed({"steps": self.steps}) if name == "configuration" else DEFAULTS.get(name, Succeed())


def _called(function: str, payload: dict[str, Any]) -> str:
    """`gate.await` for a function of Headgate and what it is asked to do, `function check` for one of a product."""
    ours = FUNCTIONS.get(function.rsplit(":", 1)[-1].removesuffix("FunctionArn"))
    if ours is None:
        return f"function {function.rpartition(':function:')[2]}"
    return ours if ours == "configuration" else f"{ours}.{payload.get('action') or payload.get('status')}"


_METADATA = {"HTTPStatusCode": 200, "RequestId": "1", "HTTPHeaders": {}}


def _result(output: Any, **more: str) -> dict[str, Any]:
    return {
        "StatusCode": 200,
        "Payload": io.BytesIO(json.dumps(output).encode()),
        "ResponseMetadata": _METADATA,
        **more,
    }


def _refusal(code: str, message: str) -> Any:
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": _METADATA}


def _answer_token(token: str, answer: Answer) -> None:
    client = client_of("stepfunctions")
    if isinstance(answer, Succeed):
        client.send_task_success(taskToken=token, output=json.dumps(answer.output))
    elif isinstance(answer, FailTask):
        client.send_task_failure(taskToken=token, error=answer.error, cause=answer.cause)


@contextmanager
def _engine(world: _World, delays: list[float]) -> Iterator[Any]:
    original = botocore.client.BaseClient._make_api_call

    def intercepted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = f"{client.meta.service_model.service_name}:{operation}"
        operation = service if service in SERVICES else operation  # two services may have an operation of one name
        # a step that starts an execution names it; the test that starts the machine does not
        ours = operation in SERVICES and (operation != "StartExecution" or "Name" in parameters)
        if ours or operation == "Invoke":
            return world.answer(operation, parameters)
        return original(client, operation, parameters)

    with (
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
        parsed_once(),
        clients_made_once(),
        patch("botocore.client.BaseClient._make_api_call", intercepted),
        skipped_delays(delays),
        http_invoke(world.answer),
        patch.dict(aws_sdk._SERVICE_ERROR_NAMES, SDK_NAMES),
        patch.dict(aws_sdk.StateTaskServiceAwsSdk._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES, BOTO_NAMES),
    ):
        yield client_of("stepfunctions")


def execute(
    definition: dict[str, Any],
    answers: dict[str, list[Answer]] | None = None,
    timed_out: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
) -> Execution:
    """Executes the machine. `answers` are given in order, then the defaults; the states in `timed_out` give up after a
    second; `settings` are steps of the configuration, which by default have what Glue jobs and functions need."""
    definition = json.loads(json.dumps(definition))
    for name, task in tasks(definition):
        if name in timed_out:
            task["TimeoutSeconds"] = 1
    text = PLACEHOLDER.sub(lambda match: _resolved(match[1]), json.dumps(definition))
    steps: dict[str, Any] = {}
    for verb, _, step in (name.partition(" ") for name, _ in tasks(definition)):
        if verb == "Launch":
            steps[step.replace("-", "_")] = {"job": f"job-of-{step}", "arguments": {"--step": step}}
        elif verb == "Invoke":
            steps[step.replace("-", "_")] = {"function": f"function-of-{step}", "payload": {"step": step}}
    world, delays = _World(answers or {}, steps | (settings or {})), list[float]()
    logging.getLogger("moto").setLevel(logging.CRITICAL)  # it logs every failure of a machine, at length
    with _engine(world, delays) as client:
        machine = client.create_state_machine(name="m", definition=text, roleArn=f"arn:aws:iam::{ACCOUNT}:role/r")
        before = len(TMP_THREADS)
        started = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(RUN))
        arn = started["executionArn"]
        TMP_THREADS[before].join(END_SECONDS)  # that of the execution
        described = client.describe_execution(executionArn=arn)
        # Not by the client: a branch that goes on while its sibling fails notes a time-out that is no number, and the answer of the API cannot be made of it.
        events = stepfunctions_parser_backends[ACCOUNT][REGION].get_execution_history(arn)["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    return Execution(described["status"], entered, world.calls, delays, described.get("error"), described.get("cause"))


def _resolved(name: str) -> str:
    if name in KNOWN:
        return {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT}[name]
    assert name in PARAMETERS
    return (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        if name.endswith("FunctionArn")
        else f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
    )
