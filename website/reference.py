"""The pages of the reference that are written from the commands and from the contracts of events: `python -m website.reference` writes them into docs/."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.cli.main import SUMMARIES, parser_of

ROOT = Path(__file__).parent.parent
GENERATED = "<!-- Written by `python -m website.reference`; not edited by hand. -->\n"
COMMANDS = """\
`headgate COMMAND --help` prints the same. Exit codes: 0 fine, 1 findings, 2 wrong arguments or no answer, 3 refused or not confirmed ([operations](operations.md#what-to-ask) has the
details). With `--json` the answer and every error are JSON.
"""
EVENTS = """\
The contracts of what Headgate publishes, receives and is asked for. The JSON Schemas are `events/schemas/<name>.schema.json`; what does not keep to one is refused
([dead letters](operations.md#when-something-is-wrong)). A value that may be absent is not marked as required.
"""
GROUPS = {
    "published": ("Published on the bus", "What Headgate publishes, and what other producers put on the central bus."),
    "service": ("Received from AWS", "The end of work, the end of executions, and files that have landed."),
    "request": ("Requests to functions", "What machines, CloudFormation, operators and programs send to the functions of a stack."),
}  # fmt: skip


def commands_page() -> str:
    """docs/commands.md"""
    parts = ["# Commands\n", GENERATED, COMMANDS]
    for name, summary in SUMMARIES.items():
        parts.extend(_command(f"headgate {name}", f"{summary[0].upper()}{summary[1:]}.", parser_of(name), "##"))
    return "\n".join(parts)


def _command(name: str, summary: str, parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    yield f"{heading} {name}\n\n{summary}\n"
    kinds = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if kinds:
        for each in kinds[0]._choices_actions:
            help_of = f"{(each.help or '')[:1].upper()}{(each.help or '')[1:]}."
            yield from _command(f"{name} {each.dest}", help_of, kinds[0].choices[each.dest], "###")
        return
    known = [each for each in parser._actions if "--help" not in each.option_strings]
    places = " ".join(_place(each) for each in known if not each.option_strings)
    needed = " ".join(_option(each) for each in known if each.option_strings and each.required)
    options = "[options]" if any(each.option_strings and not each.required for each in known) else ""
    yield f"```\n{' '.join(filter(None, (name, places, needed, options)))}\n```\n"
    if known:
        yield "| argument | |\n|---|---|"
        yield from (f"| `{_option(each) or _place(each)}` | {_text(each)} |" for each in known)
        yield ""


def _place(action: argparse.Action) -> str:
    name = _value(action)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _option(action: argparse.Action) -> str:
    if not action.option_strings:
        return ""
    value = "" if action.nargs == 0 else _place(action)
    return f"{', '.join(action.option_strings)} {value}".rstrip()


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper().replace("_", "-")


def _text(action: argparse.Action) -> str:
    """The help of an argument in a cell of a table."""
    return _cell((action.help or "") % {**vars(action), "prog": "headgate"})


def events_page() -> str:
    """docs/events.md"""
    contracts = {path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8")) for path in _schemas()}
    parts = ["# Events\n", GENERATED, EVENTS]
    for group, (title, introduction) in GROUPS.items():
        parts.append(f"## {title}\n\n{introduction}\n")
        for name, schema in contracts.items():
            if _group(schema) == group:
                parts.append(f"### {name}\n\n{schema['title']}.\n\n| field | value | |\n|---|---|---|")
                parts.extend(_fields(schema))
                parts.append("")
    return "\n".join(parts)


def _schemas() -> list[Path]:
    return sorted((ROOT / "events" / "schemas").glob("*.schema.json"))


def _group(schema: dict[str, Any]) -> str:
    source = schema["properties"].get("source", {}).get("const", "")
    if source == "headgate":
        return "published"
    return "service" if source or "EventBridge" in schema["title"] else "request"


def _fields(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, part in schema.get("properties", {}).items():
        required = " (required)" if key in schema.get("required", ()) else ""
        yield f"| `{prefix}{key}`{required} | {_cell(_of(part))} | {_cell(part.get('description', ''))} |"
        yield from _fields(part, f"{prefix}{key}.")


def _of(part: dict[str, Any]) -> str:
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{each}`" for each in part["enum"])
    kinds = part.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if part.get("format"):
        text = str(part["format"])
    if part.get("pattern"):
        text += f" `{part['pattern']}`"
    return text


def _cell(text: str) -> str:
    """Text that is no HTML and ends no cell; what stands between backticks stays as it is."""
    pieces = text.replace("|", "\\|").split("`")
    return "`".join(each if index % 2 else each.replace("<", "&lt;") for index, each in enumerate(pieces))


PAGES = {"commands.md": commands_page, "events.md": events_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), "utf-8")
