"""What the adapters supply to the local endpoint, one by one, seen from outside through its API."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.local import adapters, runtime
from headgate.local.adapters.names import INSTANT
from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT, REGION, Places
from tests.local_application import ROOT

pytestmark = pytest.mark.slow
FUNCTIONS = ("gate", "dies", "token", "slow")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"
HANDLERS = """
import boto3, json, os, time

class TooLate(Exception):
    pass

def gate(event, context):
    if event.get("raises"):
        raise TooLate("Traceback is no class, and this: is one line\\n  of two")
    return event

def dies(event, context):
    os._exit(3)

def token(event, context):
    boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps(event.get("answer")))

others = gate

def slow(event, context):
    time.sleep(0.3)
    return os.getpid()
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """The endpoint alone, with functions of the test's own."""
    folder = tmp_path_factory.mktemp("endpoint")
    with runtime.running(Places(ROOT, ROOT / "statemachines", folder)) as running:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handlers.py", HANDLERS)
        role = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        iam = running.client("iam")
        iam.create_role(RoleName="test", AssumeRolePolicyDocument=json.dumps(role))
        here = f"{REGION}:{ACCOUNT}"
        allowed = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in {
                "states:SendTaskSuccess": f"arn:aws:states:{here}:stateMachine:mine-*",
                "lambda:InvokeFunction": [f"arn:aws:lambda:{here}:function:{name}" for name in FUNCTIONS],
                "glue:StartJobRun": f"arn:aws:glue:{here}:job/job-*",
                "sns:Publish": f"arn:aws:sns:{here}:*",
                "ssm:CreateOpsItem": "*",
            }.items()
        ]
        iam.put_role_policy(
            RoleName="test",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
        )
        for name in (*FUNCTIONS, "others"):
            running.client("lambda").create_function(
                FunctionName=name, Runtime="python3.13", Role=ROLE, Handler=f"handlers.{name}", Code={"ZipFile": code.getvalue()}, Timeout=20,
            )  # fmt: skip
        yield running


def executed(endpoint: Runtime, definition: dict[str, Any], given: Any = None, name: str = "mine-m") -> dict[str, Any]:
    """Runs a machine to its end; gives the execution, with the states it entered."""
    client = endpoint.client("stepfunctions")
    for each in client.list_state_machines()["stateMachines"]:
        if each["name"] == name:
            client.delete_state_machine(stateMachineArn=each["stateMachineArn"])
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]
    deadline = time.monotonic() + 30
    while True:
        settled = endpoint.control.settled()
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING" or time.monotonic() > deadline:
            break
        assert settled["next"], "it waits for nothing"
        endpoint.control.jump(settled["next"])
    events = client.get_execution_history(executionArn=arn)["events"]
    return {
        **found,
        "entered": [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each],
    }


def task(resource: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "End": True, **more}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def invoke(function: str, waiting: bool = False, **payload: Any) -> dict[str, Any]:
    given = {"FunctionName": function, "Payload": payload}
    return task("lambda:invoke" + (".waitForTaskToken" if waiting else ""), Parameters=given, TimeoutSeconds=7200)


def test_an_endpoint_without_what_the_adapters_hook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate.local.adapters import functions
    from headgate.local.adapters.settings import Settings
    from headgate.local.clock import Clock

    monkeypatch.setattr(functions, "HOOKS", ("lambda_svc:_gone", "nothing:at_all"))
    with pytest.raises(adapters.EndpointError) as caught:
        adapters.install(Settings(Clock(tmp_path / "clock"), tmp_path, ""))
    assert str(caught.value) == (
        "ministack 1.5.33 lacks what the adapters for 1.5.33 hook: headgate.local.adapters.functions: lambda_svc:_gone; "
        "headgate.local.adapters.functions: nothing:at_all. Install ministack==1.5.33, or bring local/adapters up to the new version."
    )


def test_an_exception_goes_by_its_own_name(endpoint: Runtime) -> None:
    ended = executed(endpoint, machine(Ask=invoke("gate", raises=True)))
    assert (ended["status"], ended["error"]) == ("FAILED", "TooLate")


