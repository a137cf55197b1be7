"""Calls of AWS services as steps: what Step Functions, Airflow and boto3 give to `StartJobRun`, `RunTask` and others, by the names of their API."""

import re
from collections.abc import Callable
from typing import Any

from headgate.importing.result import Kind
from headgate.importing.texts import whole_minutes

Settings = dict[str, Any]
STARTED_BY = ("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID")


class NotCarriedOver(Exception):  # noqa: N818 - it is an answer: the reason
    """This cannot be a step of a pipeline; the message says why."""


class Remarks(list[tuple[Kind, str]]):
    """What of a call is not in its step, and what people have to add."""

    def changed(self, text: str) -> None:
        self.append((Kind.CHANGED, text))

    def to_do(self, text: str) -> None:
        self.append((Kind.TO_DO, text))


def _glue(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    made: Settings = {"job": _text(given, "JobName")}
    arguments = {key: str(each) for key, each in (given.get("Arguments") or {}).items()}
    made |= {"arguments": arguments} if arguments else {}
    made |= {"timeout": whole_minutes(60 * given["Timeout"])} if "Timeout" in given else {}
    if "WorkerType" in given and "NumberOfWorkers" in given:
        made |= {"worker_type": given["WorkerType"], "number_of_workers": int(given["NumberOfWorkers"])}
    made |= {"execution_class": given["ExecutionClass"]} if "ExecutionClass" in given else {}
    made |= {"security_configuration": given["SecurityConfiguration"]} if "SecurityConfiguration" in given else {}
    _rest(given, remarks, "JobName", "Arguments", "Timeout", "WorkerType", "NumberOfWorkers", "ExecutionClass", "SecurityConfiguration")  # fmt: skip
    return "glue", made


def _lambda(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    name = _text(given, "FunctionName")
    payload = given.get("Payload", {})
    if not isinstance(payload, dict):
        raise NotCarriedOver("gives the function a payload that is no object")
    _rest(given, remarks, "FunctionName", "Payload")
    return "lambda", {"function": name.partition(":function:")[2] or name, **({"payload": payload} if payload else {})}


def _function(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    payload = {key: each for key, each in given.items() if key != "Resource"}
    if not payload:
        raise NotCarriedOver("gives the function the input of the execution or the output of the state before it")
    return "lambda", {"function": given["Resource"].partition(":function:")[2], "payload": payload}


def _machine(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    value = given.get("Input", {})
    if not isinstance(value, dict):
        raise NotCarriedOver("starts the other machine with an input that is no object")
    known = {key: each for key, each in value.items() if key not in STARTED_BY}
    _rest(given, remarks, "StateMachineArn", "Input", "Name")
    name = _text(given, "StateMachineArn").rpartition(":")[2]
    return "machine", {"name": name, **({"input": known} if known else {})}


def _ecs(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    overrides = (given.get("Overrides") or {}).get("ContainerOverrides") or []
    if len(overrides) != 1 or "Name" not in overrides[0]:
        raise NotCarriedOver("runs a task without saying which container decides")
    family = _text(given, "TaskDefinition").rpartition("/")[2].partition(":")[0]
    made: Settings = {"cluster": str(given.get("Cluster", "default")).rpartition("/")[2], "task": family, "container": overrides[0]["Name"]}  # fmt: skip
    made |= {"launch": given["LaunchType"]} if given.get("LaunchType", "FARGATE") != "FARGATE" else {}
    network = (given.get("NetworkConfiguration") or {}).get("AwsvpcConfiguration") or {}
    made |= {"subnets": network["Subnets"]} if network.get("Subnets") else {}
    made |= {"security_groups": network["SecurityGroups"]} if network.get("SecurityGroups") else {}
    made |= {"public_ip": True} if network.get("AssignPublicIp") == "ENABLED" else {}
    made |= {"command": [str(each) for each in overrides[0]["Command"]]} if overrides[0].get("Command") else {}
    variables = {each["Name"]: str(each["Value"]) for each in overrides[0].get("Environment") or ()}
    made |= {"environment": variables} if variables else {}
    remarks.to_do("`roles`: name the task role and the execution role of the task definition, if it has them")
    _rest(given, remarks, "Cluster", "TaskDefinition", "LaunchType", "NetworkConfiguration", "Overrides")
    return "ecs", made


def _batch(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    overrides = given.get("ContainerOverrides") or {}
    definition = _text(given, "JobDefinition").rpartition("/")[2].partition(":")[0]
    made: Settings = {"queue": _text(given, "JobQueue").rpartition("/")[2], "definition": definition}
    parameters = {key: str(each) for key, each in (given.get("Parameters") or {}).items()}
    made |= {"parameters": parameters} if parameters else {}
    made |= {"command": [str(each) for each in overrides["Command"]]} if overrides.get("Command") else {}
    variables = {each["Name"]: str(each["Value"]) for each in overrides.get("Environment") or ()}
    made |= {"environment": variables} if variables else {}
    _rest(given, remarks, "JobName", "JobQueue", "JobDefinition", "Parameters", "ContainerOverrides")
    return "batch", made


def _athena(given: Settings, remarks: Remarks) -> tuple[str, Settings]:
    made: Settings = {"workgroup": str(given.get("WorkGroup", "primary")).rpartition("/")[2], "query": _text(given, "QueryString")}  # fmt: skip
    made |= {"parameters": given["ExecutionParameters"]} if given.get("ExecutionParameters") else {}
    database = (given.get("QueryExecutionContext") or {}).get("Database")
    made |= {"database": database} if database else {}
    remarks.to_do(
        "`reads` and `writes`: name the databases and locations of the query, which the role is allowed to use"
    )
    _rest(given, remarks, "WorkGroup", "QueryString", "ExecutionParameters", "QueryExecutionContext")
    return "athena", made


def _text(given: Settings, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise NotCarriedOver(f"has no {key} in its parameters")
    if "${" in re.sub(r"\$\{(Partition|Region|AccountId)\}", "", value):
        raise NotCarriedOver(f"has {value} as {key}, which a deployment fills in: give it by --substitute")
    return value


def _rest(given: Settings, remarks: Remarks, *known: str) -> None:
    left = sorted(given.keys() - {*known, "Resource"})
    if left:
        remarks.changed(f"{', '.join(left)} of the parameters is left out")


FORMS: dict[str, Callable[[Settings, Remarks], tuple[str, Settings]]] = {
    "glue:startJobRun": _glue,
    "lambda:invoke": _lambda,
    "lambda:arn": _function,
    "states:startExecution": _machine,
    "ecs:runTask": _ecs,
    "batch:submitJob": _batch,
    "athena:startQueryExecution": _athena,
}
