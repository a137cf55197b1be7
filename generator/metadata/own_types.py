"""A project's own step types, a folder each beside the products: `steps/<type>/` with `schema.json` (the keys and notes), `launch.asl.j2` (the form
of the launch state), `example.yaml` (a step with every key) and `functions.py` (how its end is learned, asked and stopped). They are checked as
far as Headgate's own are; one that cannot be used is left out, and the others stay.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2

from headgate.generator import steps
from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import schema
from headgate.generator.metadata.merge import merge
from headgate.generator.metadata.own_module import problems as module_problems
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.reading_rules import OWN_TYPE
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.model import build
from headgate.generator.model.product import Product
from headgate.generator.plan.outline import outline
from headgate.generator.render.machine import render_machine
from headgate.generator.steps import PLACE, StepType

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FILES = ("schema.json", "launch.asl.j2", "example.yaml", "functions.py")
LINK = Path("functions") / "own_steps"  # by which the deployed functions hold the folder


def use(folder: Path) -> list[Finding]:
    """From now on the types of the folder are known; the findings about those that cannot be used."""
    findings: list[Finding] = []
    types = {each.name: each for each in _read(folder, findings)}
    steps.use(types)
    for kind in list(types.values()):
        if found := list(_example_problems(kind)):
            findings += found
            del types[kind.name]
    steps.use(types)
    return findings


def example_product(kind: StepType) -> Product:
    """A product whose pipeline is the type's example."""
    return build.product("examples", kind.name.replace("_", "-"), _document(kind))


def _read(folder: Path, findings: list[Finding]) -> Iterator[StepType]:
    folders = (
        sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")
        if folder.is_dir()
        else []
    )
    taken = {name for name, kind in steps.step_types().items() if kind.folder is None}
    for each in folders:
        found = list(_files_problems(each, taken))
        if not found:
            document, found = _schema(each)
        if not found:
            kind = StepType(each.name, document, each)
            found = [*_notes_problems(kind), *module_problems(kind, each / "functions.py")]
        if found:
            findings += found
        else:
            yield kind
    if folders and not _is_deployed(folder):
        findings.append(_finding(folder, f"types that {folder.parent / LINK} does not lead to", "a link, by which the deployed functions hold them", "ln -s ../steps functions/own_steps"))  # fmt: skip


def _is_deployed(folder: Path) -> bool:
    """Whether the functions beside the folder hold it; a folder of metadata alone has no functions."""
    link = folder.parent / LINK
    return not link.parent.is_dir() or (link.is_dir() and link.samefile(folder))


def _files_problems(folder: Path, taken: set[str]) -> Iterator[Finding]:
    if not NAME.fullmatch(folder.name):
        yield _finding(
            folder,
            f"a step type named `{folder.name}`",
            "a word of lower-case letters, digits and underscores, at most 40",
        )
    elif folder.name in (*taken, "name", "parallel", "retry"):
        yield _finding(folder, f"the name `{folder.name}`, which Headgate uses itself", "another name")
    if missing := [each for each in FILES if not (folder / each).is_file()]:
        yield _finding(folder, f"no file {', '.join(missing)}", f"the files {', '.join(FILES)}")


def _schema(folder: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The schema of the type's steps, with what all of them have in common; the findings about its file."""
    path = folder / "schema.json"
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return {}, [_finding(path, str(error), "a JSON object")]
    found = schema.check(given, "step-type.schema.json", path)
    common = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{schema.BASE}steps/{folder.name}.schema.json",
        "type": "object",
        "additionalProperties": False,
    }
    return {**(given if isinstance(given, dict) else {}), **common}, found


def _notes_problems(kind: StepType) -> Iterator[Finding]:
    """Notes that name properties have to name properties that there are."""
    assert kind.folder is not None
    path, known = kind.folder / "schema.json", kind.schema["properties"]
    expected = f"one of {', '.join(known)}"
    named = [("x-resource", kind.resource), *(("x-arguments", each) for each in kind.arguments)]
    named += [("x-whole-minutes", each) for each in kind.note("whole-minutes", ())]
    named += [("x-limits", each["property"]) for each in kind.note("limits", ())]
    named += [("required", each) for each in kind.schema.get("required", ())]
    for note in ("grants", "watch-grants"):
        for each in kind.note(note, ()):
            named += [(f"x-{note}", match[1].split(".")[0]) for match in PLACE.finditer(each["resource"])]
    for key, name in named:
        if name not in known:
            yield _finding(path, f"`{name}`, which is no property", expected, at=pointer(key))
    if "default" not in known["timeout"]:
        yield _finding(path, "a `timeout` without a default", "a `default` such as 1h", at="/properties/timeout")
    if kind.note("pattern") == "launch-and-await" and not kind.note("watch-grants"):
        yield _finding(path, "no `x-watch-grants`", "the permissions by which functions ask for the work and stop it")


def _example_problems(kind: StepType) -> Iterator[Finding]:
    """What keeps the example from becoming a machine."""
    path = kind.example
    try:
        document = _document(kind)
    except (ReadError, OSError, ValueError) as error:
        yield _finding(path, str(error), f"a step of the type `{kind.name}`")
        return
    found = schema.check(document, "product.schema.json", path)
    if found:
        yield from (replace(each, pointer=each.pointer.removeprefix("/pipeline/steps/0")) for each in found)
        return
    try:
        render_machine(outline(example_product(kind)))
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", 0) or 0
        yield replace(
            _finding(kind.template, str(error.message), "a template of Jinja2 that knows `step`"),
            line=line,
            column=1 if line else 0,
        )
    except ValueError as error:
        yield _finding(kind.template, f"no JSON: {error}", "the form of a state, whose values go through `tojson`")


def _document(kind: StepType) -> dict[str, Any]:
    step = read(kind.example.read_bytes())
    if not isinstance(step, dict):
        raise ValueError("it holds no step")
    given = {"description": f"Example of {kind.name}", "owner": "examples", "pipeline": {"steps": [step]}}
    return merge({}, given)


def _finding(path: Path, found: str, expected: str, hint: str = "", at: str = "") -> Finding:
    return Finding(OWN_TYPE, path, at, found, expected, hint)
