"""Which nodes of a dbt project make one product.

A product of a folder, a tag or a schema is the part of the project that a team runs at once. Parts that would wait for each other are
divided into stages: `finance` and, for what needs it again later, `finance-2`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from headgate.importing.dbt.manifest import Manifest, Node, config, tags

ROOTS = ("models", "snapshots", "seeds")  # what the paths of most projects begin with
Group = tuple[str, str, int]  # domain, name and stage


@dataclass(frozen=True, slots=True)
class Options:
    """`by` is what makes a product, `domain_from` what makes a domain; `domain` is the one for all, without `domain_from`."""

    by: str = "folder"
    domain: str = ""
    domain_from: str = ""


BY: dict[str, Callable[[Manifest, Node], str]] = {
    "model": lambda manifest, node: _unique(manifest, node),
    "folder": lambda manifest, node: "/".join(_folders(manifest, node)) or node["package_name"],
    "tag": lambda _, node: (tags(node) or ["untagged"])[0],
    "schema": lambda _, node: str(node.get("schema") or "no-schema"),
    "group": lambda _, node: str(config(node).get("group") or node.get("group") or "ungrouped"),
}
DOMAIN_FROM: dict[str, Callable[[Manifest, Node], str]] = {
    **{key: each for key, each in BY.items() if key not in ("model", "folder")},
    "folder": lambda manifest, node: (_folders(manifest, node) or [node["package_name"]])[0],
    "package": lambda _, node: str(node["package_name"]),
}


def grouped(manifest: Manifest, chosen: set[str], options: Options) -> dict[Group, list[str]]:
    """The nodes of each product, in the order in which dbt builds them. The products have no cycle."""
    where = {key: _named(manifest, key, options) for key in manifest.nodes if key in chosen}
    order = built_in(manifest, list(where))
    tangled = _tangled(manifest, where)
    stages: dict[str, int] = {}
    for key in order:
        stages[key] = 0
        if where[key] in tangled:
            before = [each for each in manifest.parents[key] if each in stages]
            stages[key] = max((stages[each] + (where[each] != where[key]) for each in before), default=0)
    _without_gaps(order, where, stages)
    groups: dict[Group, list[str]] = {}
    for key in order:
        groups.setdefault((*where[key], stages[key]), []).append(key)
    return dict(sorted(groups.items()))


def built_in(manifest: Manifest, keys: list[str]) -> list[str]:
    """The nodes with every node after its parents; equal ones by their id."""
    inside, done, left = set(keys), dict[str, None](), sorted(keys)
    while left:
        ready = [
            each for each in left if all(parent in done or parent not in inside for parent in manifest.parents[each])
        ]
        done.update(dict.fromkeys(ready or left))  # a cycle, which dbt itself does not accept
        left = [each for each in left if each not in done]
    return list(done)


def domain_of(manifest: Manifest, node: Node, options: Options) -> str:
    return (
        DOMAIN_FROM[options.domain_from](manifest, node) if options.domain_from else options.domain or manifest.project
    )


def _named(manifest: Manifest, key: str, options: Options) -> tuple[str, str]:
    node = manifest.nodes[key]
    domain, name = domain_of(manifest, node, options), BY[options.by](manifest, node)
    if options.domain_from == options.by == "folder" and name.startswith(f"{domain}/"):
        name = name.removeprefix(f"{domain}/")  # the domain says it
    return domain, name


def _tangled(manifest: Manifest, where: dict[str, tuple[str, str]]) -> set[tuple[str, str]]:
    """The parts that are in a cycle with each other."""
    before: dict[tuple[str, str], set[tuple[str, str]]] = {each: set() for each in where.values()}
    for key, part in where.items():
        before[part] |= {where[each] for each in manifest.parents[key] if each in where and where[each] != part}

    def reached(part: tuple[str, str]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        left = [part]
        while left:
            for each in before[left.pop()] - found:
                found.add(each)
                left.append(each)
        return found

    return {part for part in before if part in reached(part)}


def _without_gaps(order: list[str], where: dict[str, tuple[str, str]], stages: dict[str, int]) -> None:
    """Numbers the stages of each part 0, 1, 2; the order of any two stays."""
    used: dict[tuple[str, str], set[int]] = {}
    for key in order:
        used.setdefault(where[key], set()).add(stages[key])
    for key in order:
        stages[key] = sorted(used[where[key]]).index(stages[key])


def _folders(manifest: Manifest, node: Node) -> list[str]:
    """The folders of the node's file below `models`; of seeds and snapshots with theirs; of an installed package with its name."""
    folders = list(PurePosixPath(node["original_file_path"].replace("\\", "/")).parent.parts)
    if folders and folders[0] in ROOTS:
        folders = folders[1:] if folders[0] == "models" else folders
    own = node["package_name"] == manifest.project or _alone(manifest)
    return folders if own else [node["package_name"], *folders]


def _alone(manifest: Manifest) -> bool:
    return len({each["package_name"] for each in manifest.nodes.values()}) == 1


def _unique(manifest: Manifest, node: Node) -> str:
    version = f"-v{node['version']}" if node.get("version") is not None else ""
    return f"{node['name']}{version}"
