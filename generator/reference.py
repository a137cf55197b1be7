"""The documentation that is written from the code: the table of rules, the reference of the metadata and the table of step types.

`python -m headgate.generator.reference` writes them into docs/.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.generator.findings import Rule
from headgate.generator.lint.definitions import DEFINITION_RULES
from headgate.generator.lint.proof import PROOF_RULES
from headgate.generator.metadata.reading_rules import READING_RULES
from headgate.generator.metadata.schema import BASE, schemas
from headgate.generator.reference_texts import EDITOR, FOLDER_OF_PRODUCT, PYTHON
from headgate.generator.rules import mesh_rules
from headgate.generator.scenario_names import SCENARIO_RULES
from headgate.generator.schemas import FOLDER
from headgate.generator.steps import StepType, step_types

GENERATED = "<!-- Written by `python -m headgate.generator.reference`; not edited by hand. -->\n"

STEP_TYPES = """\
What a step can run. The keys of each type are in the [metadata reference](metadata.md). Machines launch the work, record its id, and wait; the end
comes by event, and the monitor asks about work whose end nobody reported. `cancel`, a failed attempt and a lost machine stop what runs. `task` makes any call for which there is no type;
a project adds types of its own ([recipe](../CONTRIBUTING.md#a-step-type-of-a-project)), and `headgate steps` lists them all.

| type | launched by | end reported by | at `timeout` | a launch without an answer | errors after which the launch is repeated | the machine's role allows |
|---|---|---|---|---|---|---|"""
# By the pattern of what a machine does itself: what reports the end, what happens at `timeout`, and with a launch that was not answered.
IN_THE_MACHINE = {
    "invoke": ("the answer", "the call ends", "may run twice"),
    "definition": ("its own machine", "the monitor ends the run", "as its states say"),
}
LAUNCH = re.compile(r'"arn:aws:states:::([^"]+)"')


def rules_page() -> str:
    """docs/rules.md"""
    groups = (
        ("Reading", "What keeps a file from being understood.", READING_RULES),
        (
            "The mesh",
            "What the products together cannot keep.",
            (*(rule for rule, _ in mesh_rules()), *DEFINITION_RULES),
        ),
        ("Scenarios", "What `headgate run SCENARIO` checks before it starts anything.", SCENARIO_RULES),
        ("What was generated", "What the linters find before anything is written.", PROOF_RULES),
    )
    parts = [
        "# Rules\n",
        GENERATED,
        "An error stops `headgate generate`; a warning is shown and lets it pass (`headgate validate --strict` fails on both).\n",
    ]
    for title, introduction, rules in groups:
        parts.append(
            f"## {title}\n\n{introduction}\n\n| id | severity | what is wrong | why it matters |\n|---|---|---|---|"
        )
        parts.extend(_row(rule) for rule in rules)
        parts.append("")
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    return f"| {rule.id} | {rule.severity.value} | {rule.title} | {rule.why} |".replace("{", "\\{")


def metadata_page() -> str:
    """docs/metadata.md"""
    known = schemas()
    product, domain, calendar, buckets, mesh = (
        known[f"{BASE}{name}.schema.json"] for name in ("product", "domain", "calendar", "buckets", "mesh")
    )
    parts = ["# Metadata reference\n", GENERATED, EDITOR]
    definitions = product["$defs"]
    sections = (
        ("A product", product, ("product",)),
        ("A domain", domain, ("domain",)),
        ("A calendar", calendar, ("calendar",)),
        ("Landing buckets", {**buckets["additionalProperties"], "description": buckets["description"]}, ("buckets",)),
        ("The mesh", mesh, ("mesh",)),
        ("`schedule`", definitions["schedule"], ("schedule", "schedule-cron")),
        ("`depends_on`", definitions["condition"], ("condition",)),
        ("A dependency", definitions["dependency"], ("dependency",)),
        ("`files`", product["properties"]["files"], ("files", "files-arrival", "files-sweep")),
        ("`files.date`", definitions["file_date"], ()),
        ("`files.complete`", definitions["complete"], ("files-names", "files-marker")),
        ("`files.complete.manifest`", definitions["manifest"], ("files-manifest",)),
        (
            "`signal`",
            product["properties"]["signal"],
            ("signal-openlineage", "signal-states", "signal-table", "signal-object"),
        ),
        ("`signal.date`", definitions["signal_date"], ()),
        ("`pipeline.steps`", definitions["step"], ("step",)),
        ("`notify`", definitions["notification"], ("notification",)),
        ("`alerts`", definitions["alerts"], ("alerts",)),
    )
    for title, schema, examples in sections:
        parts.append(f"## {title}\n\n{schema['description']}\n")
        parts.extend(_example(FOLDER / "examples" / f"{each}.yaml") for each in examples)
        parts.append("\n".join(_table(schema)) + "\n")
    parts.append(f"## A product with its code\n\n{FOLDER_OF_PRODUCT}")
    parts.append(f"## Products in Python\n\n{PYTHON}")
    parts.extend(of_type(kind) for kind in step_types().values())
    return "\n".join(parts)


def of_type(kind: StepType) -> str:
    """The section about a step type."""
    heading = f"## Step type `{kind.name}`: {kind.schema['title']}\n\n{kind.schema['description']}\n"
    pattern = kind.note("pattern")
    whole = [_example(FOLDER / f"examples/{pattern}.yaml")] if pattern in ("cluster", "definition") else []
    return "\n".join([heading, *whole, _example(kind.example), "\n".join(_table(kind.schema)) + "\n"])


def _example(path: Path) -> str:
    return f"```yaml\n{path.read_text('utf-8')}```\n"


def _table(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    if not prefix:
        yield "| key | value | default | |\n|---|---|---|---|"
    for key, part in schema["properties"].items():
        required = " (required)" if key in schema.get("required", ()) else ""
        default = (
            f"`{str(part['default']).lower() if isinstance(part['default'], bool) else part['default']}`"
            if part.get("default", "") != ""
            else ""
        )
        yield f"| `{prefix}{key}`{required} | {_value(part)} | {default} | {part.get('description', '')} |"
        if part.get("type") == "object" and "properties" in part:
            yield from _table(part, f"{prefix}{key}.")


def _value(part: dict[str, Any]) -> str:
    resolved = {**_resolve(part["$ref"]), **part} if "$ref" in part else part
    if "x-expected" in resolved:
        return str(resolved["x-expected"])
    if "enum" in resolved:
        return ", ".join(f"`{each}`" for each in resolved["enum"])
    if resolved.get("type") == "array":
        return f"list of: {_value(resolved['items'])}"
    if resolved.get("type") == "integer":
        return f"{resolved.get('minimum', '')} to {resolved.get('maximum', '')}"
    return {"object": "mapping", "string": "text", "boolean": "`true` or `false`", "number": "number"}.get(
        str(resolved.get("type")), "see below"
    )


def _resolve(reference: str) -> dict[str, Any]:
    file, _, path = reference.partition("#/")
    name = file.rsplit("/", 1)[-1] or "product.schema.json"
    schema: dict[str, Any] = schemas().get(BASE + file) or schemas()[BASE + name]
    for part in path.split("/") if path else ():
        schema = schema[part]
    return schema


def step_types_page() -> str:
    """docs/step-types.md"""
    return "\n".join(["# Step types\n", GENERATED, STEP_TYPES, *map(_step_type, step_types().values()), ""])


def _step_type(kind: StepType) -> str:
    template = kind.template.read_text("utf-8")
    launch = sorted(set(LAUNCH.findall(template)))
    event = kind.note("event")
    end = f"{event['detail-type']} ({event['source']})" if event else _unreported(kind)
    retried = _retried(kind)
    granted = sorted({each["action"] for each in kind.note("grants", ())})
    cells = (
        f"[`{kind.name}`](metadata.md#step-type-{kind.name}-{kind.schema['title'].lower().replace(' ', '-')})",
        _code(launch), end, _at_time_out(kind), _repeated(kind), _code(retried), _code(granted),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _retried(kind: StepType) -> list[str]:
    return [error for each in kind.note("launch-retry", ()) for error in each["errors"]]


def _unreported(kind: StepType) -> str:
    return IN_THE_MACHINE.get(kind.note("pattern"), ("nobody: the monitor asks",))[0]


def _at_time_out(kind: StepType) -> str:
    if kind.note("pattern") in IN_THE_MACHINE:
        return IN_THE_MACHINE[kind.note("pattern")][1]
    return "the service ends it" if kind.note("own-timeout") else "stopped, then the step fails"


def _repeated(kind: StepType) -> str:
    if kind.note("pattern") in IN_THE_MACHINE:
        return IN_THE_MACHINE[kind.note("pattern")][2]
    if kind.note("client-token"):
        return "one effect, by its token" if "States.Timeout" in _retried(kind) else "not repeated"
    return "looked for first, by its mark"


def _code(texts: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in texts)


PAGES = {"rules.md": rules_page, "metadata.md": metadata_page, "step-types.md": step_types_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (Path("docs") / name).write_text(page(), "utf-8")
