"""A contract as a product: what metadata can hold of it, and what it cannot."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headgate.generator.metadata.files import NAME

Document = dict[str, Any]

TYPES = ("string", "date", "timestamp", "time", "number", "integer", "boolean", "object", "array")
IDENTITY = re.compile(rf"({NAME.pattern})/({NAME.pattern})")
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
VERSION = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?")
READ = {
    "apiVersion", "kind", "id", "name", "version", "status", "domain", "dataProduct", "description", "team", "support", "schema", "slaProperties",
    "customProperties",
}  # fmt: skip
OWN = {
    "visibility"
}  # under customProperties; lineage and needs are metadata of the pipeline, which a contract does not describe


class NoContractError(ValueError):
    """The document is no contract that can be read. The message says what was found and what was expected."""


@dataclass(frozen=True)
class Imported:
    """`document` has the keys of metadata that the contract speaks of. `left_out` are sentences about the rest, each with its place."""

    identity: str
    document: Document
    left_out: tuple[str, ...]


def product_of(contract: Any) -> Imported:
    """Raises `NoContractError`."""
    if not isinstance(contract, dict) or contract.get("kind") != "DataContract":
        raise NoContractError(
            "no contract: expected a mapping with `kind: DataContract`, as the Open Data Contract Standard has it"
        )
    if not str(contract.get("apiVersion", "")).startswith("v3."):
        found = contract.get("apiVersion", "nothing")
        raise NoContractError(f"apiVersion: found {found}, expected a version 3 of the standard such as v3.1.0")
    left_out = [f"{key}: metadata has no such key" for key in contract if key not in READ]
    document: Document = {"description": _purpose(contract) or str(contract.get("name") or contract.get("id"))}
    owner = _owner(contract.get("team"), left_out)
    if owner:
        document["owner"] = owner
    for index, each in enumerate(contract.get("support") or ()):
        address = str(each.get("url") or each.get("channel") or "").removeprefix("mailto:")
        if "@" in address and "email" not in document:
            document["email"] = address
        else:
            left_out.append(f"support/{index}: name the channel under `notify`, if alerts are to go there")
    document |= dict(_sla(contract.get("slaProperties") or (), left_out))
    document["contract"] = {"version": _version(str(contract.get("version", "")), left_out)}
    columns = _columns(contract.get("schema") or (), left_out)
    if columns:
        document["contract"]["columns"] = columns
    for index, each in enumerate(contract.get("customProperties") or ()):
        if each.get("property") == "visibility" and each.get("value") in ("mesh", "domain"):
            document["publish"] = {"visibility": each["value"]}
        else:
            left_out.append(f"customProperties/{index}: `{each.get('property')}` is no promise that metadata has")
    return Imported(_identity(contract), document, tuple(left_out))


def _identity(contract: Document) -> str:
    if IDENTITY.fullmatch(str(contract.get("id"))):
        return str(contract["id"])
    domain, name = contract.get("domain"), contract.get("name") or contract.get("dataProduct") or contract.get("id")
    if not domain:
        raise NoContractError("domain: found nothing, expected the domain to which the product belongs")
    identity = "/".join(re.sub(r"[^a-z0-9]+", "-", str(each).lower()).strip("-") for each in (domain, name))
    if not IDENTITY.fullmatch(identity):
        raise NoContractError(f"name: found {name!r}, expected a name with letters or digits")
    return identity


def _purpose(contract: Document) -> str:
    description = contract.get("description")
    text = description.get("purpose") if isinstance(description, dict) else description
    return " ".join(str(text or "").split())


def _owner(team: Any, left_out: list[str]) -> str | None:
    if isinstance(team, dict) and team.get("name"):
        if team.get("members"):
            left_out.append("team/members: the owner is the team")
        return str(team["name"])
    if team:
        left_out.append("team: it has no name; the owner of the domain is that of the product")
    return None


def _version(text: str, left_out: list[str]) -> str:
    found = VERSION.fullmatch(text)
    if found:
        return ".".join(part or "0" for part in found.groups())
    left_out.append(f"version: found {text!r}, which is not of numbers; the contract begins with 1.0.0")
    return "1.0.0"


def _columns(objects: Any, left_out: list[str]) -> Document:
    """The columns of the only object."""
    if len(objects) > 1:
        left_out.append(f"schema: {len(objects)} objects; the columns of a product are those of one")
        return {}
    columns: Document = {}
    for each in objects:
        if each.get("quality"):
            left_out.append("schema/0/quality: write rules as `checks` of the step that loads the files")
        for index, column in enumerate(each.get("properties") or ()):
            kind = column.get("logicalType", "string")
            if kind not in TYPES:
                left_out.append(
                    f"schema/0/properties/{index}: the type {kind} is not known here; `object` stands for it"
                )
                kind = "object"
            columns[str(column["name"])] = kind
            further = sorted(set(column) - {"name", "logicalType"})
            if further:
                left_out.append(f"schema/0/properties/{index}: {', '.join(further)}")
    return columns


def _sla(properties: Any, left_out: list[str]) -> Iterator[tuple[str, Document]]:
    for index, each in enumerate(properties):
        value, extended = str(each.get("value")), each.get("valueExt")
        if each.get("property") == "timeOfAvailability" and TIME.fullmatch(value):
            yield "sla", {"complete_by": value, "timezone": str(extended or "UTC")}
        elif (
            each.get("property") == "frequency"
            and each.get("scheduler") == "cron"
            and len(str(each.get("schedule", "")).split()) == 6
        ):
            yield "schedule", {"cron": str(each["schedule"]), "timezone": str(extended or "UTC")}
        else:
            left_out.append(f"slaProperties/{index}: {each.get('property')} {value}")
