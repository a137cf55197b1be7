"""What is written from the metadata of a project: the state machines with their templates, and the schemas for editors."""

from pathlib import Path

from headgate.cli.commands.schema import write_schemas
from headgate.cli.errors import UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.progress import Progress
from headgate.cli.project import opened_project
from headgate.cli.schemas import SCHEMAS
from headgate.generator.metadata import own_types
from headgate.generator.output import Changes, OutputError, opened

PRODUCTS, STATEMACHINES = "products", "statemachines"


def generated(project: Path, write: bool, as_data: bool, products: Path | None = None) -> Changes:
    """What changes in the state machines; they are written where `write` is true. `products` is the metadata (default: that of the project).
    Raises `UsageError`, with the findings."""
    with Progress(as_data) as progress:
        found = opened_project(products or project / PRODUCTS, progress)
        errors = found.errors
        changes = None
        if not errors:
            try:
                with opened(project / STATEMACHINES, write, found.cache) as out:
                    result = found.generate(out, progress)
            except OutputError as error:
                raise UsageError(str(error)) from None
            errors, changes = result.findings, result.changes
    found.cache.save()
    if changes is None:
        if not as_data:
            print_findings(errors)
        raise UsageError("the machines cannot be generated from the metadata", findings=as_json(errors))
    return changes


def write_editor_schemas(project: Path) -> None:
    """With the project's own step types. Raises `UsageError`."""
    own_types.use(project / "steps")
    for _ in write_schemas(project / SCHEMAS):
        pass
