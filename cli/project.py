"""What the commands share: where metadata and output are, loading with all findings, and ending with a message."""

import argparse
import re
import sys
from pathlib import Path

from headgate.generator.cache import Cache
from headgate.generator.project import Project

FINE, FINDINGS, USAGE = 0, 1, 2


class UsageError(Exception):
    """The command cannot do what was asked; the message says why and what to do."""


def add_folders(parser: argparse.ArgumentParser, out: bool = False) -> None:
    parser.add_argument(
        "--products", type=Path, default=Path("products"), metavar="DIR", help="the metadata (default: products)"
    )
    if out:
        parser.add_argument(
            "--out", type=Path, default=Path("statemachines"), metavar="DIR", help="the output (default: statemachines)"
        )


def product_name(text: str) -> str:
    """The name of a product, for an argument."""
    if not re.fullmatch(r"[^/]+/[^/]+", text):
        raise argparse.ArgumentTypeError(f"{text}: a product is named DOMAIN/PRODUCT, such as raw/rd1")
    return text


def open_project(root: Path) -> Project:
    """Reads and checks everything under `root`. Raises `UsageError`."""
    if not root.is_dir():
        raise UsageError(
            f"{root}: no such folder; run this in the project's folder, or name the metadata with --products DIR"
        )
    return Project(root, Cache(root.absolute().parent / ".headgate" / f"cache-{root.name}"))


class Progress:
    """One line on a terminal's standard error that says how far the work is."""

    def __init__(self, quiet: bool = False) -> None:
        self._on = sys.stderr.isatty() and not quiet
        self._shown = -1

    def __call__(self, what: str, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if self._on and percent != self._shown:
            self._shown = percent
            end = "\r\033[K" if done == total else ""
            print(f"\r\033[K{what}: {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
