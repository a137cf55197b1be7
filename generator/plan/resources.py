"""The CloudFormation resources of one product, and of the application that nests the domains."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from headgate.generator.model.product import Product
from headgate.generator.plan import grants, names
from headgate.generator.plan.states import Call


def _text(description: str, **more: str) -> dict[str, Any]:
    return {"Type": "String", **more, "Description": description}


# Every parameter a machine's placeholders can name, and those its stack needs besides. The root template gives each of them, and says
# which values they may have.
PARAMETERS: dict[str, dict[str, Any]] = {
    "AlertTopicArn": _text("SNS topic to which machines publish outcomes; the alert function delivers them."),
    "BatchesBucketName": _text("Bucket of what jobs that load files read and write."),
    "CentralEventBusArn": _text("Bus for events of visibility `mesh`."),
    "CodeBucketName": _text("Bucket of the files that ship with products."),
    "DependencyGateFunctionArn": _text("Registers a waiting run and resolves its missed deadline."),
    "DomainEventBusArn": _text("Bus for events of visibility `domain`."),
    "FileBatchesFunctionArn": _text("Plans the batches of a product's files, and records what became of each file."),
    "JobTrackerFunctionArn": _text("Records a job run and keeps the token that its end answers."),
    "KeyArn": _text("The key that the alert topic is encrypted with."),
    "LogLevel": _text("What the machines log; execution data never is."),
    "LogRetentionDays": {"Type": "Number", "Description": "How long the machines' logs are kept."},
    "NamePrefix": _text(
        "Stands before the name of every machine and rule; two stacks in one account need two prefixes."
    ),
    "OutcomeRecorderFunctionArn": _text("Records how a run ended."),
    "PipelineConfigurationFunctionArn": _text("Begins a run's pipeline; returns its steps, filled in for the run."),
}
# What the template that nests the domains takes besides.
APPLICATION_PARAMETERS: dict[str, dict[str, Any]] = {
    "Account": _text(
        "Only the domains of this account are deployed; empty: all of them.", Default="", AllowedPattern=r"^(\d{12})?$"
    ),
    "Region": _text("The region of Account.", Default=""),
    "FilesQueueArn": _text("Queue of the landing function: files that have landed."),
    "FilesQueueUrl": _text("Its URL."),
    "JobStatusQueueArn": _text("Queue of the job status function: ends of the steps' work."),
    "RefreshEventsQueueArn": _text("Queue of the refresh event processor, which signals come to as well."),
    "OtherStacks": _text(
        "`deployed` where `headgate deploy` makes further stacks of the data products.", Default="none"
    ),
    "FileBatchesRoleName": _text("Role of the file batches function."),
    "OperateRoleName": _text("Role of the function for operators."),
    "JobStatusRoleName": _text("Role of the job status function."),
    "JobTrackerRoleName": _text("Role of the job tracker function."),
    "LandingRoleName": _text("Role of the landing function."),
    "MonitorRoleName": _text("Role of the monitor function."),
    "OutcomeRecorderRoleName": _text("Role of the outcome recorder function."),
    "UndeliveredEventsArn": _text("Queue for events that could not be delivered."),
}
WATCHERS = (
    "FileBatchesRoleName",
    "JobStatusRoleName",
    "JobTrackerRoleName",
    "MonitorRoleName",
    "OperateRoleName",
    "OutcomeRecorderRoleName",
)  # they ask the services of step types
PARTITION = "Partition"  # the placeholder of the partition in machines
# Placeholders in machines that no parameter gives, and what CloudFormation calls their values.
KNOWN = {PARTITION: "AWS::Partition", "Region": "AWS::Region", "AccountId": "AWS::AccountId"}
REFERENCE = re.compile(r'"Ref":"(\w+)"|\$\{(\w+)\}')
NOTHING: Mapping[str, Any] = {}
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
    deployed: dict[str, Any] = field(default_factory=dict)  # what its steps ship, by logical id

    def parameters(self) -> set[str]:
        """The parameters that its resources refer to, besides those that every template has."""
        named = (value["Ref"] for value in self.values() if isinstance(value, dict) and "Ref" in value)
        of_deployed = REFERENCE.findall(orjson.dumps(self.deployed).decode()) if self.deployed else ()
        ours = {*self.placeholders, *named, *(name for pair in of_deployed for name in pair if name in PARAMETERS)}
        return ours - KNOWN.keys()

    def values(self) -> Iterator[Any]:
        """The resources of all statements, one by one."""
        return (value for each in self.statements for value in grants.listed(each["Resource"]))


def resources_of(
    product: Product, placeholders: tuple[str, ...], calls: Iterable[Call], deployed: Mapping[str, Any] = NOTHING
) -> ProductResources:
    """`placeholders` stand in the machine's definition; `calls` are all that its states make; `deployed` is what its steps ship."""
    machine = names.machine_name(product)
    named = (replace(each, resource=each.resource.replace(names.MACHINE, machine)) for each in calls)
    return ProductResources(
        id=product.id,
        logical_id=names.logical_id(product.name),
        machine=machine,
        definition_file=f"{product.name}.asl.json",
        placeholders=placeholders,
        statements=grants.statements(named),
        tags=tags_of(product),
        deployed=dict(deployed),
    )


def tags_of(product: Product) -> dict[str, str]:
    """The tags of everything that is a product's own."""
    return {"domain": product.domain, "product": product.name, "owner": names.tag_value(product.owner)}


def among_others(own: ProductResources) -> ProductResources:
    """The same in a template of several domains, where two products may have the same name."""
    return replace(own, logical_id=names.unique_logical_id(own.id), definition_file=f"../{own.id}.asl.json")
