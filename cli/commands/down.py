"""`headgate down`: ends what `headgate up` started; its data stays unless `--forget` is given."""

import argparse
import os
import shutil
import signal
import time

from headgate.cli.commands.up import pid_of
from headgate.cli.deployed import LOCAL
from headgate.cli.project import FINE, UsageError

PATIENCE = 60.0


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget", action="store_true", help="also delete its data")


def run(arguments: argparse.Namespace) -> int:
    folder = LOCAL.resolve()
    pid = pid_of(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while pid_of(folder) is not None:
            if time.monotonic() > deadline:
                raise UsageError(f"process {pid} does not end; see {folder / 'up.log'}")
            time.sleep(0.1)
    if arguments.forget:
        shutil.rmtree(folder, ignore_errors=True)
    print("ended" if pid is not None else "nothing was running")
    return FINE
