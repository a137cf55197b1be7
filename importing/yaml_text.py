"""The text of a product: the keys in the order of the reference, short sections in a line, and comments for what people have to look at."""

import json
import re
from typing import Any

import yaml

from headgate.importing.result import NEEDS_A_PIPELINE, Document, Product

WIDTH = 110
IN_ONE_LINE = {"schedule", "wait", "publish", "sla", "retry"}  # if they fit
ALWAYS_IN_LINES = {"depends_on", "all_of", "any_of", "pipeline", "steps", "parallel", "grants", "clusters", "defaults"}
ORDER = ("description", "owner", "email", "schedule", "depends_on", "wait", "pipeline", "publish", "sla", "notify")
_TIME = re.compile(r"[0-9]+:[0-9:]+")  # which YAML reads as a number now and then
_PLAIN = re.compile(r"[A-Za-z0-9_/.(][A-Za-z0-9_/.(),:@'+ -]*")
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z0-9_/.(][A-Za-z0-9_/.():@+ -]*")


def product_text(product: Product, first_line: str) -> str:
    """The file of the product. `first_line` is the line by which an editor finds the schema."""
    lines = [
        first_line.rstrip("\n"),
        *_comment(f"Imported: {product.origin}."),
        *_mapping(_ordered(product.document), 0),
    ]
    if product.reasons:
        lines += _comment(
            "This product stays external: its work goes on where it ran before, and others wait for its refresh events."
        )
        lines += _comment("What keeps it from being run here:")
        lines += [line for each in product.reasons for line in _comment(f"- {each}")]
        if product.draft:
            draft = _ordered({key: product.draft[key] for key in NEEDS_A_PIPELINE if key in product.draft})
            todo = ", and write a step type in the place of each TODO" if "'TODO'" in str(draft) else ""
            lines += _comment(f"What it would be; remove the comment signs{todo}:")
            lines += [f"# {line}".rstrip() for line in _mapping(draft, 0)]
    return "\n".join(lines) + "\n"


def _ordered(document: Document) -> Document:
    return {key: document[key] for key in (*ORDER, *(set(document) - set(ORDER))) if key in document}


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in re.sub(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]+", " ", text).splitlines()]


def _mapping(value: Document, indent: int) -> list[str]:
    lines = []
    for key, each in value.items():
        lines += _entry(key, each, indent)
    return lines


def _entry(key: str, value: Any, indent: int) -> list[str]:
    head = f"{' ' * indent}{_scalar(key)}:"
    if not isinstance(value, dict | list) or not value:
        return [f"{head} {_flow(value) if isinstance(value, dict | list) else _scalar(value)}"]
    line = f"{head} {_flow(value)}"
    simple = key in IN_ONE_LINE or not _is_deep(value)
    if key not in ALWAYS_IN_LINES and simple and len(line) <= WIDTH:
        return [line]
    return [head, *(_mapping(value, indent + 2) if isinstance(value, dict) else _list(value, indent + 2))]


def _list(values: list[Any], indent: int) -> list[str]:
    lines = []
    for each in values:
        if isinstance(each, dict) and each and not ("product" in each and len(_flow(each)) + indent + 2 <= WIDTH):
            inner = _mapping(each, indent + 2)
            lines += [f"{' ' * indent}- {inner[0].lstrip()}", *inner[1:]]
        else:
            lines.append(f"{' ' * indent}- {_flow(each)}")
    return lines


def _is_deep(value: Any) -> bool:
    """Whether a section has sections in its sections."""
    inner = value.values() if isinstance(value, dict) else value
    return any(isinstance(part, dict | list) and any(isinstance(each, dict | list) for each in (part.values() if isinstance(part, dict) else part)) for part in inner)  # fmt: skip


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key, True)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value, True)


def _scalar(value: Any, in_flow: bool = False) -> str:
    """A value that YAML reads back as it is: in quotes where it would be read as something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = (_PLAIN_IN_FLOW if in_flow else _PLAIN).fullmatch(value)
    apart = ": " in value or " #" in value or value.endswith((" ", ":")) or _TIME.fullmatch(value)
    if plain and not apart and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
