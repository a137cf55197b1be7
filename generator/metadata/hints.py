"""What to write instead of a value that the schema refuses. A hint names only what the schema accepts."""

import difflib
import json
import re
from typing import Any

from jsonschema import Draft202012Validator

MEANT = {"failed": "ERROR", "failure": "ERROR"}  # words that other systems use


def shown(value: Any) -> str:
    """A value as a person would write it, cut at 80 characters."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def listing(keys: list[str]) -> str:
    """The keys in backquotes, with commas."""
    text = ", ".join(f"`{key}`" for key in keys)
    return text if keys else "no keys"


def did_you_mean(word: str, known: list[str]) -> str:
    """The known key that is nearest to the word, as a question; empty if none is near."""
    if word == "<<":
        return "Merge keys are not read; put what products share under `defaults:` in domain.yaml."
    if (meant := MEANT.get(word.lower())) in known:
        return f"Did you mean `{meant}`?"
    near = difflib.get_close_matches(word.lower(), [each.lower() for each in known], n=1, cutoff=0.6)
    original = next((each for each in known if near and each.lower() == near[0]), None)
    return f"Did you mean `{original}`?" if original else ""


def for_type(value: Any, wanted: list[str], schema: dict[str, Any]) -> str:
    """For a value of another type than the `wanted` ones."""
    if "string" in wanted and isinstance(value, int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f'Put it in quotes: "{text}".' if _accepts(schema, text) else _forms(text, schema)
    if "array" in wanted and isinstance(value, str):
        return _as_list(value, schema.get("items", {}))
    if "boolean" in wanted and isinstance(value, str):
        return "Write true or false, without quotes."
    if {"integer", "number"} & set(wanted) and isinstance(value, str) and value.strip("-").isdigit():
        return f"Remove the quotes: {value}."
    return ""


def for_text(value: str, schema: dict[str, Any]) -> str:
    """For text that does not match the pattern of its schema."""
    better = re.sub(r"[^a-z0-9/]+", "-", value.lower()).strip("-")
    if better != value and "lower case" in schema.get("x-expected", "") and _accepts(schema, better):
        return f"Write `{better}`."
    return _forms(value, schema)


def _as_list(value: str, items: dict[str, Any]) -> str:
    allowed = items.get("enum")
    if allowed is not None and value not in allowed:
        return did_you_mean(value, allowed) or f"Make it a list of {listing(allowed)}."
    known = "pattern" in items  # else a reference, whose values are checked once it is a list
    item = value if not known or _accepts(items, value) else next(iter(_accepted_forms(value, items)), None)
    if item is None:
        return "Make it a list."
    plain = re.fullmatch(r"[A-Za-z][\w./@-]*", item)
    return f"Make it a list: [{item if plain else json.dumps(item, ensure_ascii=False)}]."


def _forms(text: str, schema: dict[str, Any]) -> str:
    accepted = [each if each.isalnum() else f'"{each}"' for each in _accepted_forms(text, schema)]
    return f"Write {' or '.join(accepted)}." if accepted else ""


def _accepted_forms(text: str, schema: dict[str, Any]) -> list[str]:
    """The schema's `x-forms` filled in with the text, as far as the schema accepts them."""
    forms = [each.replace("{}", text) for each in schema.get("x-forms", ())]
    return [each for each in forms if _accepts(schema, each)]


def _accepts(schema: dict[str, Any], text: str) -> bool:
    return bool(Draft202012Validator(schema).is_valid(text))
