"""SageMaker pipelines as the local runtime runs them: nothing is trained, the scenario says how long it takes and whether it fails."""

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions as engine

from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = ("stepfunctions:_invoke_resource",)
STATES = {"SUCCEEDED": "Succeeded", "STOPPED": "Stopped"}


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "sagemaker:StartPipelineExecution", f"arn:aws:sagemaker:{place}:pipeline/{given['PipelineName']}"


PERMISSIONS = {"aws-sdk:sagemaker:startPipelineExecution": _needed}


def install(settings: Settings) -> None:
    invoke = engine._invoke_resource

    def invoked(resource: str, given: dict[str, Any]) -> Any:
        if not resource.endswith("sagemaker:startPipelineExecution"):
            return invoke(resource, given)
        name = f"pipeline/{given['PipelineName']}/execution/{given['ClientRequestToken'][:12]}"
        arn = f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{name}"

        def ended(end: End) -> None:
            detail = {
                "pipelineExecutionArn": arn, "currentPipelineExecutionStatus": STATES.get(end.state, "Failed"),
                "pipelineExecutionDisplayName": given["PipelineExecutionDisplayName"],
            }  # fmt: skip
            publish(settings, "aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change", detail)

        Work(settings, Order(given["PipelineName"], arn, None), ended)
        return {"PipelineExecutionArn": arn}

    engine._invoke_resource = invoked
