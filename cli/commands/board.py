"""`headgate board`: serves the board on this machine, for the local application or for deployed stacks."""

import argparse
import socket
from pathlib import Path

from headgate.board.api import Application as Asked
from headgate.board.api import Board
from headgate.board.serving import PORT, address, serve, token_of
from headgate.cli import browser, terminal
from headgate.cli.application import LOCAL, application
from headgate.cli.arguments import add_application, add_products, whole_number
from headgate.cli.board_application import BoardApplication, LocalBoardApplication
from headgate.cli.board_editor import MetadataEditor
from headgate.cli.errors import FINE, UsageError
from headgate.local import presence
from headgate.local.process import LOOPBACK, listener

FOLDER = LOCAL.parent  # of the token for deployed stacks


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    add_application(
        parser, stack="a deployed stack, also several times: one board for all (default: the one in headgate.toml, else as with --local)", several=True
    )  # fmt: skip
    parser.add_argument(
        "--port", type=whole_number("a port", 1024, 65535), metavar="PORT", help=f"where to serve it (default: {PORT}, or a free one)"
    )  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    parser.add_argument("--listening", type=whole_number("a file descriptor"), help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    if arguments.listening is not None:  # of the application that `headgate up` runs
        with socket.socket(fileno=arguments.listening) as given:
            serve(Board([LocalBoardApplication()], _editor(arguments.products)), given, token_of(LOCAL.resolve()))
        return FINE
    found = _applications(arguments)
    if isinstance(found, str):
        return _show(found, arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with listener(arguments.port or PORT) as listening:
        if arguments.port and listening.getsockname()[1] != arguments.port:
            raise UsageError(f"--port {arguments.port}: another process has this port of {LOOPBACK}")
        token = token_of(FOLDER.resolve())
        _show(address(listening, token), arguments)
        serve(Board(found, _editor(arguments.products)), listening, token)
    return FINE


def _editor(products: Path) -> MetadataEditor | None:
    return MetadataEditor(products) if products.is_dir() else None


def _applications(arguments: argparse.Namespace) -> "list[Asked] | str":
    """Those to be shown, or the address where `headgate up` shows the local one already."""
    stacks = arguments.stack or [None]
    targets = [application(argparse.Namespace(**{**vars(arguments), "stack": each})) for each in stacks]
    if not targets[0].local:
        return [BoardApplication(each) for each in targets]
    known = presence.look(LOCAL).known or {}
    if "board" in known and not arguments.port:
        return f"{known['board']}#token={token_of(Path(LOCAL).resolve())}"
    return [LocalBoardApplication()]


def _show(where: str, arguments: argparse.Namespace) -> int:
    if arguments.json:
        terminal.print_json({"board": where})
        return FINE
    terminal.line(f"The board is at {where}")
    if not arguments.no_browser:
        browser.open_page(where)
    return FINE
