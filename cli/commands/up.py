"""`headgate up`: the application on this machine, started and left running; its data stays over `down` and `up`."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from headgate.cli import report, staging
from headgate.cli.deployed import LOCAL
from headgate.cli.project import FINE, UsageError
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan import names

PATIENCE = 600.0


def add(parser: argparse.ArgumentParser) -> None:
    staging.add_products(parser)
    parser.add_argument(
        "--jobs", type=Path, metavar="DIR", help="scripts of Glue jobs, <job>.py (default: jobs do nothing and succeed)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier times")
    parser.add_argument("--json", action="store_true", help="endpoints and outputs as JSON")


def run(arguments: argparse.Namespace) -> int:
    staging.require_local()
    folder = LOCAL.resolve()
    if arguments.jobs is not None and not arguments.jobs.is_dir():
        raise UsageError(f"--jobs {arguments.jobs}: no such folder")
    if pid_of(folder) is not None:
        raise UsageError("it is up already; `headgate down` ends it")
    if arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    places, _, mesh = staging.stage(arguments.products, folder)
    settings = {
        "folder": str(folder),
        "project": str(places.project),
        "statemachines": str(places.statemachines),
        "jobs": str(arguments.jobs.resolve()) if arguments.jobs else None,
    }
    _start(settings, folder, quiet=arguments.json)
    known = json.loads((folder / "runtime.json").read_text("utf-8"))
    if arguments.json:
        report.print_json(known)
    else:
        _print(known, folder, mesh)
    return FINE


def _start(settings: dict[str, str | None], folder: Path, quiet: bool) -> None:
    """Starts the supervisor and says what it says until it is ready. Raises `UsageError`."""
    log = folder / "up.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "headgate.local.supervisor"], stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )  # fmt: skip
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(settings).encode())
    shown, deadline = 0, time.monotonic() + PATIENCE
    try:
        while not (folder / "runtime.json").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise UsageError(f"it did not start:\n{log.read_text(errors='replace').strip()}")
            lines = log.read_text(errors="replace").splitlines()
            for line in lines[shown:] if not quiet else ():
                print(line, file=sys.stderr)
            shown = len(lines)
            time.sleep(0.1)
    except BaseException:  # also when the person gives up
        process.send_signal(signal.SIGTERM)
        raise


def _to_try(mesh: Mesh, aws: str, outputs: dict[str, str]) -> str:
    """Commands about a product whose run can be seen through: of all that have a pipeline, one that waits for the fewest others."""
    today = datetime.now().astimezone().date().isoformat()
    waits = {
        each.id: sorted({leaf.product for leaf in each.dependencies() if leaf.product in mesh.products})
        for each in mesh.machines()
    }
    if not waits:
        return ""
    name = min(waits, key=lambda each: (sum(one in waits for one in waits[each]), not waits[each], each))
    tries = [
        (f"backfill {name} --date {today}", "open a run; schedules open theirs by themselves"),
        (f"why {name}", ""),
    ]
    tries += [(f"event {each} --date {today}", "what it waits for") for each in waits[name] if each not in waits]
    lines = [
        f"headgate {typed:34}{'  # ' + said if said else ''}".rstrip()
        for typed, said in [*tries, (f"history {name}", "")]
    ]
    machine = outputs["StateMachineArnPrefix"] + names.machine_name(mesh.products[name])
    lines.append(f"{aws} \\\n      stepfunctions list-executions --state-machine-arn {machine}")
    return "".join(f"\n  {line}" for line in lines)


def pid_of(folder: Path) -> int | None:
    """The process that runs the application, if one does."""
    import fcntl

    try:
        with open(folder / "lock", "r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def _print(known: dict[str, dict[str, str]], folder: Path, mesh: Mesh) -> None:
    options, outputs = known["options"], known["outputs"]
    aws = f"AWS_ACCESS_KEY_ID={options['aws_access_key_id']} AWS_SECRET_ACCESS_KEY=local aws --region {options['region_name']} --endpoint-url {options['endpoint_url']}"
    print(f"""
The application runs on this machine.

  AWS endpoint  {options["endpoint_url"]}
  PostgreSQL    {known["postgres"]}
  Data API      {known["data_api"]}
  data and logs {folder}

Try:

  headgate status{_to_try(mesh, aws, outputs)}
  sam local invoke InquireFunction -e events/inquire.json --env-vars events/env.json   # needs a container engine

  headgate down                                # ends it; `headgate up` goes on with the same data""")
