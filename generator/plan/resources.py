"""The CloudFormation resources of one product, and of the application that nests the domains."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from headgate.generator.model.product import Product
from headgate.generator.plan import grants, names
from headgate.generator.plan.machine import MachinePlan, token

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
        named = (value["Ref"] for value in self._values() if _refers(value))
        return {*self.placeholders, *named}

    def texts(self) -> dict[str, str]:
        """What is this product's own in its resources, by the names of the tokens that stand for it."""
        own = {"logical_id": self.logical_id, "id": self.id, "machine": self.machine, "file": self.definition_file}
        own |= {f"tag{number}": text for number, text in enumerate(self.tags.values())}
        texts = (
            value["Fn::Sub"] if isinstance(value, dict) else value for value in self._values() if not _refers(value)
        )
        return own | {f"value{number}": text for number, text in enumerate(texts)}

    def prototype(self) -> "ProductResources":
        """The same with tokens for its texts."""
        tokens = (token(f"value{number}") for number in count())

        def replaced(value: Any) -> Any:
            if _refers(value):
                return value
            return {"Fn::Sub": next(tokens)} if isinstance(value, dict) else next(tokens)

        statements = [
            {**each, "Resource": [*map(replaced, _listed(each))] if _several(each) else replaced(each["Resource"])}
            for each in self.statements
        ]
        return ProductResources(
            token("id"), token("logical_id"), token("machine"), token("file"), self.placeholders, statements,
            {name: token(f"tag{number}") for number, name in enumerate(self.tags)},
        )  # fmt: skip

    def shape(self) -> tuple[Any, ...]:
        """Equal for products whose resources differ in names and texts only: they have equal prototypes, and no linter can tell
        them apart."""
        return (
            self.placeholders,
            tuple(
                (each["Action"], _several(each), tuple(_form(value) for value in _listed(each)))
                for each in self.statements
            ),
        )

    def _values(self) -> Iterator[Any]:
        return (value for each in self.statements for value in _listed(each))


def _several(statement: grants.Statement) -> bool:
    return isinstance(statement["Resource"], list)


def _listed(statement: grants.Statement) -> list[Any]:
    """The resources of a statement, be it one or several."""
    return statement["Resource"] if _several(statement) else [statement["Resource"]]


def _refers(value: Any) -> bool:
    return isinstance(value, dict) and "Ref" in value


def _form(value: Any) -> str:
    return f"Ref {value['Ref']}" if _refers(value) else "Fn::Sub" if isinstance(value, dict) else "text"


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