def test_a_machine_calls_what_its_role_allows(endpoint: Runtime) -> None:
    """And nothing else. To publish to an encrypted topic it has to be allowed to use the key."""
    refused = executed(endpoint, machine(Ask=invoke("others")))
    assert refused["error"] == "Lambda.AccessDeniedException"
    assert refused["cause"].startswith(f"{ROLE} is not authorized to perform: lambda:InvokeFunction on resource: ")

    key = endpoint.client("kms").create_key()["KeyMetadata"]
    topics = endpoint.client("sns")
    plain = topics.create_topic(Name="plain")["TopicArn"]
    encrypted = topics.create_topic(Name="encrypted", Attributes={"KmsMasterKeyId": key["KeyId"]})["TopicArn"]
    publish = {each: task("sns:publish", Parameters={"TopicArn": each, "Message": "x"}) for each in (plain, encrypted)}
    assert executed(endpoint, machine(Tell=publish[plain]))["status"] == "SUCCEEDED"
    refused = executed(endpoint, machine(Tell=publish[encrypted]))
    assert (refused["error"], refused["cause"].rsplit(" ", 1)[-1]) == ("Kms.AccessDeniedException", key["Arn"])


def test_a_function_that_dies_is_an_exit_error(endpoint: Runtime) -> None:
    assert executed(endpoint, machine(Ask=invoke("dies")))["error"] == "Runtime.ExitError"


def test_a_function_that_raises_fails_the_task_that_waits_for_its_token(endpoint: Runtime) -> None:
    assert executed(endpoint, machine(Ask=invoke("gate", waiting=True, raises=True)))["error"] == "TooLate"


def test_a_token_may_be_answered_by_whom_the_role_allows(endpoint: Runtime) -> None:
    waits = invoke("token", waiting=True, **{"token.$": "$$.Task.Token", "answer": 7})
    ended = executed(endpoint, machine(Ask=waits))
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "7")
    refused = executed(endpoint, machine(Ask=waits), name="others")
    assert refused["error"] == "AccessDeniedException" or refused["error"] == "ClientError", refused


def test_branches_have_tokens_of_their_own_and_stand_in_the_history(endpoint: Runtime) -> None:
    branches = [
        machine(**{f"Ask {n}": invoke("token", waiting=True, **{"token.$": "$$.Task.Token", "answer": n})})
        for n in range(6)
    ]
    ended = executed(endpoint, machine(All={"Type": "Parallel", "Branches": branches, "End": True}))
    assert json.loads(ended["output"]) == list(range(6))
    assert sorted(ended["entered"]) == ["All", *(f"Ask {n}" for n in range(6))]


def test_hours_pass_in_a_jump(endpoint: Runtime) -> None:
    began, before = time.monotonic(), endpoint.control.settled()["now"]
    ended = executed(endpoint, machine(Ask=invoke("gate", waiting=True)))
    assert ended["error"] == "States.Timeout"
    assert endpoint.control.settled()["now"] - before > 7200
    assert time.monotonic() - began < 60
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() > 7000


def test_a_burst_of_calls_waits_in_line(endpoint: Runtime) -> None:
    branches = [machine(**{f"Ask {n}": invoke("slow")}) for n in range(12)]
    ended = executed(endpoint, machine(All={"Type": "Parallel", "Branches": branches, "End": True}))
    processes = {each["Payload"] for each in json.loads(ended["output"])}
    assert len(processes) <= 6


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
    endpoint.control.settled()
    run = run_of(endpoint, job)
    assert (run["Id"], run["JobRunState"]) == (started, "SUCCEEDED")
    assert (
        tmp_path / "out"
    ).read_text() == f"--JOB_NAME {job} --JOB_RUN_ID {started} --out {tmp_path / 'out'} --mode delta"


