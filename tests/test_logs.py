"""`headgate logs`: what services keep of job runs, read with the permissions of who asks, and on this machine what processes printed."""

import contextlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from headgate.cli import application, job_logs, log_reader
from headgate.cli.board_application import BoardApplication
from headgate.cli.commands import logs
from headgate.cli.errors import RefusedError
from headgate.cli.job_logs import JobRun, Note, Stream, places_of
from headgate.generator.steps import step_types
from headgate.local.job_output import prepared
from tests.conftest import Headgate

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
START = int(AT.timestamp() * 1000)
TASK = "arn:aws:ecs:us-east-1:1:task/batch/abc"
OPTIONS = {"region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}


class Running:
    """An application whose history has the given entries, on the AWS that the test has."""

    name, outputs = "the stand-in", {"InquireFunctionName": "inquire"}

    def __init__(self) -> None:
        self.local = False
        self.histories: list[list[dict[str, Any]]] = []
        self.clients: dict[str, Any] = {}
        self.why: dict[str, Any] | RefusedError = {"run": {"status": "WAITING"}}

    def call(self, output: str, given: dict[str, Any]) -> Any:
        if given["question"] == "why":
            if isinstance(self.why, RefusedError):
                raise self.why
            return self.why
        entries = self.histories.pop(0) if len(self.histories) > 1 else self.histories[0]
        return {"business_date": "2026-11-20", "entries": entries}

    def client(self, service: str) -> Any:
        return self.clients.get(service) or boto3.client(service, **OPTIONS)


def started(step: str, kind: str, job: str, name: str, attempt: int = 1) -> dict[str, Any]:
    return {
        "kind": "job started", "product": "d1/ds1", "at": "2026-11-20T06:00:00+00:00", "step": step, "type": kind, "job": job,
        "job_run_id": name, "attempt": attempt,
    }  # fmt: skip


def ended(step: str, name: str, status: str) -> dict[str, Any]:
    return {
        "kind": "job ended",
        "at": "2026-11-20T06:05:00+00:00",
        "step": step,
        "job_run_id": name,
        "status": status,
        "product": "d1/ds1",
    }


def stubbed(service: str, *answers: tuple[str, dict[str, Any]]) -> Any:
    """A client that gives these answers, whose form botocore checks."""
    client = boto3.client(service, **OPTIONS)
    stub = Stubber(client)
    for operation, answer in answers:
        stub.add_response(operation, answer)
    stub.activate()
    return client


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Running:
    made = Running()
    for module in (logs, application):
        monkeypatch.setattr(module, "application", lambda arguments: made)
    monkeypatch.setattr(log_reader, "LOCAL", tmp_path)
    monkeypatch.setattr(logs, "SECONDS", 0.0)
    return made


@pytest.fixture
def cloudwatch() -> Iterator[Callable[..., None]]:
    """Writes lines into a stream, at moments in seconds after the start of the job run."""
    with mock_aws():
        client = boto3.client("logs", **OPTIONS)

        def write(group: str, stream: str, *lines: tuple[int, str]) -> None:
            for make, place in (
                (client.create_log_group, {"logGroupName": group}),
                (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
            ):
                with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                    make(**place)
            events = [{"timestamp": START + second * 1000, "message": text} for second, text in lines]
            client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

        yield write


GLUE = ("get_job_run", {"JobRun": {"LogGroupName": "/aws-glue/jobs", "ErrorMessage": "OSError: no space"}})


def test_a_glue_jobs_output_and_errors_are_read_where_glue_logs(
    running: Running, headgate: Headgate, cloudwatch: Callable[..., None]
) -> None:
    running.histories = [[started("build", "glue", "d1-build", "jr_1", 2), ended("build", "jr_1", "FAILED")]]
    running.clients["glue"] = stubbed("glue", GLUE, GLUE)
    cloudwatch("/aws-glue/jobs/output", "jr_1", (1, "reading"), (2, "3 files\nof 3"))
    cloudwatch("/aws-glue/jobs/output", "jr_other", (1, "of another run"))
    cloudwatch("/aws-glue/jobs/error", "jr_1", (3, "OSError: no space"))
    assert headgate("logs", "d1/ds1") == (
        0,
        "step build: d1-build (attempt 2), FAILED\n"
        "  /aws-glue/jobs/output jr_1:\n"
        "  06:00:01 reading\n  06:00:02 3 files\n  06:00:02 of 3\n"
        "  /aws-glue/jobs/error jr_1:\n  06:00:03 OSError: no space\n"
        "  Glue's error:\n  OSError: no space\n",
    )
    (read,) = json.loads(headgate("logs", "d1/ds1", "--json", "--lines", "1")[1])["job_runs"]
    assert (read["step"], read["attempt"], read["status"]) == ("build", 2, "FAILED")
    assert read["places"][0]["lines"] == [
        {"at": "2026-11-20T06:00:02.000+00:00", "text": "3 files"}, {"at": "2026-11-20T06:00:02.000+00:00", "text": "of 3"},
    ], "the last event has two lines"  # fmt: skip


def test_the_board_reads_the_same(running: Running, headgate: Headgate, cloudwatch: Callable[..., None]) -> None:
    running.histories = [[started("build", "glue", "d1-build", "jr_1"), ended("build", "jr_1", "FAILED")]]
    running.clients["glue"] = stubbed("glue", GLUE, GLUE)
    cloudwatch("/aws-glue/jobs/output", "jr_1", (1, "reading"))
    board: Any = BoardApplication(running)  # type: ignore[arg-type]
    answer = board.ask({"question": "logs", "product": "d1/ds1", "business_date": "2026-11-20"})
    assert answer["job_runs"] == json.loads(headgate("logs", "d1/ds1", "--json")[1])["job_runs"]
    assert answer["job_runs"][0]["places"][0]["lines"][0]["text"] == "reading"


def test_what_cannot_be_read_is_said_in_words(
    running: Running, headgate: Headgate, cloudwatch: Callable[..., None]
) -> None:
    running.histories = [[started("build", "glue", "d1-build", "jr_1"), started("own", "unheard_of", "x", "x1")]]
    glue = running.clients["glue"] = boto3.client("glue", **OPTIONS)
    with Stubber(glue) as stub:
        stub.add_response("get_job_run", {"JobRun": {}})
        assert headgate("logs", "d1/ds1", "--step", "build") == (
            0,
            "step build: d1-build, has not ended\n"
            "  nothing is logged yet: looked in /aws-glue/jobs/output jr_1, /aws-glue/jobs/error jr_1, /aws-glue/jobs/logs-v2 jr_1-driver\n",
        )
        stub.add_client_error("get_job_run", "AccessDeniedException", "User: arn:x is not authorized to perform: glue:GetJobRun")  # fmt: skip
        assert headgate("logs", "d1/ds1") == (
            0,
            "step build: d1-build, has not ended\n"
            "  where glue logs is not known: these credentials have no permission for it. User: arn:x is not authorized to perform: glue:GetJobRun\n"
            "step own: x, has not ended\n  Headgate does not read the logs of the step type unheard_of\n",
        )


def test_without_a_job_run_the_message_says_why(running: Running, headgate: Headgate) -> None:
    running.histories = [[started("build", "glue", "d1-build", "jr_1")]]
    assert headgate("logs", "d1/ds1", "--step", "load") == (
        2, "headgate logs: d1/ds1 has started no job in a step load for 2026-11-20; it has in build\n",
    )  # fmt: skip
    running.histories = [[]]
    assert headgate("logs", "d1/ds1")[1].splitlines() == [
        "headgate logs: no job of d1/ds1 has started for 2026-11-20",
        "its run is WAITING: `headgate why d1/ds1 --date 2026-11-20` explains it",
    ]
    running.why = RefusedError("d1/ds1 has no run for 2026-11-20", kind="UnknownRun")
    assert headgate("logs", "d1/ds1", "--follow")[1].endswith("\nd1/ds1 has no run for 2026-11-20\n")
    running.why = RefusedError("d9/ds1: no such product in the catalog of the application", kind="UnknownProduct")
    assert headgate("logs", "d9/ds1") == (3, f"headgate logs: {running.why}\n")


def test_follow_goes_on_until_the_run_has_ended(
    running: Running, headgate: Headgate, cloudwatch: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"kind": "run", "product": "d1/ds1", "at": "2026-11-20T06:00:00+00:00"}
    opened, begun = {**run, "status": "WAITING"}, {**run, "status": "PROCESSING"}
    jobs = [started("check", "lambda", "check", "r/1/check/06:00"), started("build", "glue", "d1-build", "jr_1")]
    ends = [ended("check", jobs[0]["job_run_id"], "SUCCEEDED"), ended("build", "jr_1", "SUCCEEDED")]
    whole = [opened, begun, *jobs, *ends, {**run, "status": "COMPLETED"}]
    running.histories = [[opened], [opened, begun, *jobs], [opened, begun, *jobs], whole]
    running.clients["glue"] = stubbed("glue", *4 * [("get_job_run", {"JobRun": {}})])
    running.clients["lambda"] = stubbed("lambda", *4 * [("get_function_configuration", {"FunctionName": "check"})])
    cloudwatch("/aws/lambda/check", "one", (-60, "before it"), (0, "checking"))
    later = [
        lambda: None,
        lambda: cloudwatch("/aws-glue/jobs/output", "jr_1", (10, "reading")),
        lambda: cloudwatch("/aws/lambda/check", "two", (11, "checked")),
        lambda: cloudwatch("/aws-glue/jobs/output", "jr_1", (12, "written")),
    ]
    monkeypatch.setattr("headgate.cli.commands.logs.time", SimpleNamespace(sleep=lambda seconds: later.pop(0)()))
    assert headgate("logs", "d1/ds1", "--follow") == (
        0,
        "step check: check, has not ended\n  /aws/lambda/check:\n  06:00:00 checking\n"
        "step build: d1-build, has not ended\n  /aws-glue/jobs/output jr_1:\n  06:00:10 reading\n"
        "step check: check, SUCCEEDED\n  /aws/lambda/check:\n  06:00:11 checked\n"
        "step build: d1-build, SUCCEEDED\n  /aws-glue/jobs/output jr_1:\n  06:00:12 written\n",
    )


def test_followed_lines_are_one_object_each_for_programs(running: Running, headgate: Headgate) -> None:
    running.local, running.histories = (
        True,
        [[started("fit", "glue", "d1-fit", "jr_1"), ended("fit", "jr_1", "FAILED")]],
    )
    running.histories[0].append(
        {"kind": "run", "product": "d1/ds1", "status": "ERROR", "at": "2026-11-20T06:06:00+00:00"}
    )
    running.clients["glue"] = stubbed("glue", *2 * [("get_job_run", {"JobRun": {"LogGroupName": "x", "ErrorMessage": "no room"}})])  # fmt: skip
    with mock_aws():
        printed = [json.loads(each) for each in headgate("logs", "d1/ds1", "--follow", "--json")[1].splitlines()]
    assert [(each["step"], each["place"], each["text"]) for each in printed] == [("fit", "Glue's error", "no room")]


def test_job_runs_of_one_attempt_are_told_apart(running: Running, headgate: Headgate) -> None:
    """The second is the retry of a step; the one of the next attempt is alone in it."""
    running.local, names = True, ("jr_1", "jr_2")
    running.histories = [
        [
            *(started("build", "glue", "d1-build", each) for each in names),
            started("build", "glue", "d1-build", "jr_3", 2),
        ]
    ]
    with mock_aws():
        printed = headgate("logs", "d1/ds1")[1]
    assert [each for each in printed.splitlines() if each.startswith("step")] == [
        "step build: d1-build (1 of 2, began 06:00:00, jr_1), has not ended",
        "step build: d1-build (2 of 2, began 06:00:00, jr_2), has not ended",
        "step build: d1-build (attempt 2), has not ended",
    ]


def test_on_this_machine_the_output_of_processes_is_shown(running: Running, headgate: Headgate, tmp_path: Path) -> None:
    running.local, running.histories = True, [
        [
            started("load", "glue", "d1-load", "jr_1"), ended("load", "jr_1", "SUCCEEDED"), started("build", "glue", "d1-build", "jr_2"),
            ended("build", "jr_2", "FAILED"), started("build", "glue", "d1-build", "jr_3", 2),
        ]
    ]  # fmt: skip
    prepared(tmp_path, "d1-load", "jr_1").write_text("")
    prepared(tmp_path, "d1-build", "jr_2").write_text("reading\n\nOSError: no space\n")
    with mock_aws():
        assert headgate("logs", "d1/ds1", "--lines", "1") == (
            0,
            "step load: d1-load, SUCCEEDED\n"
            "  it printed nothing\n"
            "step build: d1-build, FAILED\n"
            "  OSError: no space\n"
            "step build: d1-build (attempt 2), has not ended\n"
            "  no output is kept: it ran no script of `up --jobs`, or long ago\n",
        )
        assert headgate("logs", "d1/ds1", "--step", "load")[1].startswith("step load: d1-load, SUCCEEDED\n  it printed")


CASES: dict[str, tuple[JobRun, list[Any], list[Any]]] = {
    "lambda": (
        JobRun("d1/ds1", "check", "lambda", "check:live", "r/1", 1, START, START + 1000),
        [("get_function_configuration", {"FunctionName": "check", "LoggingConfig": {"LogGroup": "/own"}})],
        [Stream("/own", "", START, START + 11_000)],
    ),
    "ecs": (
        JobRun("d1/ds1", "score", "ecs", "scorer", TASK, 1),
        [
            ("describe_tasks", {"tasks": [{"taskDefinitionArn": "d:3", "stoppedReason": "Essential container in task exited"}]}),
            (
                "describe_task_definition",
                {"taskDefinition": {"containerDefinitions": [
                    {"name": "main", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs", "awslogs-stream-prefix": "s"}}},
                    {"name": "proxy"},
                ]}},
            ),
        ],
        [
            Stream("/ecs", "s/main/abc"),
            Note("container proxy", "it logs with no driver; awslogs with a stream prefix can be read here"),
            Note("ECS", "Essential container in task exited"),
        ],
    ),
    "athena": (
        JobRun("d1/ds1", "mart", "athena", "etl", "q-1", 1, START, START, "SUCCEEDED"),
        [
            (
                "get_query_execution",
                {"QueryExecution": {
                    "Query": "-- headgate x\nINSERT 1", "ExecutionParameters": ["'2026-11-20'"], "Status": {"State": "SUCCEEDED"},
                    "Statistics": {"DataScannedInBytes": 12000}, "ResultConfiguration": {"OutputLocation": "s3://results/q-1.csv"},
                }},
            )
        ],
        [
            Note("statement", "-- headgate x\nINSERT 1"), Note("values", "'2026-11-20'"), Note("scanned", "12,000 bytes"),
            Note("result", "s3://results/q-1.csv"),
        ],
    ),
    "machine": (
        JobRun("d1/ds1", "other", "machine", "legacy", "arn:aws:states:us-east-1:1:execution:legacy:headgate-1", 1),
        [
            (
                "get_execution_history",
                {"events": [
                    {"timestamp": AT, "type": "ExecutionFailed", "id": 2, "executionFailedEventDetails": {"error": "Refused", "cause": "why"}},
                    {"timestamp": AT, "type": "PassStateEntered", "id": 1, "stateEnteredEventDetails": {"name": "Begin"}},
                ]},
            )
        ],
        [Note("06:00:00 state", "Begin"), Note("06:00:00 ExecutionFailed", "Refused: why")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_each_type_knows_where_its_service_logs(kind: str) -> None:
    job_run, answers, expected = CASES[kind]
    service = "stepfunctions" if kind == "machine" else kind
    client = stubbed(service, *answers)
    find = places_of(kind)
    assert find is not None
    assert list(find(job_run, lambda wanted: {service: client}[wanted])) == expected


def test_what_reads_logs_belongs_to_a_step_type() -> None:
    assert {each.name for each in pkgutil.iter_modules(job_logs.__path__)} <= set(step_types())
