"""Glue jobs on the local endpoint, seen through its API."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.local.adapters.names import INSTANT
from headgate.local.runtime import Runtime
from headgate.local.step_types.glue.provision import provision
from tests.local_endpoint import ROLE, executed, machine, pass_time, task

pytestmark = pytest.mark.slow


def glue_job(endpoint: Runtime, script: Path | str, **more: Any) -> str:
    name = f"job-{time.monotonic_ns()}"
    endpoint.client("glue").create_job(
        Name=name, Role=ROLE, Command={"Name": "pythonshell", "ScriptLocation": str(script)}, **more
    )
    return name


def run_of(endpoint: Runtime, job: str, number: int = -1) -> dict[str, Any]:
    runs = endpoint.client("glue").get_job_runs(JobName=job)["JobRuns"]
    found: dict[str, Any] = endpoint.client("glue").get_job_run(JobName=job, RunId=runs[number]["Id"])["JobRun"]
    return found


def test_a_job_runs_its_script_with_its_arguments(endpoint: Runtime, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[sys.argv.index('--out') + 1]).write_text(' '.join(sys.argv[1:]))\n"
    )
    job = glue_job(endpoint, script, DefaultArguments={"--out": str(tmp_path / "out"), "--mode": "full"})
    launch = task("glue:startJobRun", Parameters={"JobName": job, "Arguments": {"--mode": "delta"}})
    started = json.loads(executed(endpoint, machine(Launch=launch))["output"])["JobRunId"]
    endpoint.control.wait_until_idle()
    run = run_of(endpoint, job)
    assert (run["Id"], run["JobRunState"]) == (started, "SUCCEEDED")
    assert (
        tmp_path / "out"
    ).read_text() == f"--JOB_NAME {job} --JOB_RUN_ID {started} --out {tmp_path / 'out'} --mode delta"


def test_the_last_line_of_a_failed_script_is_the_error_of_its_run(endpoint: Runtime, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise ValueError('no such account: A9')\n")
    job = glue_job(endpoint, script)
    endpoint.client("glue").start_job_run(JobName=job)
    endpoint.control.wait_until_idle()
    assert (run_of(endpoint, job)["JobRunState"], run_of(endpoint, job)["ErrorMessage"]) == (
        "FAILED",
        "ValueError: no such account: A9",
    )


def test_the_end_of_a_job_is_an_event_on_the_default_bus(endpoint: Runtime) -> None:
    queues, events = endpoint.client("sqs"), endpoint.client("events")
    url = queues.create_queue(QueueName="job-ends")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]}
    events.put_rule(Name="job-ends", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="job-ends", Targets=[{"Id": "q", "Arn": arn}])
    job = glue_job(endpoint, INSTANT)
    run = endpoint.client("glue").start_job_run(JobName=job)["JobRunId"]
    endpoint.control.wait_until_idle()
    (message,) = queues.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["detail"] == {
        "jobName": job, "severity": "INFO", "state": "SUCCEEDED", "jobRunId": run, "message": "Job run succeeded",
    }  # fmt: skip


def test_a_job_runs_once_at_a_time_unless_more_are_allowed(endpoint: Runtime) -> None:
    glue = endpoint.client("glue")
    job, wide = glue_job(endpoint, INSTANT), glue_job(endpoint, INSTANT, ExecutionProperty={"MaxConcurrentRuns": 2})
    endpoint.control.set_behaviours({name: [{"takes": 600}] for name in (job, wide)})
    glue.start_job_run(JobName=job)
    with pytest.raises(ClientError) as caught:
        glue.start_job_run(JobName=job)
    assert caught.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    launched = executed(endpoint, machine(Launch=task("glue:startJobRun", Parameters={"JobName": job})))
    assert launched["error"] == "Glue.ConcurrentRunsExceededException"
    assert {glue.start_job_run(JobName=wide)["JobRunId"] for _ in range(2)}
    assert (
        executed(endpoint, machine(Launch=task("glue:startJobRun", Parameters={"JobName": "job-no"})))["error"]
        == "Glue.EntityNotFoundException"
    )


@pytest.mark.parametrize(
    ("behaviour", "state", "minutes"),
    [({"takes": 1800}, "SUCCEEDED", 30), ({"fails": "out of memory", "takes": 60}, "FAILED", 1), ({"hangs": True}, "TIMEOUT", 45), ({"takes": 9000}, "TIMEOUT", 45)],
)  # fmt: skip
def test_a_run_goes_as_the_scenario_says(
    endpoint: Runtime, behaviour: dict[str, Any], state: str, minutes: int
) -> None:
    job = glue_job(endpoint, INSTANT, Timeout=45)
    endpoint.control.set_behaviours({job: [behaviour]})
    endpoint.client("glue").start_job_run(JobName=job)
    while run_of(endpoint, job)["JobRunState"] in ("STARTING", "RUNNING"):
        pass_time(endpoint)
    assert run_of(endpoint, job)["JobRunState"] == state
    assert run_of(endpoint, job)["ExecutionTime"] == pytest.approx(minutes * 60, abs=5)


def test_a_run_can_be_stopped(endpoint: Runtime) -> None:
    job = glue_job(endpoint, INSTANT)
    endpoint.control.set_behaviours({job: [{"takes": 600}]})
    run = endpoint.client("glue").start_job_run(JobName=job)["JobRunId"]
    endpoint.control.wait_until_idle()
    endpoint.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run])
    endpoint.control.wait_until_idle()
    assert run_of(endpoint, job)["JobRunState"] == "STOPPED"


def test_a_later_start_gives_a_job_its_script(endpoint: Runtime, tmp_path: Path) -> None:
    steps = [{"resource": f"job-{time.monotonic_ns()}"}]
    name = steps[0]["resource"]

    def location() -> Any:
        return endpoint.client("glue").get_job(JobName=name)["Job"]["Command"]["ScriptLocation"]

    provision(endpoint, steps, None, tmp_path)
    assert location() == INSTANT
    (tmp_path / f"{name}.py").write_text("")
    provision(endpoint, steps, tmp_path, tmp_path)
    assert location() == str(tmp_path / f"{name}.py")
    provision(endpoint, steps, None, tmp_path)
    assert location() == INSTANT


SHIPPED = """
import pathlib, sys
import boto3
from tables import ROWS

