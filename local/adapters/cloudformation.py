"""Closes gaps of the endpoint's CloudFormation: resource types, attributes, and the SAM transform of nested templates."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, secretsmanager, sns
from ministack.services.cloudformation import engine, provisioners

from headgate.local.adapters.settings import Settings

HOOKS = (
    "cloudformation.provisioners:_RESOURCE_HANDLERS", "cloudformation.provisioners:_rds_db_cluster_attrs",
    "cloudformation.provisioners:_update_resource", "cloudformation.provisioners:_physical_name",
    "cloudformation.engine:_evaluate_conditions", "cloudformation.engine:_parse_template", "cloudformation.engine:_apply_transforms", "cloudformation:_stacks",
    "eventbridge:_create_archive", "eventbridge:_update_archive", "eventbridge:_archives", "eventbridge:_put_permission",
    "eventbridge:_remove_permission",
    "secretsmanager:_create_secret", "secretsmanager:_secrets", "sns:_topics",
)  # fmt: skip


def install(settings: Settings) -> None:
    handlers: dict[str, Any] = provisioners._RESOURCE_HANDLERS
    handlers.setdefault("AWS::Events::Archive", {"create": _archive, "update": _changed_archive, "delete": _no_archive})
    _transform_nested()
    _texts_in_conditions()
    _keep_attributes()
    _managed_password()
    _keep_keys_of_topics()


def _archive(logical_id: str, given: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    name = given.get("ArchiveName") or provisioners._physical_name(stack, logical_id, max_len=48)
    return _kept(eventbridge._create_archive, name, given)


def _changed_archive(
    name: str, before: dict[str, Any], given: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    """On AWS a change of all but the name and the source updates the archive in place."""
    return _kept(eventbridge._update_archive, name, given)


def _kept(call: Callable[..., Any], name: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    pattern = given.get("EventPattern", "")
    status, _, body = call(
        {
            "ArchiveName": name,
            "EventSourceArn": given["SourceArn"],
            "EventPattern": pattern if isinstance(pattern, str) else json.dumps(pattern),
            "RetentionDays": given.get("RetentionDays", 0),
            "Description": given.get("Description", ""),
        }
    )
    if status >= 400:
        raise ValueError(body)
    return name, {"Arn": json.loads(body)["ArchiveArn"], "ArchiveName": name}


def _no_archive(name: str, given: dict[str, Any]) -> None:
    eventbridge._archives.pop(name, None)


def _transform_nested() -> None:
    """Applies the SAM transform to nested templates. Without it: `Unsupported resource type: AWS::Serverless::StateMachine`."""
    parse: Callable[[str], dict[str, Any]] = engine._parse_template

    def transformed(body: str) -> Any:
        return engine._apply_transforms(parse(body))

    engine._parse_template = transformed


def _texts_in_conditions() -> None:
    """Fills in `Fn::Join` and `Fn::Split` in conditions, which the endpoint compares as they are written."""
    evaluate: Callable[..., dict[str, bool]] = engine._evaluate_conditions

    def evaluated(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, bool]:
        return evaluate({**template, "Conditions": _joined(template.get("Conditions", {}), parameters)}, parameters)

    engine._evaluate_conditions = evaluated


def _joined(node: Any, parameters: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_joined(each, parameters) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _joined(value, parameters) for key, value in node.items()}
    match inner:
        case {"Fn::Split": [separator, {"Ref": name}]}:
            return str(parameters[name]["Value"]).split(separator)
        case {"Fn::Join": [separator, [*parts]]}:
            return separator.join(parts)
    return inner


def _keep_attributes() -> None:
    """A resource that an update does not change keeps its attributes; without it `Fn::GetAtt` fails in nested stacks."""
    update = provisioners._update_resource

    def updated(kind: str, name: str, old: Any, new: Any, stack: str, logical_id: str | None = None, *rest: Any) -> Any:
        from ministack.services.cloudformation import _stacks

        resources = (_stacks.get(stack) or {}).get("_resources") or {}
        before = dict((resources.get(logical_id) or {}).get("Attributes") or {})
        now, attributes = update(kind, name, old, new, stack, logical_id, *rest)
        return now, (attributes or before if now == name else attributes)

    provisioners._update_resource = updated


def _managed_password() -> None:
    """`ManageMasterUserPassword` makes a secret, and `Fn::GetAtt MasterUserSecret.SecretArn` names it."""
    attributes_of = provisioners._rds_db_cluster_attrs

    def with_secret(cluster: dict[str, Any]) -> dict[str, Any]:
        name = f"rds!{cluster['DbClusterResourceId'].lower()}"
        arn = next((each["ARN"] for each in secretsmanager._secrets.values() if each.get("Name") == name), None)
        if arn is None:
            secret = json.dumps({"username": cluster["MasterUsername"], "password": "kept by the local runtime"})
            arn = json.loads(secretsmanager._create_secret({"Name": name, "SecretString": secret})[2])["ARN"]
        cluster["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active"}
        return {**attributes_of(cluster), "MasterUserSecret.SecretArn": arn}

    provisioners._rds_db_cluster_attrs = with_secret


def _keep_keys_of_topics() -> None:
    """Keeps a topic's `KmsMasterKeyId`, which the endpoint drops."""
    topic: dict[str, Any] = provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"]
    create = topic["create"]

    def created(logical_id: str, given: dict[str, Any], stack: str) -> Any:
        arn, attributes = create(logical_id, given, stack)
        if given.get("KmsMasterKeyId"):
            sns._topics[arn]["attributes"]["KmsMasterKeyId"] = given["KmsMasterKeyId"]
        return arn, attributes

    topic["create"] = created
