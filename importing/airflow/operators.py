"""Operators of Airflow as steps: those that call a service of AWS, with settings that the serialized form keeps."""

import json
from typing import Any

from headgate.importing.airflow.serialized import Dag, Task
from headgate.importing.airflow.templates import filled
from headgate.importing.calls import FORMS, NotCarriedOver, Remarks
from headgate.importing.texts import duration, whole_minutes

NOTHING = ("EmptyOperator", "DummyOperator")  # tasks that only hold others together
WAITS = ("ExternalTaskSensor", "ExternalTaskSensorAsync")
STARTS = ("TriggerDagRunOperator",)
# The call of each operator's service, and the parameters of the call by the operator's template fields.
CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "GlueJobOperator": ("glue:startJobRun", {"job_name": "JobName", "script_args": "Arguments"}),
    "LambdaInvokeFunctionOperator": ("lambda:invoke", {"function_name": "FunctionName", "payload": "Payload"}),
    "AwsLambdaInvokeFunctionOperator": ("lambda:invoke", {"function_name": "FunctionName", "payload": "Payload"}),
    "StepFunctionStartExecutionOperator": ("states:startExecution", {"state_machine_arn": "StateMachineArn", "input": "Input", "state_machine_input": "Input"}),
    "EcsRunTaskOperator": (
        "ecs:runTask",
        {"cluster": "Cluster", "task_definition": "TaskDefinition", "launch_type": "LaunchType", "network_configuration": "NetworkConfiguration", "overrides": "Overrides"},
    ),
    "BatchOperator": (
        "batch:submitJob",
        {"job_queue": "JobQueue", "job_definition": "JobDefinition", "parameters": "Parameters", "container_overrides": "ContainerOverrides", "overrides": "ContainerOverrides"},
    ),
    "AthenaOperator": ("athena:startQueryExecution", {"query": "QueryString", "database": "Database", "workgroup": "WorkGroup"}),
}  # fmt: skip
IN_JSON = ("Payload", "Input")  # texts that hold JSON
BY_API = (
    "NetworkConfiguration",
    "Overrides",
    "ContainerOverrides",
)  # keys as boto3 has them, in lower case at the beginning
IGNORED = (  # how Airflow itself talks to the service, waits and logs
    "aws_conn_id", "region_name", "verify", "verbose", "wait_for_completion", "job_name", "name", "deferrable", "output_location",
    "awslogs_group", "awslogs_region", "awslogs_stream_prefix", "awslogs_fetch_interval", "number_logs_exception", "reattach", "catalog",
)  # fmt: skip


def step_of(dag: Dag, task: Task, parameters: dict[str, Any], dated: bool, remarks: Remarks) -> dict[str, Any]:
    """The step's type with its settings, and `retry`. Raises `NotCarriedOver`."""
    if task.mapped:
        raise NotCarriedOver("is mapped: it runs once for each value of a list that is known when it runs")
    if task.type not in CALLS:
        raise NotCarriedOver(
            f"is a {task.type}, for which there is no step type: write what it does as a function, a job or a container"
        )
    call, fields = CALLS[task.type]
    given = {}
    for field, parameter in fields.items():
        value = filled(task.get(field), parameters, dated)
        if value is not None and value != "":
            given[parameter] = _value(parameter, value)
    if "Database" in given:
        given["QueryExecutionContext"] = {"Database": given.pop("Database")}
    if call.startswith("athena") and "WorkGroup" not in given:
        remarks.to_do("the workgroup is not in the serialized form: `primary` stands for it")
    kind, settings = FORMS[call](given, remarks)
    left = [each for each in task.get("template_fields", []) if each not in fields and each not in IGNORED and task.get(each)]  # fmt: skip
    if left:
        remarks.changed(f"{', '.join(sorted(left))} of the operator is left out")
    if isinstance(task.get("execution_timeout"), int | float) and "timeout" not in settings:
        settings["timeout"] = (whole_minutes if kind == "glue" else duration)(task.get("execution_timeout"))
    return {kind: settings, **_retry(dag, task)}


def _value(parameter: str, value: Any) -> Any:
    if parameter in IN_JSON and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise NotCarriedOver("has a payload that is no JSON") from None
    return _api(value) if parameter in BY_API else value


def _api(value: Any) -> Any:
    """Keys as the API has them: `containerOverrides` is `ContainerOverrides`."""
    if isinstance(value, dict):
        return {f"{key[:1].upper()}{key[1:]}": _api(each) for key, each in value.items()}
    return [_api(each) for each in value] if isinstance(value, list) else value


def _retry(dag: Dag, task: Task) -> dict[str, Any]:
    defaults = dag.get("default_args") or {}
    attempts = int(task.get("retries", defaults.get("retries") or 0))
    if attempts < 1:
        return {}
    delay = task.get("retry_delay", defaults.get("retry_delay") or 300)
    made: dict[str, Any] = {
        "attempts": min(attempts, 99),
        "interval": duration(delay if isinstance(delay, int | float) else 300),
    }
    exponential = task.get("retry_exponential_backoff", False)
    return {"retry": made if exponential else {**made, "backoff": 1}}
