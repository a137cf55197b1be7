"""The CloudFormation resources of one product, and of the application that nests the domains."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from headgate.generator.model.product import Product
from headgate.generator.plan import grants, names
from headgate.generator.plan.states import Call

# Every parameter a machine's placeholders can name, and those its stack needs besides. The root template gives each of them, and says
# which values they may have.
PARAMETERS: dict[str, dict[str, Any]] = {
    "AlertTopicArn": {
        "Type": "String",
        "Description": "SNS topic to which machines publish outcomes; the alert function delivers them.",
    },
    "CentralEventBusArn": {"Type": "String", "Description": "Bus for events of visibility `mesh`."},
    "DependencyGateFunctionArn": {
        "Type": "String",
        "Description": "Registers a waiting run and resolves its missed deadline.",
    },
    "DomainEventBusArn": {"Type": "String", "Description": "Bus for events of visibility `domain`."},
    "JobTrackerFunctionArn": {
        "Type": "String",
        "Description": "Records a job run and keeps the token that its end answers.",
    },
    "KeyArn": {"Type": "String", "Description": "The key that the alert topic is encrypted with."},
    "LogLevel": {"Type": "String", "Description": "What the machines log; execution data never is."},
    "LogRetentionDays": {"Type": "Number", "Description": "How long the machines' logs are kept."},
    "NamePrefix": {
        "Type": "String",
        "Description": "Stands before the name of every machine and rule; two stacks in one account need two prefixes.",
    },
    "OutcomeRecorderFunctionArn": {"Type": "String", "Description": "Records how a run ended."},
    "PipelineConfigurationFunctionArn": {
        "Type": "String",
        "Description": "Begins a run's pipeline; returns its steps, filled in for the run.",
    },
}
# What the template that nests the domains takes besides.
APPLICATION_PARAMETERS: dict[str, dict[str, Any]] = {
    "Account": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^(\d{12})?$",
        "Description": "Only the domains of this account are deployed; empty: all of them.",
    },
    "Region": {"Type": "String", "Default": "", "Description": "The region of Account."},
    "JobStatusQueueArn": {
        "Type": "String",
        "Description": "Queue of the job status function: ends of the steps' work.",
    },
    "JobStatusRoleName": {"Type": "String", "Description": "Role of the job status function."},
    "JobTrackerRoleName": {"Type": "String", "Description": "Role of the job tracker function."},
    "MonitorRoleName": {"Type": "String", "Description": "Role of the monitor function."},
    "UndeliveredEventsArn": {"Type": "String", "Description": "Queue for events that could not be delivered."},
}
WATCHERS = ("JobStatusRoleName", "JobTrackerRoleName", "MonitorRoleName")  # they ask the services of step types
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
