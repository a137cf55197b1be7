"""The manifest of a dbt project, as far as an import reads it: https://schemas.getdbt.com/dbt/manifest/v12.json and the versions before it."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headgate.importing.shapes import check
from headgate.importing.source_file import Problem, SourceError, described

VERSIONS = range(9, 13)  # dbt 1.5 to 1.11
EXPECTED = "the manifest.json of dbt 1.5 or later, as `dbt parse` writes it into target/"
BUILT = ("model", "seed", "snapshot")  # what `dbt build` makes tables and views of
Node = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """Nodes by their unique id. `nodes` are those that are built; models that are ephemeral are part of those that use them."""

    nodes: dict[str, Node]
    ephemeral: dict[str, Node]
    tests: dict[str, Node]
    operations: dict[str, Node]
    sources: dict[str, Node]
    exposures: dict[str, Node]
    saved_queries: dict[str, Node]
    groups: dict[str, Node]
    disabled: int
    project: str

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """The nodes and sources that each node is made of, through ephemeral models."""
        return {each: self.parents_of(node) for each, node in self.nodes.items()}

    def is_unique(self, name: str) -> bool:
        """Whether a selection by this name names one node only: a name may also be that of a folder."""
        return self._named[name] == 1

    @cached_property
    def _named(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for each in (*self.nodes.values(), *self.ephemeral.values()):
            fqn = fqn_of(each)
            counted.update({fqn[-1], ".".join(fqn[-2:]), *fqn[:2]})
        return counted

    def parents_of(self, node: Node) -> tuple[str, ...]:
        found: dict[str, None] = {}
        left, seen = list(reversed(named(node))), set[str]()
        while left:
            each = left.pop()
            if each in self.ephemeral and each not in seen:
                seen.add(each)
                left += reversed(named(self.ephemeral[each]))
            elif each in self.nodes or each in self.sources:
                found[each] = None
        return tuple(found)

    def owner(self, node: Node) -> tuple[str, str]:
        """Name and e-mail address of the node's owner, from its group or from `meta`; empty if nobody says it."""
        group = config(node).get("group") or node.get("group")
        for each in self.groups.values():
            if each.get("name") == group and isinstance(each.get("owner"), dict):
                owner = each["owner"]
                return str(owner.get("name") or group), _one(owner.get("email"))
        meta = {**(config(node).get("meta") or {}), **(node.get("meta") or {})}
        return _one(meta.get("owner")), ""


def parsed(value: Any, file: str) -> Manifest:
    """The manifest in the file's JSON value. Raises `SourceError`."""
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise SourceError(Problem(file, "", described(value), EXPECTED))
    stated = str(value["metadata"].get("dbt_schema_version", ""))
    match = re.search(r"/dbt/([a-z-]+)/v([0-9]+)", stated)
    if match is None or match[1] != "manifest" or int(match[2]) not in VERSIONS:
        found = f"{match[1]} v{match[2]}" if match else described(value["metadata"])
        hint = "Run `dbt parse` with dbt 1.5 or later." if match and match[1] == "manifest" else ""
        wanted = f"{EXPECTED}: manifest v{VERSIONS[0]} to v{VERSIONS[-1]}"
        raise SourceError(Problem(file, "/metadata/dbt_schema_version", found, wanted, hint))
    check(value, "dbt", file)
    nodes: dict[str, Node] = dict(sorted(value["nodes"].items()))
    built = {key: each for key, each in nodes.items() if each["resource_type"] in BUILT}
    disabled = value.get("disabled") or {}
    return Manifest(
        nodes={key: each for key, each in built.items() if config(each).get("materialized") != "ephemeral"},
        ephemeral={key: each for key, each in built.items() if config(each).get("materialized") == "ephemeral"},
        tests={key: each for key, each in nodes.items() if each["resource_type"] == "test"},
        operations={key: each for key, each in nodes.items() if each["resource_type"] == "operation"},
        sources=dict(sorted(value["sources"].items())),
        exposures=dict(sorted((value.get("exposures") or {}).items())),
        saved_queries=dict(sorted((value.get("saved_queries") or {}).items())),
        groups=dict(sorted((value.get("groups") or {}).items())),
        disabled=sum(len(each) if isinstance(each, list) else 1 for each in disabled.values()),
        project=str(value["metadata"].get("project_name") or _common_package(built)),
    )


def config(node: Node) -> dict[str, Any]:
    found = node.get("config")
    return found if isinstance(found, dict) else {}


def tags(node: Node) -> list[str]:
    """Without repetition, in the order of the manifest."""
    return list(dict.fromkeys(str(each) for each in [*(node.get("tags") or []), *_listed(config(node).get("tags"))]))


def named(node: Node) -> list[str]:
    """The ids that the node depends on."""
    return [str(each) for each in (node.get("depends_on") or {}).get("nodes") or ()]


def fqn_of(node: Node) -> list[str]:
    """Package, folders and name."""
    return [str(each) for each in node.get("fqn") or [node["package_name"], node["name"]]]


def hours(period: Any) -> float | None:
    """Of `{count: 12, period: hour}`."""
    if not isinstance(period, dict) or not period.get("count"):
        return None
    return float(period["count"]) * {"minute": 1 / 60, "hour": 1, "day": 24}.get(str(period.get("period")), 24)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _one(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value) if isinstance(value, str) else ""


def _common_package(nodes: dict[str, Node]) -> str:
    names = sorted(each["package_name"] for each in nodes.values())
    return max(dict.fromkeys(names), key=names.count, default="dbt")
