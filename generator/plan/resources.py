"""The CloudFormation resources of one product, and of the application that nests the domains."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from headgate.generator.model.product import Product
from headgate.generator.plan import grants, names
from headgate.generator.plan.states import Call

# Every parameter a machine's placeholders can name, and those its stack needs besides.
PARAMETERS: dict[str, dict[str, Any]] = {
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
ALWAYS = ("LogLevel", "LogRetentionDays", "NamePrefix")


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
        named = (value["Ref"] for value in self.values() if isinstance(value, dict) and "Ref" in value)
        return {*self.placeholders, *named}

    def values(self) -> Iterator[Any]:
        """The resources of all statements, one by one."""
        return (value for each in self.statements for value in grants.listed(each["Resource"]))


def resources_of(product: Product, placeholders: tuple[str, ...], calls: Iterable[Call]) -> ProductResources:
    """`placeholders` stand in the machine's definition; `calls` are all that its states make."""
    return ProductResources(
        id=product.id,
        logical_id=names.logical_id(product.name),
        machine=names.machine_name(product),
        definition_file=f"{product.name}.asl.json",
        placeholders=placeholders,
        statements=grants.statements(calls),
        tags={"domain": product.domain, "product": product.name, "owner": names.tag_value(product.owner)},
    )
