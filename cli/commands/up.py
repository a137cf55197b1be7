"""`headgate up`: starts the application on this machine and leaves it running; `down` and `up` keep its data."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from headgate.board.serving import token_of
from headgate.cli import browser, interrupts, local_application, staging, terminal
from headgate.cli.application import LOCAL
from headgate.cli.arguments import add_products
from headgate.cli.errors import FINE, UsageError
from headgate.cli.progress import Stages
from headgate.cli.project import require_project
from headgate.generator.model.mesh import Mesh
from headgate.local import presence


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    parser.add_argument(
        "--jobs",
        type=Path,
        metavar="DIR",
        help="scripts of Glue jobs, named <job>.py (default: every job does nothing and succeeds)",
    )
    parser.add_argument(
        "--containers",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="let containers reach the application, at the address of the container bridge (default: found on this machine)",
    )
    parser.add_argument(
        "--shadow",
        action="store_true",
        help="decide and launch nothing; `headgate shadow` says what would have been done otherwise than by the scheduler that runs the jobs",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address of the board, and open no browser")
    parser.add_argument("--fresh", action="store_true", help="delete the data of earlier starts first")
    parser.add_argument("--json", action="store_true", help="print endpoints and outputs as JSON")


def run(arguments: argparse.Namespace) -> int:
    interrupts.end_in_order()
    staging.require_local()
    if arguments.jobs is not None and not arguments.jobs.is_dir():
        raise UsageError(f"--jobs {arguments.jobs}: no such folder")
    require_project(Path.cwd())
    folder = LOCAL.resolve()
    _require_stopped(folder)
    if arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    local_application.require_room(folder)
    places, catalog, mesh = staging.stage(arguments.products, folder, arguments.json)
    settings = {
        "folder": str(folder),
        "project": str(places.project),
        "statemachines": str(places.statemachines),
        "jobs": str(arguments.jobs.resolve()) if arguments.jobs else None,
        "containers": arguments.containers,
        "shadow": arguments.shadow,
        "board": [
            sys.executable,
            "-m",
            "headgate.cli.main",
            "board",
            "--local",
            "--products",
            str(arguments.products.resolve()),
            "--listening",
        ],
    }
    with Stages(arguments.json) as stages:
        staging.require_sam(stages)
        known = local_application.start(settings, folder, stages)
    if arguments.json:
        terminal.print_json(known)
    else:
        board = f"{known['board']}#token={token_of(folder)}"
        _print(known, board, folder, mesh, _doing(arguments, catalog))
        if not arguments.no_browser:
            browser.open_page(board)
    return FINE


def _require_stopped(folder: Path) -> None:
    """Raises `UsageError` if the application runs, or is being started."""
    now = presence.look(folder)
    if now.process is not None:
        doing = (
            f"is running already at {now.known['options']['endpoint_url']}" if now.known else "is being started already"
        )
        raise UsageError(
            f"the application {doing} (process {now.process}); `headgate down` stops it and keeps its data, then `headgate up` continues with "
            "them and takes what has changed"
        )


def _example_commands(mesh: Mesh) -> str:
    """Commands that follow one run from its opening to its end: of the product that waits for the fewest other pipelines."""
    waits = {
        each.id: sorted({leaf.product for leaf in each.dependencies() if leaf.product in mesh.products})
        for each in mesh.machines()
    }
    if not waits:
        return ""
    name = min(waits, key=lambda each: (sum(one in waits for one in waits[each]), not waits[each], each))
    tries = [
        (f"backfill {name}", "open the run of the last opening; schedules open theirs without this"),
        (f"why {name}", ""),
    ]
    tries += [(f"event {each}", "a dependency") for each in waits[name] if each not in waits]
    lines = [
        f"headgate {command:34}{'  # ' + note if note else ''}".rstrip()
        for command, note in [
            *tries,
            (f"history {name}", ""),
            (f"events {name}", "for `sam local invoke`, after `up --containers`"),
        ]
    ]
    return "".join(f"\n  {line}" for line in lines)


def _doing(arguments: argparse.Namespace, catalog: dict[str, Any]) -> str:
    """What becomes of jobs here."""
    if arguments.shadow:
        return "none is started in shadow; one that you start in Glue counts as run by the existing scheduler: `headgate shadow`"
    return what_runs(catalog, arguments.jobs)


def what_runs(catalog: dict[str, Any], folder: Path | None) -> str:
    """How many jobs do something: a script whose name is wrong is not noticed otherwise."""
    from headgate.local.provisioning import scripted

    found, shipped, number = scripted(catalog, folder)
    if folder is None and not shipped:
        return "every job, function and task of a step succeeds at once; --jobs DIR names scripts"
    if folder is None:
        counted, place = shipped, "their product"
    else:
        counted, place = found, f"{folder}, {shipped} in their product" if shipped else f"{folder}"
    parts = [f"{counted} of {number} jobs, functions and tasks have a script in {place}"]
    if found + shipped < number:
        parts.append("the others succeed at once")
    if folder is None:
        parts.append("--jobs DIR names scripts")
    return "; ".join(parts)


def _print(known: dict[str, Any], board: str, folder: Path, mesh: Mesh, scripts: str) -> None:
    options = known["options"]
    variables = {
        "AWS_ENDPOINT_URL": options["endpoint_url"], "AWS_DEFAULT_REGION": options["region_name"],
        "AWS_ACCESS_KEY_ID": options["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": options["aws_secret_access_key"],
    }  # fmt: skip
    print(f"""
The application is running on this machine.

  board         {board}
  AWS endpoint  {options["endpoint_url"]}
  PostgreSQL    {known["postgres"]}
  Data API      {known["data_api"]}
  data and logs {folder}
  jobs          {scripts}

Try, in a new shell after the first line:

  export PATH="{Path(sys.prefix) / "bin"}:{Path(known["sam"]).parent}:$PATH"
  headgate status{_example_commands(mesh)}

  headgate down                                # stops it; `headgate up` continues with the same data

SDKs and tools of AWS use it with these variables:

  export {" ".join(f"{name}={value}" for name, value in variables.items())}""")
