"""The local endpoint without the application, for tests of what the adapters supply; and small machines to try it with."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.local import runtime
from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT, REGION, Places
from tests.local_application import ROOT

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


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """The endpoint with the adapters and nothing deployed, but for functions and a role of the tests."""
    folder = tmp_path_factory.mktemp("endpoint")
    with runtime.running(Places(ROOT, ROOT / "statemachines", folder)) as running:
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
                "lambda:InvokeFunction": [f"arn:aws:lambda:{here}:function:{name}" for name in (*FUNCTIONS, "step-*")],
                "glue:StartJobRun": f"arn:aws:glue:{here}:job/job-*",
                "sns:Publish": f"arn:aws:sns:{here}:*",
            }.items()
        ]
        iam.put_role_policy(
            RoleName="test",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
        )
        for name in (*FUNCTIONS, "others"):
            running.client("lambda").create_function(
                FunctionName=name, Runtime="python3.13", Role=ROLE, Handler=f"handlers.{name}", Code={"ZipFile": zipped({"handlers.py": HANDLERS})}, Timeout=20,
            )  # fmt: skip
        yield running


def zipped(files: dict[str, str]) -> bytes:
    """The code of a function: its files by their paths."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return code.getvalue()


def pass_time(endpoint: Runtime) -> None:
    """To the moment at which something is due; nothing may be, when what was waited for has just ended."""
    if following := endpoint.control.wait_until_idle()["next"]:
        endpoint.control.jump(following)


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
        idle = endpoint.control.wait_until_idle()
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING" or time.monotonic() > deadline:
            break
        assert idle["next"], "it waits for nothing"
        endpoint.control.jump(idle["next"])
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


def catalog(*functions: str) -> dict[str, Any]:
    """A catalog whose steps invoke these functions."""
    steps = [{"name": each, "type": "lambda", "resource": each} for each in functions]
    return {"products": {"d/p": {"pipeline": {"steps": steps}}}}
