"""A project's own step types, a folder each beside the products: `steps/<type>/` with `schema.json` (the keys and notes), `launch.asl.j2` (the form
of the launch state), `example.yaml` (a step with every key) and `functions.py` (how its end is learned, asked and stopped). They are checked as
far as Headgate's own are; one that cannot be used is left out, and the others stay.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.generator import steps
from headgate.generator.findings import Finding, pointer
from headgate.generator.metadata import schema
from headgate.generator.metadata.own_module import problems as module_problems
from headgate.generator.metadata.reading_rules import ONE_OF, OWN_TYPE, UNKNOWN_KEY
from headgate.generator.steps import PLACE, StepType

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FILES = ("schema.json", "launch.asl.j2", "example.yaml", "functions.py")
LINK = Path("functions") / "own_steps"  # by which the deployed functions hold the folder


def use(folder: Path) -> list[Finding]:
    """From now on the types of the folder are known; the findings about those that cannot be used."""
    findings: list[Finding] = []
    types = {each.name: each for each in _read(folder, findings)}
    steps.use(types)
    if types:
        from headgate.generator.metadata import (
            own_example,  # with the template engine, which no other project needs here
        )

        for kind in list(types.values()):
            if found := list(own_example.problems(kind)):
                findings += found
                del types[kind.name]
        steps.use(types)
    return findings


def without_consequences(findings: list[Finding], folder: Path) -> list[Finding]:
    """Without the findings about steps of a type that is left out: they say nothing that its own findings do not."""
    left_out = {each.name for each in _folders(folder)} - steps.step_types().keys()
    unknown = {
        (each.file, each.pointer)
        for each in findings
        if each.rule is UNKNOWN_KEY
        and each.pointer.rpartition("/")[2] in left_out
        and each.pointer.startswith("/pipeline/steps/")
    }
    of_steps = {(file, at.rpartition("/")[0]) for file, at in unknown}
    return [
        each
        for each in findings
        if (each.file, each.pointer)
        not in (of_steps if each.rule is ONE_OF else unknown if each.rule is UNKNOWN_KEY else ())
    ]


def _folders(folder: Path) -> list[Path]:
    every = folder.iterdir() if folder.is_dir() else ()
    return sorted(each for each in every if each.is_dir() and each.name[0] not in "._")


def _read(folder: Path, findings: list[Finding]) -> Iterator[StepType]:
    folders = _folders(folder)
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
        findings.append(finding(folder, f"types that {folder.parent / LINK} does not lead to", "a link, by which the deployed functions hold them", "ln -s ../steps functions/own_steps"))  # fmt: skip


def _is_deployed(folder: Path) -> bool:
    """Whether the functions beside the folder hold it; a folder of metadata alone has no functions."""
    link = folder.parent / LINK
    return not link.parent.is_dir() or (link.is_dir() and link.samefile(folder))


def _files_problems(folder: Path, taken: set[str]) -> Iterator[Finding]:
    if not NAME.fullmatch(folder.name):
        yield finding(
            folder,
            f"a step type named `{folder.name}`",
            "a word of lower-case letters, digits and underscores, at most 40",
        )
    elif folder.name in (*taken, "name", "parallel", "retry"):
        yield finding(folder, f"the name `{folder.name}`, which Headgate uses itself", "another name")
    if missing := [each for each in FILES if not (folder / each).is_file()]:
        yield finding(folder, f"no file {', '.join(missing)}", f"the files {', '.join(FILES)}")


def _schema(folder: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The schema of the type's steps, with what all of them have in common; the findings about its file."""
    path = folder / "schema.json"
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return {}, [finding(path, str(error), "a JSON object")]
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
            yield finding(path, f"`{name}`, which is no property", expected, at=pointer(key))
    if "default" not in known["timeout"]:
        yield finding(path, "a `timeout` without a default", "a `default` such as 1h", at="/properties/timeout")
    if kind.note("pattern") == "launch-and-await" and not kind.note("watch-grants"):
        yield finding(path, "no `x-watch-grants`", "the permissions by which functions ask for the work and stop it")


def finding(path: Path, found: str, expected: str, hint: str = "", at: str = "") -> Finding:
    return Finding(OWN_TYPE, path, at, found, expected, hint)