def test_a_job_that_fails_says_its_last_words(endpoint: Runtime, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise ValueError('no such account: A9')\n")
    job = glue_job(endpoint, script)
    endpoint.client("glue").start_job_run(JobName=job)
    endpoint.control.settled()
    assert (run_of(endpoint, job)["JobRunState"], run_of(endpoint, job)["ErrorMessage"]) == (
        "FAILED",
        "ValueError: no such account: A9",
    )


def test_the_end_of_a_job_is_told_on_the_default_bus(endpoint: Runtime) -> None:
    queues, events = endpoint.client("sqs"), endpoint.client("events")
    url = queues.create_queue(QueueName="heard")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]}
    events.put_rule(Name="heard", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="heard", Targets=[{"Id": "q", "Arn": arn}])
    job = glue_job(endpoint, INSTANT)
    run = endpoint.client("glue").start_job_run(JobName=job)["JobRunId"]
    endpoint.control.settled()
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
def test_a_run_goes_as_it_is_told(endpoint: Runtime, behaviour: dict[str, Any], state: str, minutes: int) -> None:
    job = glue_job(endpoint, INSTANT, Timeout=45)
    endpoint.control.set_behaviours({job: [behaviour]})
    endpoint.client("glue").start_job_run(JobName=job)
    while run_of(endpoint, job)["JobRunState"] in ("STARTING", "RUNNING"):
        endpoint.control.jump(endpoint.control.settled()["next"])
    assert run_of(endpoint, job)["JobRunState"] == state
    assert run_of(endpoint, job)["ExecutionTime"] == pytest.approx(minutes * 60, abs=5)


def test_a_run_can_be_stopped(endpoint: Runtime) -> None:
    job = glue_job(endpoint, INSTANT)
    endpoint.control.set_behaviours({job: [{"takes": 600}]})
    run = endpoint.client("glue").start_job_run(JobName=job)["JobRunId"]
    endpoint.control.settled()
    endpoint.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run])
    endpoint.control.settled()
    assert run_of(endpoint, job)["JobRunState"] == "STOPPED"


def test_an_incident_is_opened_and_an_object_is_told_as_text(endpoint: Runtime) -> None:
    topic = endpoint.client("sns").create_topic(Name="told")["TopicArn"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    queue = endpoint.client("sqs").create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    endpoint.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    tell = task("sns:publish", Parameters={"TopicArn": topic, "Message": {"kind": "ERROR"}}) | {
        "End": False,
        "Next": "Open",
    }
    del tell["End"]
    opens = task("aws-sdk:ssm:createOpsItem", Parameters={"Title": "it failed", "Source": "headgate"})
    assert executed(endpoint, machine(Tell=tell, Open=opens))["status"] == "SUCCEEDED"
    assert {"Title": "it failed", "Source": "headgate"} in endpoint.control.incidents()
    (message,) = endpoint.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"]) == {"kind": "ERROR"}


def test_archives_and_bus_policies_can_be_deployed(endpoint: Runtime) -> None:
    template = {
        "Resources": {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "archived"}},
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "EventPattern": {"source": ["headgate"]}}},
            "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": {"EventBusName": {"Ref": "Bus"}, "StatementId": "s", "Statement": {}}},
        }
    }  # fmt: skip
    stacks = endpoint.client("cloudformation")
    stacks.create_stack(StackName="archive", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="archive", WaiterConfig={"Delay": 1})
    assert len(endpoint.client("events").list_archives()["Archives"]) == 1


def test_an_event_is_forwarded_one_hop_and_no_further(endpoint: Runtime) -> None:
    events, queues = endpoint.client("events"), endpoint.client("sqs")
    prefix = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/"
    for name in ("first", "second", "third"):
        events.create_event_bus(Name=name)
        queues.create_queue(QueueName=f"at-{name}")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:at-{name}"
        events.put_rule(Name=f"heard-{name}", EventBusName=name, EventPattern=json.dumps({"source": ["hop"]}))
        events.put_targets(Rule=f"heard-{name}", EventBusName=name, Targets=[{"Id": "q", "Arn": arn}])
    for here, there in (("first", "second"), ("second", "third")):
        events.put_rule(Name=f"on-{here}", EventBusName=here, EventPattern=json.dumps({"source": ["hop"]}))
        events.put_targets(
            Rule=f"on-{here}", EventBusName=here, Targets=[{"Id": "b", "Arn": prefix + there, "RoleArn": ROLE}]
        )
    events.put_events(Entries=[{"Source": "hop", "DetailType": "x", "Detail": "{}", "EventBusName": "first"}])
    endpoint.control.settled()
    heard = {
        name: "Messages" in queues.receive_message(QueueUrl=queues.get_queue_url(QueueName=f"at-{name}")["QueueUrl"])
        for name in ("first", "second", "third")
    }
    assert heard == {"first": True, "second": True, "third": False}
