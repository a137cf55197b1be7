"""`headgate down`: stops the application that `headgate up` started; its data stays unless `--forget` is given."""

import argparse
import shutil
from pathlib import Path

from headgate.cli import local_application, terminal
from headgate.cli.application import LOCAL
from headgate.cli.errors import FINE
from headgate.cli.project import require_project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget", action="store_true", help="also delete its data")


def run(arguments: argparse.Namespace) -> int:
    if not LOCAL.exists():
        require_project(Path.cwd())
    folder = LOCAL.resolve()
    stopped = local_application.stop(folder)
    if arguments.forget:
        shutil.rmtree(folder, ignore_errors=True)
    terminal.line("stopped" if stopped else "no application was running")
    return FINE
