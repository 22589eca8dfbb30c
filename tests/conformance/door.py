"""Leads clients that know the real services by name to the simulators: an HTTP proxy that serves CONNECT on loopback.

Bytes pass unread: TLS is between the client and the simulator, whose certificate has the real names. A name that is
not played here is refused and remembered, so that nothing leaves the machine.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_LARGEST_HEAD = 64 << 10


@dataclass(slots=True)
class Door:
    """Where the proxy listens, and the names that it was asked for: let through, and refused."""

    url: str
    passed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@contextmanager
def door(places: Mapping[str, int]) -> Iterator[Door]:
    """Serve while the block runs; ``places`` says on which port of this machine each name is played."""
    server = _Server(("127.0.0.1", 0), _Visit)
    server.places = dict(places)
    server.door = Door(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.door
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    places: dict[str, int]
    door: Door


class _Visit(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        head = self._head()
        method, _, rest = head.partition(" ")
        name, _, port = rest.partition(" ")[0].partition(":")
        here = self.server.places.get(name.lower()) if (method, port) == ("CONNECT", "443") else None
        if here is None:
            self.server.door.refused[name or "?"] += 1
            self.request.sendall(b"HTTP/1.1 403 Not played here\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.door.passed[name.lower()] += 1
        with socket.create_connection(("127.0.0.1", here)) as beyond:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pour, args=(beyond, self.request), daemon=True)
            back.start()
            _pour(self.request, beyond)
            back.join()

    def _head(self) -> str:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LARGEST_HEAD:
            more = self.request.recv(1)  # not a byte of what follows the head may be taken
            if not more:
                break
            head += more
        return head.decode("latin-1")


def _pour(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until one side ends."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass  # the other side has gone: so do we
    finally:
        for one, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                one.shutdown(how)
            except OSError:
                continue
