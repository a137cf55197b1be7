"""What differs between a step of two catalogs, by meaning, in sentences."""

import difflib
from collections.abc import Iterator, Set
from typing import Any

import orjson

from headgate.generator.model.arguments import Path, leaves
from headgate.generator.model.definition import CONTENT
from headgate.generator.model.duration import spoken
from headgate.generator.steps import step_types

Entry = dict[str, Any]


def step_changes(old: Entry, new: Entry) -> Iterator[str]:
    """The sentences about a step of both catalogs."""
    for key in ("type", "resource", "timeout"):
        if old[key] != new[key]:
            yield f"{'runs' if key == 'resource' else key} {shown(old[key], key)} -> {shown(new[key], key)}"
    texts = step_types()[new["type"]].note("texts", {}) if new["type"] in step_types() else {}
    from_files = {key for name, key in texts.items() if name in old["settings"] and name in new["settings"]}
    for name, key in texts.items():
        if key in from_files and old["arguments"][key] != new["arguments"][key]:
            yield f"{name} {new['settings'][name]} changed ({_lines(old['arguments'][key], new['arguments'][key])})"
    yield from _different("argument ", old["arguments"], new["arguments"], from_files)
    yield from _files(old, new)
    for key in sorted(old["settings"].keys() | new["settings"].keys()):
        was, now = old["settings"].get(key), new["settings"].get(key)
        if was != now and key == CONTENT and was and now:
            yield from _definition(was, now)
        elif was != now and key == "instances" and was and now:
            yield from _instances(was, now)
        elif was != now and (_is_nested(was) or _is_nested(now)):
            yield from _different("", {} if was is None else {key: was}, {} if now is None else {key: now})
        elif was != now:
            yield f"{key} {shown(was)} -> {shown(now)}"
    if old["retry"] is None or new["retry"] is None:
        if old["retry"] != new["retry"]:
            yield f"retry attempts {(old['retry'] or {'attempts': 0})['attempts']} -> {(new['retry'] or {'attempts': 0})['attempts']}"
    else:
        for key in ("attempts", "interval", "backoff", "max_delay"):
            if old["retry"][key] != new["retry"][key]:
                yield f"retry {key} {shown(old['retry'][key], key)} -> {shown(new['retry'][key], key)}"


def _definition(old: Entry, new: Entry) -> Iterator[str]:
    """The states of a definition that differ."""
    was, now = old["States"], new["States"]
    kinds = {
        "changed": [name for name in now if name in was and was[name] != now[name]],
        "new": [name for name in now if name not in was],
        "removed": [name for name in was if name not in now],
    }
    parts = [f"{', '.join(names)} {kind}" for kind, names in kinds.items() if names]
    parts += [f"starts with {new['StartAt']}"] if old["StartAt"] != new["StartAt"] else []
    yield f"definition changed: {'; '.join(parts)}"


def _instances(old: Entry, new: Entry) -> Iterator[str]:
    """The groups of instances that differ."""
    for group in sorted(old.keys() | new.keys()):
        if old.get(group) != new.get(group):
            yield f"{group} {_group(old.get(group))} -> {_group(new.get(group))}"


def _group(given: Any) -> str:
    """`4 x r6g.2xlarge, spot, disk 100 GiB`; a type alone is one instance of it."""
    if given is None:
        return "none"
    group = {"type": given} if isinstance(given, str) else given
    parts = [f"{group.get('count', 1)} x {group['type']}"]
    parts += ["spot"] if group.get("spot") else []
    parts += [f"disk {group['disk']} GiB"] if "disk" in group else []
    return ", ".join(parts)


def _different(what: str, old: Any, new: Any, apart: Set[str] = frozenset()) -> Iterator[str]:
    were, are = _parts(old, apart), _parts(new, apart)
    for key in sorted(were.keys() | are.keys()):
        if were.get(key, "none") != are.get(key, "none"):
            yield f"{what}{key} {were.get(key, 'none')} -> {are.get(key, 'none')}"


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict | list) for each in value))


def _files(old: Entry, new: Entry) -> Iterator[str]:
    """The files that the step ships with another content. Their names are settings; a key is `<domain>/<product>/<digest>/<name>`."""
    changed = []
    for name in sorted(old.get("code", {}).keys() & new.get("code", {}).keys()):
        was, now = (
            {key.rsplit("/", 1)[1]: key.split("/")[2] for key in ([given] if isinstance(given, str) else given)}
            for given in (old["code"][name], new["code"][name])
        )
        files = sorted(file for file in was.keys() & now.keys() if was[file] != now[file])
        changed += [f"{name} {file} changed ({was[file]} -> {now[file]})" for file in files]
    if changed:
        yield ", ".join(changed) + "; runs that have begun keep the one before"


def _lines(old: str, new: str) -> str:
    """`+2 -1 lines`"""
    changes = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_opcodes()
    parts = [(k - j, m - n) for what, j, k, n, m in changes if what != "equal"]
    return f"+{sum(more for _, more in parts)} -{sum(less for less, _ in parts)} lines"


def _parts(value: Any, apart: Set[str]) -> dict[str, str]:
    """The values inside objects and lists one by one, as they are shown: `limits.max`, `accounts[0]`."""

    def name(path: Path) -> str:
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")

    return {
        name(path): "null" if leaf is None else shown(leaf) if isinstance(leaf, str) else orjson.dumps(leaf).decode()
        for path, leaf in leaves(value)
        if path and path[0] not in apart
    }


def shown(value: Any, key: str = "") -> str:
    """A value of the catalog as it is shown; `key` is its name, if that says how."""
    if value is None:
        return "never" if key == "resume" else "none"
    if key in ("deadline", "resume", "max_age", "timeout", "interval", "max_delay", "after"):
        return spoken(int(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "/".join(map(str, value))
    return f'"{value}"' if isinstance(value, str) and (" " in value or not value) else str(value)
