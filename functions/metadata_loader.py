"""Metadata loader: a CloudFormation custom resource that migrates the schema and loads the compiled catalog."""

import json
import os
import urllib.request
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import runtime
import scheduler
from batch import LOG
from contract import require
from state import catalog
from state.migrate import migrate

NAMED = 20  # refused products that the answer names: CloudFormation takes 4,096 bytes; the log names all
CATALOG = Path(os.environ.get("LAYERS", "/opt"), "catalog.json")  # a layer of this function alone


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers CloudFormation, whatever happens: a stack without an answer waits for an hour. Without a ResponseURL, as in the sample
    event, the answer is only returned."""
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId", "headgate-catalog")
    try:
        require(event, "metadata-loader")
        data = (
            {} if event["RequestType"] == "Delete" else load(event["ResourceProperties"], event["RequestId"], context)
        )
        answer |= {"Status": "SUCCESS", "Data": data}
    except Exception as error:  # noqa: BLE001 - CloudFormation needs an answer
        LOG.exception("the catalog was not loaded")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
    if "ResponseURL" in event:
        _answer(event["ResponseURL"], answer)
    return answer


def load(properties: dict[str, Any], upload: str, context: Any) -> dict[str, Any]:
    """Migrates and loads, then opens what is due by the new catalog. `properties` has the commit, when it was made (empty: now), and
    whether an older catalog is accepted."""
    now = runtime.now()
    applied = migrate(runtime.database())
    content = json.loads(Path(properties.get("Catalog", CATALOG)).read_text("utf-8"))
    account = properties.get("Account")
    if account:
        content = catalog.with_accounts(catalog.restrict_to_account(content, account, properties["Region"]))
    else:
        content = catalog.without_accounts(content)
    committed_at = datetime.fromisoformat(properties["CommittedAt"]) if properties["CommittedAt"] else now
    loaded = catalog.load(
        runtime.state(), content, upload, properties["Commit"], committed_at, properties.get("Actor", "deployment"), now,
        properties.get("Force", "false") == "true",
    )  # fmt: skip
    openings = runtime.state().open_due_runs(now, "deployment")
    scheduler.report(openings)
    for each in loaded.refused:
        LOG.error(json.dumps({"not_loaded": each["product"], "reason": each["reason"]}))
    runtime.perform_made(context, now)
    result = {
        **asdict(loaded),
        "migrations": len(applied),
        "opened": loaded.opened + openings.opened,
        "refused": [each["product"] for each in loaded.refused[:NAMED]],
    }
    LOG.info(json.dumps({"commit": properties["Commit"], **result}))
    return result


def _answer(url: str, answer: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own URL
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310
