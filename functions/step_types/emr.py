"""Steps of Amazon EMR. docs.aws.amazon.com/emr/latest/ManagementGuide/emr-manage-cloudwatch-events.html

The id of a job run is `<cluster>/<step>`: EMR finds a step by both."""

from datetime import datetime
from typing import Any

from clients import client, pages
from contract import require
from job_run import FAILED, PREFIX, STOPPED, SUCCEEDED, Answer, Ended, JobRun, Launched
from step_types import console_address

RESOURCE, ARGUMENTS = "job", ["spark", "main_class", "conf", "arguments", "command"]
SOURCE, DETAIL_TYPE = "aws.emr", "EMR Step Status Change"
END_STATES = {"COMPLETED": SUCCEEDED, "FAILED": FAILED, "CANCELLED": STOPPED, "INTERRUPTED": FAILED}
ENDING = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")  # states of a cluster


def emr() -> Any:
    return client("emr")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "emr-step-status-change", "detail")
    state, name = END_STATES.get(detail["state"]), detail["name"]
    if state is None or not name.startswith(PREFIX):
        return None
    job_run = f"{detail['clusterId']}/{detail['stepId']}"
    return Ended(job_run, name.split("/")[1], state, detail.get("message", "") if state != SUCCEEDED else "")


def ask(job_run: JobRun) -> Answer:
    """A step that has not succeeded while its cluster ends, or has ended, is lost with it."""
    cluster, _, step = job_run.job_run_id.partition("/")
    status = emr().describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
    state, message = END_STATES.get(status["State"]), _reason(status)
    if state in (FAILED, STOPPED) and (end := _end_of_cluster(cluster)):
        return Answer(state, f"{end}; {message}" if message else end, lost=True)
    return Answer(state, message)


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The command, and the mark, which is the end of the step's name."""
    if "command" in arguments:
        return {"command": arguments["command"], "mark": mark}
    options = [
        part for key, value in sorted(arguments.get("conf", {}).items()) for part in ("--conf", f"{key}={value}")
    ]
    if "main_class" in arguments:
        options += ["--class", arguments["main_class"]]
    application = [arguments["spark"], *arguments.get("arguments", ())]
    return {"command": ["spark-submit", "--deploy-mode", "cluster", *options, *application], "mark": mark}


def shipped(arguments: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
    return arguments | {"spark": places["spark"]}


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """The steps of the attempt's clusters, by their name: AddJobFlowSteps takes no token by which EMR would know a second call."""
    return [
        Launched(f"{cluster}/{each['Id']}", END_STATES.get(each["Status"]["State"]), _reason(each["Status"]))
        for cluster in settings.get("clusters", ())
        for each in _steps(cluster)
        if each["Name"] == f"{PREFIX}{job}/{mark}"
    ]


def lost(settings: dict[str, Any]) -> str | None:
    """The latest cluster of the attempt counts."""
    return _end_of_cluster(settings["clusters"][0]) if settings.get("clusters") else None


def stop(job_run: JobRun) -> None:
    # errors of single steps stand in the answer: a step that ended meanwhile is one of them, and its end decides
    cluster, _, step = job_run.job_run_id.partition("/")
    emr().cancel_steps(ClusterId=cluster, StepIds=[step], StepCancellationOption="TERMINATE_PROCESS")


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    cluster = job_run.job_run_id.partition("/")[0]
    return f"{console_address(region, partition)}/emr/home?region={region}#/clusterDetails/{cluster}"


def _steps(cluster: str) -> list[dict[str, Any]]:
    return [each for page in pages(emr().list_steps, "Marker", ClusterId=cluster) for each in page["Steps"]]


def _end_of_cluster(cluster: str) -> str | None:
    """How the cluster ends or has ended; None while it can be used."""
    status = emr().describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    if status["State"] not in ENDING:
        return None
    reason = status.get("StateChangeReason", {}).get("Message")
    return f"its cluster {cluster} is {status['State']}" + (f": {reason}" if reason else "")


def _reason(status: dict[str, Any]) -> str:
    failure = status.get("FailureDetails", {})
    reasons = (failure.get("Reason"), failure.get("Message"), status.get("StateChangeReason", {}).get("Message"))
    return "; ".join(dict.fromkeys(each for each in reasons if each))
