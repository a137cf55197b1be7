"""Deletion protection of the state database: a CloudFormation custom resource that comes after everything else.

As a property of the cluster it would be set before the stack is complete. A first deployment that fails could then not be rolled back, since
CloudFormation may not delete what is protected, and the next one would find its names taken.
"""

import os
from typing import Any

import custom_resource
from clients import client


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sets the protection as the property `Protected` says. A stack that is deleted is protected to the end; one whose creation is rolled back
    is not."""
    return custom_resource.answer(event, "database-protection", "headgate-database-protection", _apply, _delete)


def _apply(event: dict[str, Any]) -> dict[str, Any]:
    _set(event["ResourceProperties"]["Protected"] == "true")
    return {}


def _delete(event: dict[str, Any]) -> None:
    if (
        custom_resource.status_of(event["StackId"]) == custom_resource.GOING_BACK
    ):  # of a creation; an update's begins with UPDATE_
        _set(False)


def _set(protected: bool) -> None:
    name = os.environ["CLUSTER_ARN"].rsplit(":", 1)[1]
    client("rds").modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=protected, ApplyImmediately=True)
