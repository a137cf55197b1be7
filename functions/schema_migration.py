"""Schema migration: a CloudFormation custom resource that brings the database's schema up to date before any other function is updated."""

import json
from datetime import datetime
from typing import Any

import custom_resource
import runtime
from batch import LOG
from state.errors import SchemaGoesBack
from state.migrate import Release, migrate


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to CloudFormation: how many `migrations` were applied."""
    return custom_resource.answer(event, "schema-migration", "headgate-schema", apply)


def apply(event: dict[str, Any]) -> dict[str, Any]:
    """Migrates. A rollback leaves the newer schema: the functions of the release before work on it, and those that are still to be taken back need it.
    An older release on purpose needs `Force`. Raises `SchemaGoesBack`."""
    properties = event["ResourceProperties"]
    committed_at = datetime.fromisoformat(properties["CommittedAt"]) if properties["CommittedAt"] else runtime.now()
    force = properties.get("Force", "false") == "true"
    try:
        applied = migrate(runtime.database(), Release(properties["Commit"], committed_at), force)
    except SchemaGoesBack as refusal:
        if not custom_resource.is_taken_back(event["StackId"]):
            raise
        LOG.warning(json.dumps({"commit": properties["Commit"], "schema": "left as it is", "reason": str(refusal)}))
        applied = []
    LOG.info(json.dumps({"commit": properties["Commit"], "migrations": applied}))
    return {"migrations": len(applied)}