s3 = boto3.client("s3")
print(ROWS, s3.get_object(Bucket="data", Key="in/rows.csv")["Body"].read().decode())
s3.put_object(Bucket="data", Key="out/rows.csv", Body=b"x")
"""


def shipped_job(endpoint: Runtime, *grants: tuple[str, str]) -> str:
    """A job whose script and module are in S3, with a role that has these permissions."""
    s3, iam = endpoint.client("s3"), endpoint.client("iam")
    for bucket in ("code", "data"):
        s3.create_bucket(Bucket=bucket)
    for version, rows in (("a" * 12, "one"), ("b" * 12, "two")):
        s3.put_object(Bucket="code", Key=f"d1/p/{version}/clean.py", Body=SHIPPED.encode())
        s3.put_object(Bucket="code", Key=f"d1/p/{version}/tables.py", Body=f"ROWS = '{rows}'".encode())
    s3.put_object(Bucket="data", Key="in/rows.csv", Body=b"A1,7")
    name = f"role-{time.monotonic_ns()}"
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in grants]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="job", PolicyDocument=policy)
    job = f"job-{time.monotonic_ns()}"
    place = f"s3://code/d1/p/{'b' * 12}"
    endpoint.client("glue").create_job(
        Name=job, Role=role, Command={"Name": "pythonshell", "ScriptLocation": f"{place}/clean.py"},
        DefaultArguments={"--extra-py-files": f"{place}/tables.py"},
    )  # fmt: skip
    return job


OWN_FILES = ("s3:GetObject", "arn:aws:s3:::code/d1/p/????????????/*.py")
READS = ("s3:GetObject", "arn:aws:s3:::data/in/*")


def ended(endpoint: Runtime, job: str, **arguments: str) -> tuple[str, str]:
    endpoint.client("glue").start_job_run(JobName=job, Arguments=arguments)
    endpoint.control.wait_until_idle()
    run = run_of(endpoint, job)
    return run["JobRunState"], run["ErrorMessage"]


def test_a_script_that_ships_with_a_product_runs_with_what_its_role_allows(endpoint: Runtime) -> None:
    job = shipped_job(endpoint, OWN_FILES, READS, ("s3:PutObject", "arn:aws:s3:::data/out/*"))
    older = {"--scriptLocation": f"s3://code/d1/p/{'a' * 12}/clean.py", "--extra-py-files": f"s3://code/d1/p/{'a' * 12}/tables.py"}  # fmt: skip
    assert ended(endpoint, job) == ("SUCCEEDED", "")
    assert ended(endpoint, job, **older) == ("SUCCEEDED", "")
    printed = (endpoint.places.folder / "job-output" / job).glob("*.log")
    assert {each.read_text().strip() for each in printed} == {"two A1,7", "one A1,7"}, (
        "arguments win over the job's own"
    )

    state, message = ended(endpoint, shipped_job(endpoint, OWN_FILES, READS))
    assert (state, "AccessDenied" in message, "PutObject" in message) == ("FAILED", True, True)

    state, message = ended(endpoint, shipped_job(endpoint, READS))
    assert state == "FAILED"
    assert message.endswith(f"is not authorized to perform: s3:GetObject on s3://code/d1/p/{'b' * 12}/clean.py")
