"""The CloudFormation resources of one product, and of the application that nests the domains."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from generator.model.product import Product
from generator.plan import grants, names
from generator.plan.machine import MachinePlan, token

# Every parameter a machine's placeholders can name, and those its stack needs besides.
PARAMETERS: dict[str, dict[str, Any]] = {
    "AlarmTopicArn": {"Type": "String", "Description": "SNS topic that is told when an execution fails."},
    "AlertTopicArn": {
        "Type": "String",
        "Description": "SNS topic that machines tell about outcomes; the alert function delivers.",
    },
    "CentralEventBusArn": {"Type": "String", "Description": "Bus for events of visibility `mesh`."},
    "DependencyGateFunctionArn": {"Type": "String", "Description": "Registers a waiting run and settles its deadline."},
    "DomainEventBusArn": {"Type": "String", "Description": "Bus for events of visibility `domain`."},
    "JobTrackerFunctionArn": {
        "Type": "String",
        "Description": "Records a job run and keeps the token that its end answers.",
    },
    "KeyArn": {"Type": "String", "Description": "The key that the alert topic is encrypted with."},
    "LogLevel": {
        "Type": "String",
        "Default": "ALL",
        "AllowedValues": ["ALL", "ERROR", "FATAL", "OFF"],
        "Description": "What the machines log; execution data never is.",
    },
    "LogRetentionDays": {
        "Type": "Number",
        "Default": 90,
        "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
        "Description": "How long the machines' logs are kept.",
    },
    "NamePrefix": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^[A-Za-z0-9_-]{0,16}$",
        "Description": "Stands before the name of every machine, to tell environments in one account apart.",
    },
    "OutcomeRecorderFunctionArn": {"Type": "String", "Description": "Records how a run ended."},
    "PipelineConfigurationFunctionArn": {"Type": "String", "Description": "Reads what to run, resolved for a run."},
}
# What the template that nests the domains takes besides.
APPLICATION_PARAMETERS: dict[str, dict[str, Any]] = {
    "Account": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^(\d{12})?$",
        "Description": "Only the domains of this account are deployed; empty: all of them.",
    },
    "Region": {"Type": "String", "Default": "", "Description": "The region that Account is meant in."},
}
ALWAYS = ("AlarmTopicArn", "LogLevel", "LogRetentionDays", "NamePrefix")


@dataclass(frozen=True, slots=True)
class ProductResources:
    """What the domain's template needs to know of one machine."""

    id: str
    logical_id: str
    machine: str
    definition_file: str
    placeholders: tuple[str, ...]
    statements: list[grants.Statement]
    tags: dict[str, str]

    def parameters(self) -> set[str]:
        """The parameters that its resources refer to, besides those that every template has."""
        named = {*self.placeholders}
        for each in self.statements:
            values = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
            named |= {value["Ref"] for value in values if isinstance(value, dict) and "Ref" in value}
        return named

    def texts(self) -> dict[str, str]:
        """What is this product's own in its resources, by the names of the tokens that stand for it."""
        own = {"logical_id": self.logical_id, "id": self.id, "machine": self.machine, "file": self.definition_file}
        own |= {f"tag{number}": text for number, text in enumerate(self.tags.values())}
        return own | {f"value{number}": text for number, text in enumerate(_values(self.statements))}

    def prototype(self) -> "ProductResources":
        """The same with tokens for its texts."""
        values = (token(f"value{number}") for number in count())
        return ProductResources(
            token("id"), token("logical_id"), token("machine"), token("file"), self.placeholders,
            [{**each, "Resource": _each(each["Resource"], lambda _: next(values))} for each in self.statements],
            {name: token(f"tag{number}") for number, name in enumerate(self.tags)},
        )  # fmt: skip

    def shape(self) -> tuple[Any, ...]:
        """Equal for products whose resources a linter cannot tell apart: only their names and texts differ."""
        return (
            self.placeholders,
            tuple(
                (each["Action"], isinstance(each["Resource"], list), _kinds(each["Resource"]))
                for each in self.statements
            ),
        )


def _each(resource: Any, replaced: Callable[[str], str]) -> Any:
    """The resources of a statement with their texts replaced; what they refer to stays."""
    if isinstance(resource, list):
        return [_each(each, replaced) for each in resource]
    if isinstance(resource, dict):
        return {key: value if key == "Ref" else replaced(value) for key, value in resource.items()}
    return replaced(resource)


def _values(statements: list[grants.Statement]) -> list[str]:
    values: list[str] = []

    def kept(text: str) -> str:
        values.append(text)
        return text

    for each in statements:
        _each(each["Resource"], kept)
    return values


def _kinds(resource: Any) -> tuple[str, ...]:
    values = resource if isinstance(resource, list) else [resource]
    return tuple(sorted({next(iter(each)) if isinstance(each, dict) else "text" for each in values}))


def resources_of(
    product: Product, plan: MachinePlan, placeholders: tuple[str, ...], called: grants.Calls
) -> ProductResources:
    """`placeholders` stand in the machine's definition; `called` is what it calls besides its steps' work."""
    return ProductResources(
        id=product.id,
        logical_id=names.logical_id(product.name),
        machine=plan.machine,
        definition_file=f"{product.name}.asl.json",
        placeholders=placeholders,
        statements=grants.statements(called, plan),
        tags={"domain": product.domain, "product": product.name, "owner": names.tag_value(product.owner)},
    )
