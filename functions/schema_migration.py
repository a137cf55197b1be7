"""Schema migration: a CloudFormation custom resource that brings the database's schema up to date before any other function is updated."""

import json
import os
from datetime import datetime
from typing import Any

import custom_resource
import runtime
from batch import LOG
from clients import client
from state.errors import SchemaGoesBack
from state.migrate import Release, migrate
from state.roles import set_passwords


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to CloudFormation: how many `migrations` were applied."""
    return custom_resource.answer(event, "schema-migration", "headgate-schema", apply)


def apply(event: dict[str, Any]) -> dict[str, Any]:
    """Migrates, and gives the database roles of the other functions their passwords. A rollback leaves the newer schema: the functions of the release before work on it, and those that are still to be taken back need it.
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
    set_passwords(runtime.database(), client("secretsmanager"), os.environ.get("ROLE_SECRETS", "").split())
    LOG.info(json.dumps({"commit": properties["Commit"], "migrations": applied}))
    return {"migrations": len(applied)}
