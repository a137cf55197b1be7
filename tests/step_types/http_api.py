"""An API as Databricks has one, on this machine: it starts runs, says how they stand, and ends them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Api:
    """`runs` by their ids: what each was started with, and its state, None while it runs. `states` has how the work of a name ends when it is asked
    about. The first `busy` calls that start something are refused. `seen` are the requests, with their credentials."""

    url: str = ""
    states: dict[str, str | None] = field(default_factory=dict)
    busy: int = 0
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/start":
            if self.busy > 0:
                self.busy -= 1
                return 429, {"error": "too many"}
            number = 100 + len(self.runs)
            self.runs[number] = body | {"state": None}
            return 200, {"run_id": number}
        number = int(query["run_id"][0]) if "run_id" in query else body["run_id"]
        if number not in self.runs:
            return 404, {"error": "no such run"}
        run = self.runs[number]
        if path == "/stop":
            run["state"] = run["state"] or "CANCELED"
            return 200, {}
        run["state"] = run["state"] or self.states.get(run.get("name", ""))
        return 200, {"state": {"result_state": run["state"], "state_message": "no such column"}}


@contextmanager
def api() -> Iterator[Api]:
    """The API, at `url`, until the end of the block."""
    made, lock = Api(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            with lock:
                made.seen.append((self.command, parts.path, self.headers.get("Authorization")))
                status, answer = made.answer(self.command, parts.path, parse_qs(parts.query), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815 - names of the standard library

        def log_message(self, format: str, *given: Any) -> None:  # noqa: A002 - the standard library's name
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
