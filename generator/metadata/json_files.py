"""The JSON files beside a product that its metadata names: the definition of its machine, the configurations of its cluster."""

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.cache import digest
from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import schema
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.metadata.reading_rules import JSON_FILE
from headgate.generator.model.definition import settings_of
from headgate.generator.model.product import CLUSTER, DEFINITION

Document = dict[str, Any]
LARGEST = 1_000_000  # bytes of a definition: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html


def named(document: Document) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    """The files that the product names, each with its place in the metadata and how it is read."""
    pipeline = document.get("pipeline", {})
    if "definition" in pipeline:
        yield settings_of(pipeline["definition"])["file"], DEFINITION, _definition
    cluster, at = pipeline.get("cluster"), CLUSTER
    if isinstance(cluster, str):
        cluster, at = document.get("clusters", {}).get(cluster), f"/clusters{pointer(cluster)}"
    if cluster and isinstance(cluster.get("configurations"), str):
        yield cluster["configurations"], f"{at}/configurations", _configurations


def contents_of(
    document: Document, product: Path, folder: Path, inputs: Inputs, findings: list[Finding]
) -> dict[str, Any] | None:
    """What the files in the folder hold that the product names, by their names; None if one of them cannot be used."""
    found: dict[str, Any] = {}
    usable = True
    for name, at, form in named(document):
        path = folder / name
        if path not in _readable(inputs):
            findings.append(_missing(product, at, folder, name, inputs))
            usable = False
            continue
        try:
            found[name] = form(_parsed(inputs.data(path)))
        except OSError as error:
            findings.append(_finding(path, error.strerror or str(error), "a file that can be read"))
            usable = False
        except _UnusableError as error:
            rule = replace(JSON_FILE, credential=form is _configurations)
            findings.append(Finding(rule, path, "", error.found, error.expected).on(error.line))
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


def _configurations(value: Any) -> Document:
    """The properties by classification. Raises `_UnusableError`, which shows no value: it may be a password."""
    given = value if isinstance(value, dict) else {}
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if not isinstance(each, dict) or each.keys() != {"Classification", "Properties"}:
            keys = ", ".join(each) if isinstance(each, dict) and each else "nothing"
            raise _UnusableError(
                f"entry {number + 1} with {keys}", "`Classification` and `Properties`, and nothing else"
            )
        if each["Classification"] in given:
            raise _UnusableError(f"the classification {each['Classification']} twice", "each once")
        given[str(each["Classification"])] = each["Properties"]
    whole = {"release": "emr-7.5.0", "instances": {"primary": "m6g.xlarge"}, "configurations": given}
    wrong = schema.check({"description": "x", "owner": "x", "clusters": {"x": whole}}, "product.schema.json", Path())
    if wrong or not given:
        place = wrong[0].pointer.removeprefix("/clusters/x/configurations") if wrong else ""
        expected = "classifications, such as spark-defaults, with properties that are texts"
        raise _UnusableError(
            f"an entry that EMR would not take, at {place}" if place else "no classification", expected
        )
    return given


def _missing(product: Path, at: str, folder: Path, name: str, inputs: Inputs) -> Finding:
    beside = [each.name for each in _readable(inputs) if each.parent == folder]
    near = difflib.get_close_matches(name, beside, n=1)
    expected = f"a file in {folder.as_posix()}"
    return Finding(JSON_FILE, product, at, f"no file `{name}`", expected, f"Did you mean {near[0]}?" if near else "")


def _finding(path: Path, found: str, expected: str) -> Finding:
    return Finding(JSON_FILE, path, "", found, expected)
