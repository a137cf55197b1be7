"""The JSON files beside a product that its metadata names: the definition of its machine."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.cache import digest
from headgate.generator.findings import Finding
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.metadata.reading_rules import JSON_FILE
from headgate.generator.model.definition import settings_of
from headgate.generator.model.product import DEFINITION

Document = dict[str, Any]
LARGEST = 1_000_000  # bytes of a definition: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html


def named(document: Document) -> Iterator[tuple[str, str]]:
    """The files that the product names, each with its place in the metadata."""
    definition = document.get("pipeline", {}).get("definition")
    if definition is not None:
        yield settings_of(definition)["file"], DEFINITION


def contents_of(
    document: Document, product: Path, folder: Path, inputs: Inputs, findings: list[Finding]
) -> dict[str, Any] | None:
    """What the files in the folder hold that the product names, by their names; None if one of them cannot be used."""
    found: dict[str, Any] = {}
    usable = True
    for name, at in named(document):
        path = folder / name
        if path not in _readable(inputs):
            findings.append(_missing(product, at, folder, name, inputs))
            usable = False
            continue
        try:
            found[name] = _definition(_parsed(inputs.data(path)))
        except OSError as error:
            findings.append(_finding(path, error.strerror or str(error), "a file that can be read"))
            usable = False
        except _UnusableError as error:
            findings.append(_finding(path, error.found, error.expected).on(error.line))
            usable = False
    return found if usable else None


def with_files(found: str, files: Document) -> str:
    """The digest of what a product came from, with what the files hold that it names."""
    return f"{found} {digest(orjson.dumps(files))}" if files else found


def _readable(inputs: Inputs) -> list[Path]:
    """The JSON files of domains, and the files of products that are folders."""
    return [*inputs.files.json, *(each for files in inputs.files.beside.values() for each in files)]


class _UnusableError(Exception):
    def __init__(self, found: str, expected: str, line: int = 0) -> None:
        super().__init__(found)
        self.found, self.expected, self.line = found, expected, line


def _parsed(data: bytes) -> Any:
    """The JSON value. Raises `_UnusableError`."""
    if len(data) > LARGEST:
        raise _UnusableError(f"{len(data):,} bytes", f"at most {LARGEST:,}, which Step Functions takes")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_without_repetition)
    except UnicodeDecodeError:
        raise _UnusableError("bytes that are not UTF-8", "a JSON file in UTF-8") from None
    except RecursionError:
        raise _UnusableError("values nested too deeply", "a JSON object") from None
    except json.JSONDecodeError as error:
        raise _UnusableError(f"{error.msg} in column {error.colno}", "a JSON object", error.lineno) from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> Document:
    """JSON keeps the last of two equal keys, so the first would be lost without a word."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise _UnusableError(f'the key "{twice}" twice in one object', "each key once")
    return made


def _definition(value: Any) -> Document:
    """The machine. Raises `_UnusableError` for what nothing could be read from."""
    states = value.get("States") if isinstance(value, dict) else None
    if not isinstance(states, dict) or not states or not isinstance(value.get("StartAt"), str):
        raise _UnusableError("no `StartAt` with `States`", "a state machine in Amazon States Language")
    if value.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise _UnusableError(f"the query language {value['QueryLanguage']}", "JSONPath")
    _shaped(states)
    return dict(value)


def _shaped(states: Document) -> None:
    for name, state in states.items():
        if not isinstance(state, dict) or not isinstance(state.get("Type"), str):
            raise _UnusableError(f"`{name}` without a `Type`", "states, each an object with its `Type`")
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
        branches = state.get("Branches", [])
        for each in inner + (branches if isinstance(branches, list) else [branches]):
            if not isinstance(each, dict) or not isinstance(each.get("States"), dict):
                raise _UnusableError(f"`{name}` with an inner machine without `States`", "`StartAt` and `States`")
            _shaped(each["States"])


def _missing(product: Path, at: str, folder: Path, name: str, inputs: Inputs) -> Finding:
    beside = [each.name for each in _readable(inputs) if each.parent == folder]
    near = difflib.get_close_matches(name, beside, n=1)
    expected = f"a file in {folder.as_posix()}"
    return Finding(JSON_FILE, product, at, f"no file `{name}`", expected, f"Did you mean {near[0]}?" if near else "")


def _finding(path: Path, found: str, expected: str) -> Finding:
    return Finding(JSON_FILE, path, "", found, expected)
