"""Workflows, triggers, jobs and crawlers of Glue: answers of its API as JSON, or the resources of a CloudFormation template.

Shapes: https://docs.aws.amazon.com/glue/latest/webapi/API_GetWorkflow.html, API_GetTriggers and API_GetJobs.
"""

from dataclasses import dataclass, field
from typing import Any

from headgate.importing.shapes import check
from headgate.importing.source_file import Problem, SourceError, described

Item = dict[str, Any]
EXPECTED = "the answer of `aws glue get-workflow --include-graph`, `batch-get-workflows`, `get-triggers` or `get-jobs`, or a CloudFormation template with AWS::Glue::Trigger"
LISTS = {"Workflows": "workflows", "Triggers": "triggers", "Jobs": "jobs"}
TYPES = {"AWS::Glue::Workflow": "workflows", "AWS::Glue::Trigger": "triggers", "AWS::Glue::Job": "jobs"}


@dataclass(slots=True)
class Export:
    """Everything by its name. Several files add up."""

    workflows: dict[str, Item] = field(default_factory=dict)
    triggers: dict[str, Item] = field(default_factory=dict)
    jobs: dict[str, Item] = field(default_factory=dict)

    def add(self, kind: str, item: Any, file: str, at: str) -> None:
        check(item, "glue", file, at)
        if kind == "triggers" and not ("Type" in item and "Actions" in item):
            raise SourceError(Problem(file, at, described(item), "a trigger with `Type` and `Actions`"))
        getattr(self, kind)[item["Name"]] = item
        for number, node in enumerate((item.get("Graph") or {}).get("Nodes") or ()):
            place = f"{at}/Graph/Nodes/{number}"
            if node.get("Type") == "TRIGGER" and node.get("TriggerDetails"):
                self.add("triggers", {**node["TriggerDetails"].get("Trigger", {}), "WorkflowName": item["Name"]}, file, place)  # fmt: skip


def read(value: Any, file: str, into: Export) -> None:
    """Adds what the JSON value of a file holds. Raises `SourceError`."""
    if not isinstance(value, dict):
        raise SourceError(Problem(file, "", described(value), EXPECTED))
    if isinstance(value.get("Resources"), dict):
        known = [(key, each) for key, each in value["Resources"].items() if isinstance(each, dict) and each.get("Type") in TYPES]  # fmt: skip
        for key, each in known:
            properties = {"Name": key, **(each.get("Properties") or {})}
            into.add(TYPES[each["Type"]], properties, file, f"/Resources/{key}")
        if known:
            return
    found = False
    for name, kind in LISTS.items():
        single = name.removesuffix("s")
        if single in value:
            into.add(kind, value[single], file, f"/{single}")
            found = True
        for number, each in enumerate(value.get(name) or ()):
            into.add(kind, each, file, f"/{name}/{number}")
        found = found or name in value
    if not found:
        raise SourceError(Problem(file, "", described(value), EXPECTED))
