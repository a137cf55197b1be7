"""The Lambda runtime emulator that aws-sam-cli carries: it runs a handler as Lambda does, without a container."""

import contextlib
import fcntl
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EMULATORS = sorted(ROOT.glob(".venv-sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-*"))


def emulator() -> Path | None:
    """The emulator for this processor; None where aws-sam-cli is not installed."""
    name = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    return next((path for path in EMULATORS if path.name.endswith(name)), None)


class Function:
    """A running function: `invoke` gives the answer as Lambda would."""

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self.log = log

    def invoke(self, event: Any) -> Any:
        request = urllib.request.Request(self.url, json.dumps(event).encode())
        with urllib.request.urlopen(request, timeout=40) as answer:
            text = answer.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text


@contextlib.contextmanager
def _ports(count: int) -> Iterator[list[int]]:
    """Free ports for a server that cannot choose its own. They are outside the range from which the system takes ports for
    connections, and locked against other processes of the tests until the end of the block."""
    folder = Path(tempfile.gettempdir(), "headgate-test-ports")
    folder.mkdir(exist_ok=True)
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in range(20_000 + os.getpid() % 10_000, 32_000):
            lock = stack.enter_context(open(folder / str(port), "w"))
            with contextlib.suppress(OSError), socket.socket() as probe:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                break
        yield found


@contextlib.contextmanager
def running(
    handler: str, environment: dict[str, str], log: Path, timeout: int = 10, code: Path = ROOT / "functions"
) -> Iterator[Function]:
    """The handler under the emulator, its code in `code`, until the end of the block."""
    binary = emulator()
    assert binary is not None
    variables = {
        **os.environ,
        **environment,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_NAME": handler.split(".")[0],
    }
    with _ports(2) as (port, runtime):
        command = [
            str(binary), "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{runtime}",
            sys.executable, "-m", "awslambdaric", handler,
        ]  # fmt: skip
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command, cwd=code, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            _await(process, port, log)
            yield Function(port, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Returns when the process listens on the port. The emulator does not say when; it is asked."""
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
