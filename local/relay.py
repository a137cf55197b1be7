"""Makes local servers reachable from containers: connections to the address of a container engine's bridge are passed on to loopback.

The servers themselves listen on loopback only. A bridge address is reachable from this machine and its containers, not from
other machines (docs.docker.com/engine/network/drivers/bridge).
"""

import contextlib
import fcntl
import select
import socket
import struct
import threading
from collections.abc import Iterator, Sequence

SIOCGIFADDR = 0x8915  # Linux: the address of an interface
BRIDGES = ("docker0", "podman0", "cni-podman0")
CHUNK = 64 * 1024


class RelayError(RuntimeError):
    """The address cannot be used; the message states the reason and the remedy."""


def bridge_address() -> str:
    """The address of the first container bridge of this machine. Raises `RelayError` where there is none."""
    names = {name for _, name in socket.if_nameindex()}
    for bridge in BRIDGES:
        if bridge in names:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", bridge.encode()))
                return socket.inet_ntoa(answer[20:24])
    raise RelayError(
        f"no container bridge found (looked for {', '.join(BRIDGES)}); start a container once, or name the bridge's address"
    )


@contextlib.contextmanager
def relayed(address: str, ports: Sequence[int]) -> Iterator[None]:
    """Accepts connections on `address` at each of `ports` and passes them to the same port of 127.0.0.1. Raises `RelayError`."""
    listeners: list[socket.socket] = []
    try:
        for port in ports:
            try:
                listeners.append(socket.create_server((address, port), backlog=128))
            except OSError as error:
                raise RelayError(f"cannot listen on {address}:{port}: {error.strerror}") from None
        for listener in listeners:
            threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield
    finally:
        for listener in listeners:
            listener.close()


def _accept(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # closed
            return
        threading.Thread(target=_pass_on, args=(client, port), daemon=True).start()


def _pass_on(client: socket.socket, port: int) -> None:
    """Copies in both directions until each side has finished sending."""
    with client:
        try:
            server = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            return
        with server, contextlib.suppress(OSError):
            other = {client: server, server: client}
            open_ends = {client, server}
            while open_ends:
                for end in select.select(list(open_ends), [], [])[0]:
                    data = end.recv(CHUNK)
                    if data:
                        other[end].sendall(data)
                    else:
                        open_ends.discard(end)
                        other[end].shutdown(socket.SHUT_WR)
