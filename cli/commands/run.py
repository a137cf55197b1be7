"""`headgate run`: a business day on this machine, from the first event to the last job, in a minute."""

import argparse
import gc
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import interrupts, job_outputs, shadow_report, staging, terminal
from headgate.cli.application import LOCAL
from headgate.cli.arguments import add_products, business_date
from headgate.cli.day_report import print_day
from headgate.cli.default_scenario import default_scenario
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.progress import Stages
from headgate.cli.run_folder import run_folder
from headgate.cli.scenario_file import read_scenario
from headgate.generator.model.mesh import Mesh

if TYPE_CHECKING:
    from headgate.local.scenario import Scenario

DEPLOYMENTS = LOCAL.with_name("deployments")  # of unchanged content a deployment is used again


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", type=Path, nargs="?", metavar="SCENARIO",
        help="the day as a file, such as tests/day.yaml (default: a day of the whole mesh on which everything succeeds)",
    )  # fmt: skip
    parser.add_argument(
        "--date", type=business_date, metavar="YYYY-MM-DD", help="the business date of the default day (default: today)"
    )
    add_products(parser)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this folder, and keep its logs and data")
    parser.add_argument("--quiet", action="store_true", help="print no history")
    parser.add_argument("--json", action="store_true", help="print the day as JSON")


def run(arguments: argparse.Namespace) -> int:
    staging.require_local()
    if arguments.scenario is not None and arguments.date is not None:
        raise UsageError("--date is for the default day; a scenario has its own date")
    gc.enable()  # unlike the other commands this one runs for long
    interrupts.end_in_order()
    from headgate.local import player, postgres, snapshot, stack
    from headgate.local.control import BusyError
    from headgate.local.provisioning import provision

    with run_folder(arguments.keep) as folder:
        places, catalog, mesh = staging.stage(arguments.products, folder, arguments.json)
        try:
            day = _scenario(arguments, mesh)
            deployments = None if arguments.keep else DEPLOYMENTS.resolve()
            with Stages(arguments.json) as stages:
                staging.require_sam(stages)
                stages("starting local PostgreSQL and AWS endpoint")
                mode = {"Shadow": "true"} if day.shadow else {}
                with snapshot.running(
                    places,
                    deployments,
                    day.starts,
                    lambda each: each.deploy(stages, mode),
                    "shadow" if day.shadow else "",
                ) as running:
                    provision(running, catalog, day.jobs, folder / "data")
                    stages(f"playing {day.business_date}: {day.description.strip()}", f"play {arguments.scenario}")
                    data = folder / "data"
                    played = player.play(running, day, data, lambda moment: stages.at(*_position(day, moment)))
                    printed = list(job_outputs.of_failed(played.entries, folder))
                    stages("stopping")
        except (postgres.PostgresError, stack.StartError, stack.FunctionError, BusyError) as error:
            raise UsageError(str(error)) from None
    if arguments.json:
        terminal.print_json({"business_date": day.business_date.isoformat(), **vars(played)})
    else:
        print_day(played, day, with_history=not arguments.quiet)
        if played.shadow is not None:
            terminal.line()
            shadow_report.print_report(played.shadow, day.timezone)
        for line in printed:
            terminal.line(line)
    return FINDINGS if played.problems else FINE


def _scenario(arguments: argparse.Namespace, mesh: Mesh) -> "Scenario":
    if arguments.scenario is not None:
        return read_scenario(arguments.scenario, mesh, arguments.json)
    return default_scenario(
        mesh, date.fromisoformat(arguments.date) if arguments.date else datetime.now().astimezone().date()
    )


def _position(day: "Scenario", moment: datetime) -> tuple[str, float]:
    """The clock of the day, and the part of the day up to the last moment that its scenario names."""
    named = [each.at for each in day.moments]
    named += [at for each in day.expect.values() for at in (each.after, each.by) if at is not None]
    last = max((at for at in named if at > day.starts), default=day.ends)
    return f"{moment:%Y-%m-%d %H:%M}", min((moment - day.starts) / (last - day.starts), 0.99)
