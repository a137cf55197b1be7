"""Starts servers that end with the process that started them, as root or not, on ports that no other process can take."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"
BACKLOG = 128
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
NOBODY = 65534


def listener(wanted: int = 0) -> socket.socket:
    """A socket that listens on the loopback interface: on the wanted port, or on a free one if another process has it.

    The server takes over the socket itself, so no other process can take its port in between, nor while a server is restarted.
    """
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((LOOPBACK, wanted))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        if not wanted:
            raise
        return listener()
    return made


def popen(
    command: list[str],
    log: Path,
    stop_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
    not_as_root: bool = False,
    keep_open: Iterable[int] = (),
) -> subprocess.Popen[bytes]:
    """The started process, its output in `log`. It receives `stop_signal` when this process ends, for whatever reason.

    For a server that refuses to run as root, `not_as_root` gives root a user namespace in which it is nobody. The process gets the
    file descriptors of `keep_open`.
    """
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=dies_with_parent(stop_signal, not_as_root),
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
    if sys.platform != "linux":
        _watch(process.pid, stop_signal)
    return process


def command_of(pid: int) -> str:
    """The command line of the process; empty if there is none."""
    if sys.platform == "linux":
        try:
            return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def dies_with_parent(stop_signal: signal.Signals = signal.SIGKILL, not_as_root: bool = False) -> Callable[[], None]:
    """A `preexec_fn`: what a child does before its program starts, so that it ends with the thread that started it (Linux)."""
    parent = os.getpid()
    as_nobody = not_as_root and sys.platform == "linux" and os.geteuid() == 0
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is None:
            return
        if as_nobody:
            user, group = os.geteuid(), os.getegid()
            if libc.unshare(CLONE_NEWUSER) != 0:
                os._exit(126)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")
        # after the change of user, which clears it
        libc.prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # the parent has ended in the meantime
            os._exit(127)

    return prepare


def _watch(pid: int, stop_signal: signal.Signals) -> None:
    """Where the kernel has no parent-death signal: a helper that sees this process's end as the end of its input."""
    script = f"import os, sys; sys.stdin.read(); os.kill({pid}, {int(stop_signal)})"
    subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, start_new_session=True)
