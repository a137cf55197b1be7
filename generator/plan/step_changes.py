"""What differs between a step of two catalogs, by meaning, in sentences."""

import difflib
from collections.abc import Iterator, Set
from typing import Any

import orjson

from headgate.generator.model.arguments import Path, leaves
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
    were, are = (_arguments(each, from_files) for each in (old, new))
    for key in sorted(were.keys() | are.keys()):
        if were.get(key, "none") != are.get(key, "none"):
            yield f"argument {key} {were.get(key, 'none')} -> {are.get(key, 'none')}"
    yield from _files(old, new)
    for key in sorted(old["settings"].keys() | new["settings"].keys()):
        was, now = old["settings"].get(key), new["settings"].get(key)
        if was != now:
            yield f"{key} {shown(was)} -> {shown(now)}"
    if old["retry"] is None or new["retry"] is None:
        if old["retry"] != new["retry"]:
            yield f"retry attempts {(old['retry'] or {'attempts': 0})['attempts']} -> {(new['retry'] or {'attempts': 0})['attempts']}"
    else:
        for key in ("attempts", "interval", "backoff", "max_delay"):
            if old["retry"][key] != new["retry"][key]:
                yield f"retry {key} {shown(old['retry'][key], key)} -> {shown(new['retry'][key], key)}"


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


def _arguments(step: Entry, apart: Set[str]) -> dict[str, str]:
    """The arguments of a step as they are shown, those inside objects and lists one by one: `limits.max`, `accounts[0]`."""

    def name(path: Path) -> str:
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")

    return {
        name(path): "null" if leaf is None else shown(leaf) if isinstance(leaf, str) else orjson.dumps(leaf).decode()
        for path, leaf in leaves(step["arguments"])
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
