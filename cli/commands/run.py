"""`headgate run`: a business day on this machine, from the first event to the last job, in a minute."""

import argparse
import contextlib
import fcntl
import gc
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import formatting, report, staging
from headgate.cli.default_scenario import default_scenario
from headgate.cli.deployed import LOCAL
from headgate.cli.project import FINDINGS, FINE, UsageError
from headgate.generator.model.mesh import Mesh

if TYPE_CHECKING:
    from headgate.local.player import Day
    from headgate.local.scenario import Scenario

PREFIX = "headgate-run-"
DEPLOYMENTS = LOCAL.with_name("deployments")  # of unchanged content a deployment is used again


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", type=Path, nargs="?", metavar="SCENARIO",
        help="the day as a file, such as local/samples/stifel/day.yaml (default: a day of the whole mesh on which everything succeeds)",
    )  # fmt: skip
    parser.add_argument(
        "--date", type=_date, metavar="YYYY-MM-DD", help="the business date of that day (default: today)"
    )
    staging.add_products(parser)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this folder and leave logs and data there")
    parser.add_argument("--quiet", action="store_true", help="no timeline")
    parser.add_argument("--json", action="store_true", help="the day as JSON")


def run(arguments: argparse.Namespace) -> int:
    staging.require_local()
    gc.enable()  # unlike the other commands this one lives for long
    for each in (signal.SIGINT, signal.SIGTERM):  # either way everything is taken down in order, nothing left behind
        signal.signal(each, signal.default_int_handler)
    from headgate.local import player, postgres, scenario, snapshot, stack
    from headgate.local.provisioning import provision

    say = _Say(arguments.json)
    with _folder(arguments.keep) as folder:
        places, catalog, mesh = staging.stage(arguments.products, folder)
        try:
            day = _scenario(arguments, mesh)
            deployments = None if arguments.keep else DEPLOYMENTS.resolve()
            with snapshot.running(places, deployments, day.starts, lambda started: started.deploy(say)) as running:
                say("the application is deployed")
                provision(running, catalog, day.jobs, folder / "data")
                say(f"playing {day.business_date}: {day.description.strip()}")
                played = player.play(running, day, folder / "data", say.clock)
                say("done")
        except (postgres.PostgresError, stack.StartError, stack.FunctionError, scenario.ScenarioError) as error:
            raise UsageError(str(error)) from None
    if arguments.json:
        report.print_json({"business_date": day.business_date.isoformat(), **vars(played)})
    else:
        _print(played, day, arguments.quiet)
    return FINDINGS if played.problems else FINE


def _scenario(arguments: argparse.Namespace, mesh: Mesh) -> "Scenario":
    from headgate.local import scenario

    if arguments.scenario is None:
        return default_scenario(mesh, arguments.date or datetime.now().astimezone().date())
    if arguments.date is not None:
        raise UsageError("--date is for the default scenario; a scenario names its own")
    return scenario.read(arguments.scenario)


def _print(day: "Day", scenario: "Scenario", quiet: bool) -> None:
    clock = formatting.Clock(scenario.timezone, scenario.business_date.isoformat())
    if not quiet:
        print(f"\nWhat happened ({scenario.timezone.key} time)\n")
        for line in _with_notes(day, scenario, clock):
            print(line)
    print(f"\nHow {scenario.business_date} ended\n")
    named = scenario.expect.keys()
    for line in formatting.status(
        [each for each in day.products if not named or each["product"] in named or each["status"] != "NOT OPENED"],
        clock,
    ):
        print(line)
    if day.dead_letters:
        print(f"{report.plural(day.dead_letters, 'message')} refused and kept in a dead letter queue")
    if day.incidents:
        print(f"{report.plural(len(day.incidents), 'incident')} opened")
    for each in day.alerts:
        if each["service"] == "slack" and each["path"].endswith("postMessage"):
            print(f"told on Slack, {each['body']['channel']}: {each['body']['text']}")
        elif each["service"] == "opsgenie":
            print(f"told on OpsGenie: {each['body'].get('message') or each['body'].get('note')}")
    print()
    if day.problems:
        print("Not as the scenario says:")
        for problem in day.problems:
            print(f"  {problem}")
    else:
        print("Everything ended as the scenario says.")


def _with_notes(day: "Day", scenario: "Scenario", clock: formatting.Clock) -> Iterator[str]:
    """The history, with the scenario's notes where they belong."""
    notes = [(each.at, f"{each.at:%H:%M:%S}  # {each.note}") for each in scenario.moments if each.note]
    for line, entry in zip(formatting.history(day.entries, clock), day.entries, strict=False):
        at = datetime.fromisoformat(entry["at"])
        while notes and notes[0][0] <= at:
            yield notes.pop(0)[1]
        yield line
    yield from (note for _, note in notes)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise UsageError(f"{keep} is not empty; name a new folder")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    _sweep()
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder,
        open(Path(folder, "lock"), "w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(folder)


def _sweep() -> None:
    """Removes what runs that were killed left behind: their folders are locked by nobody."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / "lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


class _Say:
    """What is being done, with the seconds since the beginning; the day's clock on one line of a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._began = quiet, time.monotonic()
        self._terminal = sys.stderr.isatty() and not quiet

    def __call__(self, words: str) -> None:
        if not self._quiet:
            start = "\r\033[K" if self._terminal else ""
            print(f"{start}{time.monotonic() - self._began:5.1f} s  {words}", file=sys.stderr, flush=True)

    def clock(self, moment: datetime) -> None:
        if self._terminal:
            print(f"\r\033[K         {moment:%Y-%m-%d %H:%M}", end="", file=sys.stderr, flush=True)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: a date is written YYYY-MM-DD") from None
