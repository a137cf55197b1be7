"""Event buses of several accounts: putting on another account's bus and forwarding to it, as the buses' policies allow.

The endpoint drops events that cross accounts or regions, forwards over any number of hops, and its CloudFormation has no bus
policies. On AWS an event goes one hop from bus to bus, keeps the account it came from, and is refused unless the bus's
policy (and, for a rule, its role) allows it: docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html.
A rule forwards to a bus of another region; PutEvents takes none.
"""

import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.core import responses
from ministack.core.arn import parse_arn
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from headgate.local.adapters.names import ORGANIZATION
from headgate.local.adapters.permissions import granted, listed
from headgate.local.adapters.settings import Settings

HOOKS = (
    "eventbridge:_put_events", "eventbridge:_dispatch_to_event_bus", "eventbridge:_dispatch_event", "eventbridge:_archive_event",
    "eventbridge:_event_bus_policies", "eventbridge:_event_buses", "eventbridge:_targets", "eventbridge:_rule_key",
    "cloudformation.provisioners:_RESOURCE_HANDLERS", "core.responses:set_request_account_id", "core.responses:set_request_region",
)  # fmt: skip
LOG = logging.getLogger("headgate.accounts")
HOPPED = "_Hopped"  # an event that was forwarded once is not forwarded again


def install(settings: Settings) -> None:
    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {"create": _policy, "delete": _no_policy}
    _put_across()
    _forward_once()


def _policy(logical_id: str, given: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    bus, name = given.get("EventBusName", "default"), given.get("StatementId", logical_id)
    _no_policy(f"{bus}|{name}", given)
    policy = eventbridge._event_bus_policies.setdefault(bus, {"Version": "2012-10-17", "Statement": []})
    policy["Statement"].append({"Sid": name, **given.get("Statement", {})})
    return f"{bus}|{name}", {}


def _no_policy(name: str, given: dict[str, Any]) -> None:
    bus, _, statement = name.partition("|")
    policy = eventbridge._event_bus_policies.get(bus)
    if policy:
        policy["Statement"] = [each for each in policy["Statement"] if each.get("Sid") != statement]


def _put_across() -> None:
    put: Callable[..., Any] = eventbridge._put_events

    def put_events(given: dict[str, Any], *rest: Any, **named: Any) -> Any:
        entries = given.get("Entries", [])
        own = (responses.get_account_id(), responses.get_region())
        regions = {place[1] for each in entries if (place := _place(each.get("EventBusName", "")))}
        if regions - {own[1]}:
            message = "Cross-region API call is not allowed."
            return responses.error_response_json("ValidationException", message, 400)
        foreign = [_place(each.get("EventBusName", "")) not in (None, own) for each in entries]
        if not any(foreign) or len(entries) > 10:
            return put(given, *rest, **named)
        results: list[dict[str, Any]] = []
        for entry, is_foreign in zip(entries, foreign, strict=True):
            if is_foreign:
                results.append(_delivered(entry["EventBusName"], own[0], _record(entry, *own)))
            else:
                results += json.loads(put({"Entries": [entry]}, *rest, **named)[2])["Entries"]
        failed = sum("ErrorCode" in each for each in results)
        return responses.json_response({"FailedEntryCount": failed, "Entries": results})

    eventbridge._put_events = put_events


def _forward_once() -> None:
    forward: Callable[..., None] = eventbridge._dispatch_to_event_bus

    def forwarded(
        spec: Any, event: dict[str, Any], rule: dict[str, Any], path: Any, payload: str | None = None
    ) -> None:
        if event.get(HOPPED):
            LOG.warning("not forwarded a second time: %s", event["DetailType"])
            return
        arn = f"arn:aws:events:{spec.region}:{spec.account_id}:{spec.resource}"
        own = (responses.get_account_id(), responses.get_region())
        once = {**event, HOPPED: True}
        if _place(arn) == own:
            forward(spec, once, rule, path, payload)
            return
        refused = None if arn in _allowed_by_role(arn, rule) else "the role of the rule's target does not allow it"
        refused = refused or _delivered(arn, own[0], once).get("ErrorMessage")
        if refused:
            LOG.warning("not forwarded to %s: %s", arn, refused)

    eventbridge._dispatch_to_event_bus = forwarded


def _place(bus: str) -> tuple[str, str] | None:
    """The account and region of a bus that is named by its ARN."""
    if not bus.startswith("arn:"):
        return None
    spec = parse_arn(bus)
    return spec.account_id, spec.region


def _record(entry: dict[str, Any], account: str, region: str) -> dict[str, Any]:
    return {
        "EventId": responses.new_uuid(), "Source": entry.get("Source", ""), "DetailType": entry.get("DetailType", ""),
        "Detail": entry.get("Detail", "{}"), "Time": int(eventbridge.time.time()), "Resources": entry.get("Resources", []),
        "Account": account, "Region": region,
    }  # fmt: skip


def _delivered(bus: str, sender: str, event: dict[str, Any]) -> dict[str, Any]:
    """Puts the event on the bus in the bus's account and region, if the bus's policy allows the sender. Returns PutEvents' answer."""
    account, region = _place(bus) or ("", "")
    name = bus.split("/", 1)[1]

    def deliver() -> dict[str, Any]:
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        if name not in eventbridge._event_buses:
            return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {name} does not exist."}
        statements = (eventbridge._event_bus_policies.get(name) or {}).get("Statement", [])
        if not any(allows(each, sender, bus, event["Source"]) for each in statements):
            message = f"account {sender} is not authorized to perform: events:PutEvents on resource: {bus}"
            return {"ErrorCode": "AccessDeniedException", "ErrorMessage": message}
        delivered = {**event, "EventBusName": name}
        eventbridge._dispatch_event(delivered)
        eventbridge._archive_event(
            {key: value for key, value in delivered.items() if key not in (HOPPED, "_DispatchPath")}
        )
        return {"EventId": event["EventId"]}

    return contextvars.copy_context().run(deliver)


def allows(statement: dict[str, Any], sender: str, bus: str, source: str) -> bool:
    """Whether the statement of a bus's policy allows an account to put events of that source. Conditions it does not know refuse."""
    principal = statement.get("Principal")
    named = listed(principal.get("AWS", [])) if isinstance(principal, dict) else listed(principal)
    known = {"aws:PrincipalOrgID": ORGANIZATION, "aws:PrincipalAccount": sender, "events:source": source}
    conditions = statement.get("Condition", {})
    return (
        statement.get("Effect") == "Allow"
        and "events:PutEvents" in listed(statement.get("Action"))
        and bus in listed(statement.get("Resource"))
        and any(each in ("*", sender, f"arn:aws:iam::{sender}:root") for each in named)
        and conditions.keys() <= {"StringEquals"}
        and all(known.get(key) in listed(value) for key, value in conditions.get("StringEquals", {}).items())
    )


def _allowed_by_role(arn: str, rule: dict[str, Any]) -> set[str]:
    """The buses that the role of the rule's target may put events on."""
    key = eventbridge._rule_key(rule.get("Name"), rule.get("EventBusName", "default"))
    roles = [each.get("RoleArn", "") for each in eventbridge._targets.get(key, []) if each.get("Arn") == arn]
    return {resource for role in roles for action, resource in granted(role) if action == "events:PutEvents"}
