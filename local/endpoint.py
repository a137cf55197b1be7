"""The local AWS endpoint: ministack in a process of the runtime, with the adapters, and a second port to control it.

`python -m headgate.local.endpoint` reads its settings from the environment (see `environment`) and serves until it is terminated.
"""

import asyncio
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from headgate.local.clock import Clock
from headgate.local.process import LOOPBACK
from headgate.local.receivers import Receivers

SLACK_SCOPES = "chat:write, channels:history"  # of the token, in each answer
CHECKS, CHECK_SECONDS = 3, 0.01  # so many checks in a row must find no activity before the endpoint counts as idle


@dataclass(frozen=True)
class Sockets:
    """Where the endpoint listens, for AWS calls and for control; the process that starts it holds them as long as it lives."""

    gateway: socket.socket
    control: socket.socket

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.gateway.getsockname()[1]}"

    @property
    def control_url(self) -> str:
        return f"http://{LOOPBACK}:{self.control.getsockname()[1]}"

    @property
    def descriptors(self) -> tuple[int, int]:
        return self.gateway.fileno(), self.control.fileno()


def addresses(sockets: Sockets, data_api: str) -> dict[str, str]:
    """The variables by which functions find this runtime instead of AWS and the services that tell people."""
    return {
        "AWS_ENDPOINT_URL": sockets.url,
        "AWS_ENDPOINT_URL_RDS_DATA": data_api,
        "SLACK_API_URL": f"{sockets.control_url}/slack/",
        "OPSGENIE_API_URL": f"{sockets.control_url}/opsgenie",
        "ALERT_SERVICES_URL": sockets.control_url,  # for every name in the alert secret
    }


def environment(folder: Path, project: Path, sockets: Sockets, data_api: str, keep: bool) -> dict[str, str]:
    """The environment variables of the endpoint's process; its functions inherit them."""
    gateway, control = sockets.descriptors
    settings = {
        "GATEWAY_PORT": str(sockets.gateway.getsockname()[1]),
        "HEADGATE_FOLDER": str(folder),
        "HEADGATE_PROJECT": str(project.absolute()),
        "HEADGATE_CLOCK": str(folder / "clock"),
        "HEADGATE_GATEWAY": str(gateway),
        "HEADGATE_CONTROL": str(control),
        "HEADGATE_ADDRESSES": json.dumps(addresses(sockets, data_api)),  # the template's own are empty, which means AWS
        "AWS_MAX_ATTEMPTS": "3",
        "AUTH": "true",  # a function may do only what its role allows
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder / "tmp"),
        "S3_PERSIST": "1" if keep else "0",
        "S3_DATA_DIR": str(folder / "s3"),
        "PERSIST_STATE": "1" if keep else "0",
        "STATE_DIR": str(folder / "endpoint"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "HEADGATE_", "MINISTACK_"))
    }
    return {**inherited, **settings}


def _wait_until_idle(clock: Clock, seconds: float) -> dict[str, Any]:
    """{now, next} once it is idle; after that many seconds {stuck}: None if work has begun or ended in them."""
    from headgate.local.adapters import timing

    deadline, quiet, changes = time.monotonic() + seconds, 0, clock.changes()
    while quiet < CHECKS:
        now = clock.time()
        waiting, shown_at = timing.messages(now)
        working = clock.working()
        quiet = quiet + 1 if not working and not waiting else 0
        if not quiet and time.monotonic() > deadline:
            if clock.changes() != changes:
                return {"stuck": None}
            return {
                "stuck": f"the local application is stuck: for {seconds:.0f} s {working} threads work, {waiting} messages wait "
                "for a function, and nothing has begun or ended; a job may run for that long, or a function may hang"
            }
        time.sleep(CHECK_SECONDS)
    moments = [each for each in (clock.next_deadline(), shown_at, timing.next_tick(now)) if each is not None]
    return {"now": now, "next": min(moments, default=None)}


def _body(request: BaseHTTPRequestHandler) -> dict[str, Any]:
    text = request.rfile.read(int(request.headers["Content-Length"])).decode()
    if request.headers.get("Content-Type", "").startswith("application/json"):
        given: dict[str, Any] = json.loads(text)
        return given
    return dict(parse_qsl(text))


def _serve_control(descriptor: int, settings: Any) -> None:
    from headgate.local.adapters import service_events, timing

    def jump(given: dict[str, Any]) -> dict[str, Any]:
        settings.clock.jump(given["to"])
        timing.poll_queues()
        return {}

    def set_behaviours(given: dict[str, Any]) -> dict[str, Any]:
        settings.behaviours.update(given)
        return {}

    def set_away(given: dict[str, Any]) -> dict[str, Any]:
        settings.away.clear()
        settings.away.update(given["names"])
        return {}

    def publish(given: dict[str, Any]) -> dict[str, Any]:
        service_events.publish_as(settings, given["account"], given["region"], given["event"])
        return {}

    receivers = Receivers()
    actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "/wait": lambda given: _wait_until_idle(settings.clock, given["seconds"]),
        "/jump": jump,
        "/behaviours": set_behaviours,
        "/away": set_away,
        "/incidents": lambda given: {"incidents": settings.incidents},
        "/alerts": lambda given: {"alerts": receivers.alerts},
        "/lineage": lambda given: {"events": receivers.run_events},
        "/service-event": publish,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = _body(self)
            if self.path in actions:
                status, answer = 200, actions[self.path](given)
            else:
                status, answer = receivers.receive(self.path, given, self.headers["Authorization"])
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-OAuth-Scopes", SLACK_SCOPES)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    """Serves. A problem with the adapters ends the process before anything is served, one with saving its state ends it with an error."""
    import ministack.app
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from headgate.local import adapters
    from headgate.local.adapters.settings import Settings

    folder = Path(os.environ["HEADGATE_FOLDER"])
    settings = Settings(
        Clock(Path(os.environ["HEADGATE_CLOCK"])),
        folder,
        f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        Path(os.environ["HEADGATE_PROJECT"]),
    )
    try:
        adapters.install(settings)
    except adapters.EndpointError as error:
        sys.exit(str(error))
    _serve_control(int(os.environ["HEADGATE_CONTROL"]), settings)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    config = Config()
    # ministack's own `main` takes a port by its number: another process may have taken it by then
    config.bind = [f"fd://{os.environ['HEADGATE_GATEWAY']}"]
    config.keep_alive_timeout, config.loglevel = 75, "WARNING"
    asyncio.run(serve(ministack.app.app, config))
    if settings.unsaved:
        sys.exit(f"not saved: {', '.join(settings.unsaved)}")


if __name__ == "__main__":
    main()
