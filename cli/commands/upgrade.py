"""`headgate upgrade`: brings the files of Headgate in a project to the installed version, and what belongs to the project along with them."""

import argparse
import re
import shutil
import tempfile
from pathlib import Path

from headgate import VERSION
from headgate.cli import generated, terminal
from headgate.cli.errors import FINE, RefusedError, UsageError
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.project import manifest_of, require_project
from headgate.cli.upgrade_report import as_json, lines, obstacles
from headgate.generator.output import Changes
from headgate.projects import migrations, upgrading
from headgate.projects.manifest import NAME, Manifest
from headgate.projects.upgrading import Upgrade


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="FILE",
        help="keep this file of Headgate as the project has it, now and later; may be repeated",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the files of Headgate that were edited, but for those of --keep"
    )  # fmt: skip
    parser.add_argument(
        "--adopt", action="store_true", help="make a clone of Headgate, or a project without a manifest, a project of this version"
    )  # fmt: skip
    add_confirmation(parser)


def run(arguments: argparse.Namespace) -> int:
    project = Path.cwd()
    require_project(project)
    before = _manifest(project, arguments.adopt)
    upgrade = upgrading.planned(project, before, VERSION, arguments.keep, arguments.overwrite)
    _check_kept(arguments.keep, before, upgrade)
    if refusal := list(obstacles(upgrade)):
        raise RefusedError(
            "\n".join(refusal),
            edited=[vars(each) for each in upgrade.edits],
            changed_on_both_sides=upgrade.clashes,
        )
    machines = _machines(upgrade, arguments.json)
    shown = "\n".join(lines(upgrade, machines))
    applied = bool(upgrade or machines) and not arguments.dry_run
    if applied:
        confirm(arguments, shown)
        try:
            upgrade.apply()
        except OSError as error:
            raise UsageError(f"{error.filename}: {error.strerror}; `headgate upgrade` goes on from here") from None
        generated.write_editor_schemas(project)
        generated.generated(project, True, arguments.json)
    if arguments.json:
        terminal.print_json(as_json(upgrade, machines, applied))
        return FINE
    if not applied or arguments.yes:
        for line in shown.splitlines():
            terminal.line(line)
    if applied:
        terminal.line(
            "Done. Play a day (`headgate run tests/day.yaml`), read the difference, commit it, and deploy it: `headgate deploy`."
        )
    return FINE


def _manifest(project: Path, adopt: bool) -> Manifest | None:
    """Raises `UsageError` where the project has none and is not to be adopted, and the other way round."""
    found = manifest_of(project)
    if found is None and not adopt:
        raise UsageError(
            f"{project} has no {NAME}: it is a clone of Headgate, or was made before `headgate init`. `headgate upgrade --adopt` makes it a project of Headgate "
            f"{VERSION}: it replaces template.yaml, functions/ and events/. Add --dry-run to see what changes"
        )
    if found is not None and (_parts(found.version) > _parts(VERSION) or found.metadata > migrations.CURRENT):
        raise UsageError(
            f"the project is of Headgate {found.version}, which is newer than the installed {VERSION}, and nothing is taken back: the state may have been migrated. "
            f"Install that version: `pip install 'headgate[local]=={found.version}'`"
        )
    if found is not None and adopt:
        raise UsageError(
            f"{project} is a project of Headgate {found.version} already; `headgate upgrade` without --adopt"
        )
    return found


def _parts(version: str) -> list[int]:
    """The numbers of a version, to compare it by."""
    return [int(each) for each in re.findall(r"[0-9]+", version)]


def _check_kept(keep: list[str], before: Manifest | None, upgrade: Upgrade) -> None:
    """Raises `UsageError` for files that are not there or differ in nothing from Headgate's."""
    for path in keep:
        if not (upgrade.project / path).is_file():
            raise UsageError(f"--keep {path}: no such file in the project")
        as_it_is = before is not None and path in before.files and path not in before.kept
        if as_it_is and before is not None and all(each.path != path for each in before.edits(upgrade.project)):
            raise UsageError(f"--keep {path}: the file is as Headgate brought it; there is no change to keep")


def _machines(upgrade: Upgrade, as_data: bool) -> Changes:
    """What the installed generator makes of the metadata as it will be."""
    moved = [each for each in upgrade.rewritten if each.path.startswith(f"{generated.PRODUCTS}/")]
    if not moved:
        return generated.generated(upgrade.project, False, as_data)
    with tempfile.TemporaryDirectory(prefix="headgate-upgrade-") as folder:
        products = Path(folder, generated.PRODUCTS)
        shutil.copytree(upgrade.project / generated.PRODUCTS, products)
        if (upgrade.project / "steps").is_dir():
            shutil.copytree(upgrade.project / "steps", Path(folder, "steps"))
        for each in moved:
            Path(folder, each.path).write_text(each.after, "utf-8", errors="surrogateescape")
        return generated.generated(upgrade.project, False, as_data, products)
