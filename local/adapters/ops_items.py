"""OpsItems, which the endpoint lacks: one that has `/aws/dedup` is refused while an open one has the same, as AWS documents it
(docs.aws.amazon.com/systems-manager/latest/userguide/OpsCenter-working-deduplication.html)."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ssm

from headgate.local.adapters.settings import Settings

HOOKS = ("ssm:handle_request", "core.responses:error_response_json", "core.responses:json_response")
DEDUP = "/aws/dedup"


def install(settings: Settings) -> None:
    items = settings.incidents
    original = ssm.handle_request

    def create(given: dict[str, Any]) -> Any:
        key = given.get("OperationalData", {}).get(DEDUP)
        same = [
            each for each in items if key and each["Status"] != "Resolved" and each["OperationalData"].get(DEDUP) == key
        ]
        if same:
            known = same[0]["OpsItemId"]
            status, headers, body = error_response_json("OpsItemAlreadyExistsException", "it is open", 400)
            return status, headers, json.dumps({**json.loads(body), "OpsItemId": known}).encode()
        identity = f"oi-{len(items) + 1:012x}"
        items.append({"OperationalData": {}, **given, "OpsItemId": identity, "Status": "Open"})
        return json_response({"OpsItemId": identity})

    def update(given: dict[str, Any]) -> Any:
        for each in items:
            if each["OpsItemId"] == given["OpsItemId"]:
                each.update(given)
                return json_response({})
        return error_response_json("OpsItemNotFoundException", given["OpsItemId"], 400)

    actions: dict[str, Callable[[dict[str, Any]], Any]] = {"CreateOpsItem": create, "UpdateOpsItem": update}

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
        return action(json.loads(body)) if action else await original(method, path, headers, body, query)

    ssm.handle_request = handle
