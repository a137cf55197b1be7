"""Serves the board at a port of this machine, and keeps the address between two starts."""

import os
import secrets
import socket
import stat
from pathlib import Path

import uvicorn

from headgate.board.api import Board
from headgate.board.server import app

PORT = 4600  # if it is free
TOKEN = "board-token"  # noqa: S105 - the name of a file


def address(listening: socket.socket, token: str) -> str:
    """Where the page is. The token is in the fragment, which a browser sends to nobody."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}/#token={token}"


def token_of(folder: Path) -> str:
    """The token of this folder, made once, so that an open page goes on after a new start."""
    path = folder / TOKEN
    try:
        if stat.S_IMODE(path.stat().st_mode) == 0o600 and (found := path.read_text("ascii").strip()):
            return found
    except OSError:
        pass
    made = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made)
    return made


def serve(board: Board, listening: socket.socket, token: str) -> None:
    """Serves until the process is asked to end (SIGTERM, SIGINT)."""
    served = app(board, listening.getsockname()[1], token)
    config = uvicorn.Config(
        served, log_level="warning", access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run(sockets=[listening])
