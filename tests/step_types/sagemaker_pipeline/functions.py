"""SageMaker pipelines: docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html"""

from typing import Any

from clients import client
from contract import require
from job_run import FAILED, STOPPED, SUCCEEDED, Answer, Ended, JobRun
from step_types import console_address

RESOURCE, ARGUMENTS = "pipeline", ["parameters"]
SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change"
END_STATES = {"Succeeded": SUCCEEDED, "Failed": FAILED, "Stopped": STOPPED}


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "sagemaker_pipeline/execution", "detail")
    arn = detail["pipelineExecutionArn"]
    state = END_STATES.get(detail["currentPipelineExecutionStatus"])
    return Ended(arn, arn.split("/")[1], state) if state else None


def ask(job_run: JobRun) -> Answer:
    found = client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=job_run.job_run_id)
    return Answer(END_STATES.get(found["PipelineExecutionStatus"]), found.get("FailureReason", ""))


def stop(job_run: JobRun) -> None:
    client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=job_run.job_run_id)


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    return f"{console_address(region, partition)}/sagemaker/home?region={region}#/pipelines/{job_run.job}"
