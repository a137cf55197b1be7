"""Amazon EMR clusters, which steps run on. docs.aws.amazon.com/emr/latest/ManagementGuide/emr-manage-cloudwatch-events.html"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from clients import client, pages
from contract import require
from job_run import FAILED, PREFIX, READY, SUCCEEDED, Answer, Ended, JobRun, Launched, named_clusters
from step_types import console_address

RESOURCE: str = "name"
ARGUMENTS: list[str] = []
SOURCE, DETAIL_TYPE = "aws.emr", "EMR Cluster State Change"
STATES = {"RUNNING": READY, "WAITING": READY, "TERMINATED": SUCCEEDED, "TERMINATED_WITH_ERRORS": FAILED}
ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]


def emr() -> Any:
    return client("emr")


def ended(detail: dict[str, Any]) -> Ended | None:
    require(detail, "emr-cluster-state-change", "detail")
    state = STATES.get(detail["state"])
    name = detail["name"]
    if state is None or not name.startswith(PREFIX):
        return None
    named = named_clusters([(detail["clusterId"], name)]) if state == READY else []
    return Ended(detail["clusterId"], _job(name), state, _reason(detail.get("stateChangeReason")), *named)


def ask(job_run: JobRun) -> Answer:
    try:
        status = emr().describe_cluster(ClusterId=job_run.job_run_id)["Cluster"]["Status"]
    except ClientError as error:
        # EMR's answer to an id that it does not know, or no longer: a cluster is kept for two months
        if error.response["Error"]["Code"] != "InvalidRequestException":
            raise
        return Answer(FAILED, f"EMR does not know this cluster: {error.response['Error'].get('Message', '')}")
    return _answer(status)


def marked(arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """The mark is the end of the cluster's name."""
    return {**arguments, "mark": mark}


def launched(job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
    """RunJobFlow takes no token by which EMR would know a second call."""
    found = [each for each in _listed(CreatedAfter=since) if each["Name"] == f"{PREFIX}{job}/{mark}"]
    answers = {each["Id"]: _answer(each["Status"]) for each in found}
    return [Launched(name, _end(answer), answer.message) for name, answer in answers.items()]


def alive() -> list[tuple[str, str]]:
    """The clusters under Headgate's names that have not ended: id and name."""
    return [(each["Id"], each["Name"]) for each in _listed(ClusterStates=ALIVE) if each["Name"].startswith(PREFIX)]


def stop(job_run: JobRun) -> None:
    emr().terminate_job_flows(JobFlowIds=[job_run.job_run_id])


def console(job_run: JobRun, region: str, partition: str) -> str | None:
    return f"{console_address(region, partition)}/emr/home?region={region}#/clusterDetails/{job_run.job_run_id}"


def _listed(**given: Any) -> Iterator[dict[str, Any]]:
    for page in pages(emr().list_clusters, "Marker", **given):
        yield from page["Clusters"]


def _answer(status: dict[str, Any]) -> Answer:
    return Answer(STATES.get(status["State"]), _reason(status.get("StateChangeReason")))


def _end(answer: Answer) -> str | None:
    return None if answer.state == READY else answer.state


def _reason(given: Any) -> str:
    """Code and message; in an event they are JSON in a text."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return str(given)
    given = {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
    return ": ".join(str(each) for each in (given.get("code"), given.get("message")) if each)


def _job(name: str) -> str:
    """`headgate/<domain>/<product>/<run>/<attempt>/cluster`"""
    return "/".join(name.split("/")[1:-3])
