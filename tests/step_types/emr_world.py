"""EMR as tests of the functions have it: clusters and steps that do what the test says."""

import io
from typing import Any

from botocore.exceptions import ClientError


class Emr:
    """`clusters` and `steps` by id: `{"name", "state"}`. What is terminated or cancelled stays as it is until the test says otherwise; `down` answers nothing."""

    def __init__(self) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, dict[str, Any]] = {}
        self.terminated: list[str] = []
        self.cancelled: list[tuple[str, str]] = []
        self.down = False
        self.logs: str | None = None

    def describe_cluster(self, ClusterId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._answer("DescribeCluster")
        if ClusterId not in self.clusters:
            raise ClientError({"Error": {"Code": "InvalidRequestException", "Message": "not valid"}}, "DescribeCluster")
        return {
            "Cluster": {"Status": self._status(self.clusters[ClusterId])} | ({"LogUri": self.logs} if self.logs else {})
        }

    def list_clusters(self, **given: Any) -> dict[str, Any]:
        self._answer("ListClusters")
        wanted = given.get("ClusterStates")
        found = [
            {"Id": name, "Name": each["name"], "Status": self._status(each)}
            for name, each in self.clusters.items()
            if wanted is None or each["state"] in wanted
        ]
        place = int(given.get("Marker", 0))
        return {"Clusters": found[place : place + 1]} | ({"Marker": str(place + 1)} if place + 1 < len(found) else {})

    def terminate_job_flows(self, JobFlowIds: list[str]) -> None:  # noqa: N803
        self._answer("TerminateJobFlows")
        self.terminated += JobFlowIds

    def describe_step(self, ClusterId: str, StepId: str) -> dict[str, Any]:  # noqa: N803
        return {"Step": {"Status": self._status(self.steps[f"{ClusterId}/{StepId}"])}}

    def list_steps(self, ClusterId: str) -> dict[str, Any]:  # noqa: N803
        found = [(name.split("/")[1], each) for name, each in self.steps.items() if name.startswith(ClusterId + "/")]
        return {"Steps": [{"Id": name, "Name": each["name"], "Status": self._status(each)} for name, each in found]}

    def cancel_steps(self, ClusterId: str, StepIds: list[str], StepCancellationOption: str) -> None:  # noqa: N803
        assert StepCancellationOption == "TERMINATE_PROCESS"
        self.cancelled += [(ClusterId, each) for each in StepIds]

    def _status(self, each: dict[str, Any]) -> dict[str, Any]:
        return {
            "State": each["state"],
            "StateChangeReason": each.get("reason", {}),
            "FailureDetails": each.get("failure", {}),
        }

    def _answer(self, operation: str) -> None:
        if self.down:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "too busy"}}, operation)


class Files:
    """S3 with these objects, by their keys."""

    class exceptions:  # noqa: N801 - boto3's name
        class NoSuchKey(Exception):  # noqa: N818
            pass

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self._objects:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(self._objects[Key])}
