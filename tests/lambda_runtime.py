"""The Lambda runtime emulator that aws-sam-cli carries: it runs a handler as Lambda does, without a container."""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
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


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    handler: str, environment: dict[str, str], log: Path, timeout: int = 10, code: Path = ROOT / "functions"
) -> Iterator[Function]:
    """The handler under the emulator, its code in `code`, until the end of the block."""
    binary = emulator()
    assert binary is not None
    port, runtime = _free_port(), _free_port()
    command = [
        str(binary), "--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{runtime}",
        sys.executable, "-m", "awslambdaric", handler,
    ]  # fmt: skip
    variables = {
        **os.environ,
        **environment,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_NAME": handler.split(".")[0],
    }
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=code,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield Function(port, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait(10)
