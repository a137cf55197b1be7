"""Metadata loader: a CloudFormation custom resource that loads the compiled catalog, and then opens what is due by it."""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import custom_resource
import runtime
import scheduler
import shipped_code
import ticks
from batch import LOG
from state import catalog
from state.answers import Loaded
from state.errors import CatalogGoesBack, IllegalTransition, StateError

NAMED = 20  # refused products that the answer names: CloudFormation takes 4,096 bytes; the log names all
COUNTS = ("inserted", "changed", "removed", "unchanged")  # that an output of the stack names
CATALOG = Path(os.environ.get("LAYERS", "/opt"), "catalog.json")  # a layer of this function alone


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to CloudFormation, given as soon as the catalog is committed. Runs are opened and machines started afterwards: a deployment does not
    wait for them, and does not fail of them."""
    now = runtime.now()
    answer = custom_resource.answer(event, "metadata-loader", "headgate-catalog", lambda given: apply(given, now))
    if answer["Status"] == "SUCCESS" and event["RequestType"] != "Delete":
        _open_due(context, now)
    return answer


def apply(event: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Loads the catalog. The properties have the commit, when it was made (empty: now), and whether an older catalog is accepted; that of a rollback
    is. Or they say to `Defer` the load: further stacks with machines of this catalog follow. `Shadow` says whether the application acts. Raises
    `CatalogGoesBack`, and `IllegalTransition` where the application cannot enter shadow now."""
    properties = event["ResourceProperties"]
    if "Shadow" in properties:
        _set_mode(properties["Shadow"] == "true", event["StackId"], properties.get("Actor", "deployment"), now)
    if properties.get("Defer", "false") == "true":
        return dict.fromkeys(COUNTS, 0)
    content = json.loads(Path(properties.get("Catalog", CATALOG)).read_text("utf-8"))
    account = properties.get("Account")
    if account:
        content = catalog.with_accounts(catalog.restrict_to_account(content, account, properties["Region"]))
    else:
        content = catalog.without_accounts(content)
    content = catalog.of_account(content, account or os.environ["STATE_MACHINE_ARN_PREFIX"].split(":")[4])
    committed_at = datetime.fromisoformat(properties["CommittedAt"]) if properties["CommittedAt"] else now

    def placed(step: dict[str, Any]) -> dict[str, Any]:
        return shipped_code.placed(step, properties.get("CodeBucket", ""), properties.get("NamePrefix", ""))

    def load(force: bool) -> Loaded:
        actor = properties.get("Actor", "deployment")
        return catalog.load(
            runtime.state(), content, event["RequestId"], properties["Commit"], committed_at, actor, now, force, placed
        )

    try:
        loaded = load(properties.get("Force", "false") == "true")
    except CatalogGoesBack:
        if not custom_resource.is_taken_back(event["StackId"]):
            raise
        loaded = load(True)
    for each in loaded.refused:
        LOG.error(json.dumps({"not_loaded": each["product"], "reason": each["reason"]}))
    result = {**asdict(loaded), "refused": [each["product"] for each in loaded.refused[:NAMED]]}
    LOG.info(json.dumps({"commit": properties["Commit"], **result}))
    return result


def _set_mode(shadow: bool, stack: str, actor: str, now: datetime) -> None:
    """Before anything is opened by the new metadata. A rollback is never refused. Raises `IllegalTransition`."""
    try:
        done = runtime.state().set_mode(shadow, False, actor, now)
    except IllegalTransition:
        if not custom_resource.is_taken_back(stack):
            raise
        done = runtime.state().set_mode(shadow, True, actor, now)
    if done.changed:
        LOG.info(json.dumps({"shadow": shadow, "ended": done.ended}))


def _open_due(context: Any, now: datetime) -> None:
    """What cannot be opened or started now, the scheduler and the monitor do with their next ticks."""
    try:
        scheduler.report(runtime.state().open_due_runs(now, "deployment"))
    except StateError as error:
        LOG.error(json.dumps({"openings": "not made", "reason": str(error)}))
    runtime.perform_made(context, now)
    ticks.set_next(now)
