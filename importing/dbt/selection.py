"""Which nodes a selection in dbt's syntax names: https://docs.getdbt.com/reference/node-selection/syntax

Of its methods there are tag:, path:, package:, group:, resource_type:, source:, fqn: and the name alone, with `*` in names and `+` for what
is before (`+orders`) and behind (`orders+`). Words are a union, and `a,b` is an intersection.
"""

import re
from fnmatch import fnmatchcase

from headgate.importing.dbt.manifest import Manifest, Node, config, fqn_of, tags

METHODS = ("tag", "path", "package", "group", "resource_type", "source", "fqn")
_WORD = re.compile(r"(?P<before>\+)?(?:(?P<method>[a-z_.]+):)?(?P<value>[^+:]+)(?P<behind>\+)?")


def selected(manifest: Manifest, words: list[str]) -> set[str]:
    """The ids of the nodes. Raises ValueError, with a message for the user, for a word that names nothing."""
    found: set[str] = set()
    for word in " ".join(words).split():
        parts = [_of(manifest, each) for each in word.split(",")]
        chosen = set.intersection(*parts) & manifest.nodes.keys()
        if not chosen:
            raise ValueError(f"--select {word}: no model, seed or snapshot of the manifest")
        found |= chosen
    return found


def _of(manifest: Manifest, word: str) -> set[str]:
    match = _WORD.fullmatch(word)
    if match is None or (match["method"] and match["method"] not in METHODS):
        known = ", ".join(f"{each}:" for each in METHODS)
        raise ValueError(f"--select {word}: expected a name or one of {known}, with + before or behind it")
    method, value = match["method"] or ("path" if "/" in match["value"] else "fqn"), match["value"]
    everything = {**manifest.nodes, **manifest.ephemeral, **(manifest.sources if method == "source" else {})}
    found = {key for key, node in everything.items() if _matches(node, method, value)}
    if match["before"]:
        found |= _reached(found, {key: set(parents) for key, parents in manifest.parents.items()})
    if match["behind"]:
        children: dict[str, set[str]] = {}
        for key, parents in manifest.parents.items():
            for each in parents:
                children.setdefault(each, set()).add(key)
        found |= _reached(found, children)
    return found


def _matches(node: Node, method: str, value: str) -> bool:
    match method:
        case "tag":
            return any(fnmatchcase(each, value) for each in tags(node))
        case "path":
            path = node["original_file_path"].replace("\\", "/")
            return bool(path.startswith(f"{value.rstrip('/')}/") or fnmatchcase(path, value))
        case "package":
            return fnmatchcase(node["package_name"], value)
        case "group":
            return fnmatchcase(str(config(node).get("group") or node.get("group") or ""), value)
        case "resource_type":
            return bool(node["resource_type"] == value)
        case "source":
            name = str(node.get("source_name", ""))
            return node["resource_type"] == "source" and (
                fnmatchcase(name, value) or fnmatchcase(f"{name}.{node['name']}", value)
            )
    return _by_name(fqn_of(node), value)


def _by_name(fqn: list[str], value: str) -> bool:
    """By the last part, or by parts from the beginning, with or without the package."""
    if fnmatchcase(fqn[-1], value) or fnmatchcase(".".join(fqn[-2:]), value):
        return True
    wanted = value.split(".")
    return any(
        len(wanted) <= len(each) and all(map(fnmatchcase, each[: len(wanted)], wanted)) for each in (fqn, fqn[1:])
    )


def _reached(start: set[str], steps: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = list(start)
    while left:
        for each in steps.get(left.pop(), set()) - found:
            found.add(each)
            left.append(each)
    return found
