"""A dbt project as products: each builds a part of it when the parts and sources before it have been refreshed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headgate.importing.dbt.commands import Launch, steps
from headgate.importing.dbt.grouping import Group, Options, domain_of, grouped
from headgate.importing.dbt.manifest import Manifest, Node, config, hours
from headgate.importing.dbt.notes import notes
from headgate.importing.names import Names
from headgate.importing.result import Document, Imported, Kind, Note, Product
from headgate.importing.texts import duration, one_line


@dataclass(frozen=True, slots=True)
class Settings:
    """How a project is imported. `schedule` opens the runs of products that no other product opens."""

    options: Options = field(default_factory=Options)
    launch: Launch = field(default_factory=Launch)
    schedule: Document = field(default_factory=dict)
    sources_by: str = "source"  # or "table"


def products(manifest: Manifest, chosen: set[str], settings: Settings) -> Imported:
    """The chosen nodes as products, with an external product for every source of data that they need."""
    return _Import(manifest, chosen, settings).result()


class _Import:
    def __init__(self, manifest: Manifest, chosen: set[str], settings: Settings) -> None:
        self.manifest, self.settings = manifest, settings
        self.groups = grouped(manifest, chosen, settings.options)
        self.whole = grouped(manifest, set(manifest.nodes), settings.options)
        self.names: dict[str, Names] = {}
        self.domains = Names()
        self.ids = {group: self._id(group) for group in self.whole | self.groups}
        self.group_of = {key: group for group, keys in (self.whole | self.groups).items() for key in keys}
        self.used_sources: dict[tuple[str, str], list[Node]] = {}
        self.found: list[Note] = []

    def result(self) -> Imported:
        made = [self._product(group, keys) for group, keys in self.groups.items()]
        made += [self._stand_in(each) for each in sorted(self._missing())]
        made += [self._source(key, tables) for key, tables in sorted(self.used_sources.items())]
        if self.settings.launch.by == "ecs":
            text = "`roles` of the steps: name the task role and the execution role of the task definition"
            text += "" if self.settings.launch.subnets else "; `subnets`: FARGATE needs them (--subnets)"
            self.found.append(Note("", f"project {self.manifest.project}", Kind.TO_DO, text))
        where = {key: self.ids[self.group_of[key]] for keys in self.groups.values() for key in keys}
        return Imported.of(made, [*self.found, *notes(self.manifest, where, bool(self.settings.schedule))])

    def _id(self, group: Group) -> str:
        domain, name, stage = group
        own = self.domains.of(domain)
        text = f"{name}-{stage + 1}" if stage else name
        return f"{own}/{self.names.setdefault(own, Names()).of(f'{name}/{stage}', text)}"

    def _product(self, group: Group, keys: list[str]) -> Product:
        nodes = [self.manifest.nodes[key] for key in keys]
        upstream = self._upstream(keys)
        inside = any("product" in each and not self._is_source(each["product"]) for each in upstream)
        domain, name = self.ids[group].split("/")
        owner, email = next((found for found in map(self.manifest.owner, nodes) if found[0]), ("", ""))
        document: Document = {"description": self._description(group, nodes)}
        document |= {"owner": one_line(owner, "")} if owner else {}
        document |= {"email": email} if email else {}
        document |= {"schedule": self.settings.schedule} if self.settings.schedule and not inside else {}
        if upstream:
            operator = "any_of" if self._any(nodes) else "all_of"
            document["depends_on"] = {operator: [each if len(each) > 1 else each["product"] for each in upstream]}
        document["pipeline"] = {"steps": steps(self.manifest, keys, self.settings.launch)}
        what = f"{len(nodes)} nodes of the dbt project {self.manifest.project}"
        if len(nodes) == 1:
            what = f"the {nodes[0]['resource_type']} {nodes[0]['name']} of the dbt project {self.manifest.project}"
        if group[2]:
            text = f"is a stage of {group[1]}, which needs products that need an earlier stage of it"
            self.found.append(Note(self.ids[group], f"{self.settings.options.by} {group[1]}", Kind.CHANGED, text))
        if not upstream and not self.settings.schedule:
            text = "has no source and no upstream in dbt, so nothing opens its runs: give it a schedule, or import with --schedule"
            self.found.append(Note(self.ids[group], what, Kind.TO_DO, text))
        return Product(domain, name, document, f"{what}")

    def _upstream(self, keys: list[str]) -> list[dict[str, Any]]:
        """The dependencies of a part, by their names."""
        own = set(keys)
        own_ids = {self.ids[self.group_of[key]] for key in keys}
        found: dict[str, dict[str, Any]] = {}
        for each in sorted({parent for key in keys for parent in self.manifest.parents[key]} - own):
            if each in self.manifest.sources:
                leaf = self._from_source(self.manifest.sources[each])
                older = found.get(leaf["product"], leaf)
                found[leaf["product"]] = leaf if "max_age" not in older else older
                continue
            name = self.ids[self.group_of[each]]
            if name in own_ids:
                text = "is part of this product and was not selected, so it is not built"
                self.found.append(Note(name, f"node {self.manifest.nodes[each]['name']}", Kind.LEFT_OUT, text))
            else:
                found[name] = {"product": name}
        return [found[name] for name in sorted(found)]

    def _from_source(self, node: Node) -> dict[str, Any]:
        options = self.settings.options
        by_node = options.domain_from in ("", "package", "schema")  # a source has no folder, tag or group of its own
        domain = self.domains.of(domain_of(self.manifest, node, options) if by_node else options.domain or self.manifest.project)  # fmt: skip
        text = str(node.get("source_name") or node["name"])
        if self.settings.sources_by == "table":
            text = f"{text}-{node['name']}"
        name = self.names.setdefault(domain, Names()).of(f"source {text}", text)
        self.used_sources.setdefault((domain, name), []).append(node)
        age = _most_hours(node)
        return {"product": f"{domain}/{name}", **({"max_age": duration(age * 3600)} if age and age > 24 else {})}

    def _is_source(self, product: str) -> bool:
        domain, name = product.split("/")
        return (domain, name) in self.used_sources

    def _source(self, key: tuple[str, str], nodes: list[Node]) -> Product:
        tables = {each["name"]: each for each in nodes}
        first = nodes[0]
        loader = str(first.get("loader") or "")
        by = f", loaded by {loader}" if loader else ""
        shown = f"{len(tables)} tables" if len(tables) > 1 else f"the table {first['name']}"
        otherwise = f"{shown} of the source {first.get('source_name')}{by}"
        text = str(first.get("source_description") or "") if len(tables) > 1 else str(first.get("description") or "")
        document: Document = {"description": one_line(text, otherwise)}
        owner, email = self.manifest.owner(first)
        document |= {"owner": one_line(owner, "")} if owner else {}
        document |= {"email": email} if email else {}
        ages = [age for age in map(_most_hours, tables.values()) if age]
        daily = bool(ages) and max(ages) <= 24
        if daily and self.settings.schedule:
            document["schedule"] = self.settings.schedule  # expected by the time at which dbt was run
        product = Product(*key, document, f"the source {first.get('source_name')} of dbt ({shown}{by})")
        who = loader or "what loads it"
        text = f"{who} has to publish its refresh event, or give it `files`, when the tables {_few(sorted(tables))} are loaded"
        self.found.append(Note(product.id, f"source {first.get('source_name')}", Kind.TO_DO, text))
        if daily and not self.settings.schedule:
            text = f"freshness of {max(ages):g} hours: state by `schedule` when it is expected"
            self.found.append(Note(product.id, f"source {first.get('source_name')}", Kind.TO_DO, text))
        return product

    def _missing(self) -> Iterator[Group]:
        """The parts that imported ones need and that were not selected."""
        needed = {parent for keys in self.groups.values() for key in keys for parent in self.manifest.parents[key]}
        chosen = {self.ids[group] for group in self.groups}
        yield from {
            self.group_of[each]
            for each in needed
            if each in self.group_of and self.ids[self.group_of[each]] not in chosen
        }

    def _stand_in(self, group: Group) -> Product:
        domain, name = self.ids[group].split("/")
        text = "was not selected: it is external until it is imported as well, and then needs --replace"
        self.found.append(Note(self.ids[group], f"{self.settings.options.by} {group[1]}", Kind.LEFT_OUT, text))
        document = {
            "description": f"The part {group[1]} of the dbt project {self.manifest.project}, which was not imported"
        }
        return Product(domain, name, document, "a part of the dbt project that was not selected", stand_in=True)

    def _description(self, group: Group, nodes: list[Node]) -> str:
        if len(nodes) == 1:
            return one_line(
                str(nodes[0].get("description") or ""),
                f"{nodes[0]['name'].replace('_', ' ').capitalize()}, built by dbt",
            )
        names = sorted(each["name"] for each in nodes)
        return one_line(f"{group[1].capitalize()} of {self.manifest.project}: {_few(names)}", "")

    def _any(self, nodes: list[Node]) -> bool:
        """Whether a model says that one refreshed parent is enough to build it."""
        if len(nodes) > 1:
            return False
        after = (config(nodes[0]).get("freshness") or {}).get("build_after") or {}
        return bool(after.get("updates_on") == "any")


def _most_hours(source: Node) -> float | None:
    """How old the data may be before dbt reports an error, or else a warning."""
    freshness = source.get("freshness") or config(source).get("freshness") or {}
    return hours(freshness.get("error_after")) or hours(freshness.get("warn_after"))


def _few(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
