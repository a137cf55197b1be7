"""Arguments that no run can be given."""

from collections.abc import Iterator

import orjson

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Step
from headgate.generator.steps import step_types

# A row of the Data API has 64 KiB, and a run is given the arguments of all its steps in one
# (docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.limitations.html). Placeholders grow as they are filled in: `begin_pipeline`
# counts again.
MOST = 60_000
RULE = Rule(
    "HG410",
    "the arguments of a pipeline are too large",
    "A run is given the arguments of all its steps at once, and the database answers with at most 64 KiB.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        sizes = [(_bytes(step), step) for step in product.steps()]
        if (total := sum(size for size, _ in sizes)) > MOST:
            size, largest = max(sizes, key=lambda each: each[0])
            yield Finding(
                RULE,
                mesh.file(product),
                f"{largest.section}/{_longest(largest)}",
                f"{total:,} bytes of arguments in all steps together, {size:,} of them here",
                f"at most {MOST:,} bytes",
                "Put long values into a file, and pass on where it is.",
            )


def _bytes(step: Step) -> int:
    """Of the step's configuration as the Data API sends it: JSON in a JSON text."""
    kind = step_types()[step.type]
    given = {
        "type": step.type,
        kind.resource: step.settings[kind.resource],
        "arguments": kind.catalogued(step.settings),
    }
    return len(orjson.dumps(orjson.dumps({step.name: given}).decode()))


def _longest(step: Step) -> str:
    """The argument that takes most of it."""
    given = step_types()[step.type].given(step.settings)
    return max(given, key=lambda each: len(orjson.dumps(given[each])))
