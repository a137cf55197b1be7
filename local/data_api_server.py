"""Serves the Data API over HTTP on a free port of the loopback interface."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from headgate.local.data_api import MAX_REQUEST, DataApi
from headgate.local.data_api_values import ApiError
from headgate.local.process import LOOPBACK, listener

RESOURCE_ARN = "arn:aws:rds:us-east-1:000000000000:cluster:headgate-local"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:headgate-local"  # noqa: S105 - a name, no secret


@contextlib.contextmanager
def served(api: DataApi, port: int = 0) -> Iterator[str]:
    """The endpoint's URL, such as `http://127.0.0.1:40123`; on the port, or on a free one if it is taken or 0."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024  # headers and body in one packet: else each waits for the other side's acknowledgement

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            # a request far too large is not read at all
            body = self.rfile.read(length) if length <= 4 * MAX_REQUEST else b" " * (MAX_REQUEST + 1)
            try:
                status, answer, kind = 200, json.dumps(api.call(self.path, body)).encode(), None
            except ApiError as error:
                status, answer, kind = error.status, json.dumps({"message": str(error)}).encode(), error.code
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            if kind:
                self.send_header("x-amzn-ErrorType", kind)
            if length > 4 * MAX_REQUEST:
                self.close_connection = True
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Statements and their values stay out of the terminal."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    socket = listener(port)
    server = Server(socket.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{socket.getsockname()[1]}"
    finally:
        server.shutdown()
        server.server_close()
        api.close()
