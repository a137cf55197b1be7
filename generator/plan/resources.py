"""The CloudFormation resources of one product, and of the application that nests the domains."""

from dataclasses import dataclass
from typing import Any

from generator.model.product import Product
from generator.plan import grants, names
from generator.plan.machine import MachinePlan

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

    def shape(self) -> tuple[Any, ...]:
        """Equal for products whose resources a linter cannot tell apart: only their names and texts differ."""
        return (
            self.placeholders,
            tuple(
                (each["Action"], isinstance(each["Resource"], list), _kinds(each["Resource"]))
                for each in self.statements
            ),
        )


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
