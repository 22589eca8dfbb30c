"""A tiny HTTP server on loopback that answers byte for byte what a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOGIN_OK = b"<commands><command><type>loginguest</type><result>1</result><message></message></command></commands>"
ALIVE = b"<infos><info><profile>spfc</profile><authenticated>1</authenticated></info></infos>"
DONE = b"<commands><command><type>x</type><result>1</result><message></message></command></commands>"
CLOSE = b""
"""An answer of no bytes: the connection is closed."""


def ok(body: bytes, *, headers: str = "", keep: bool = True) -> bytes:
    """Spell a whole answer with status 200."""
    close = "" if keep else "Connection: close\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n{close}{headers}\r\n"
    return head.encode() + body


def status(code: int, body: bytes = b"", headers: str = "") -> bytes:
    """Spell a whole answer with another status."""
    return f"HTTP/1.1 {code} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def operation(self) -> str:
        """The last part of the path."""
        return self.target.partition("?")[0].rpartition("/")[2]


Answer = Callable[[Seen], "bytes | tuple[bytes, str]"]


@dataclass
class RawServer:
    """Answers each request by ``answer``; an empty answer, or one paired with "close", ends the connection."""

    answer: Answer
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def operations(self) -> list[str]:
        """What was asked for, in order."""
        return [request.operation for request in self.seen]

    def serve(self, connection: socket.socket, number: int) -> None:
        """Answer the requests of one connection."""
        with connection, connection.makefile("rb") as reader:
            while True:
                line = reader.readline().decode()
                if not line:
                    return
                method, target, _ = line.split(" ", 2)
                headers: dict[str, str] = {}
                while (raw := reader.readline().decode().strip()) != "":
                    name, _, value = raw.partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", "0")))
                request = Seen(method, target, headers, body, number)
                with self.lock:
                    self.seen.append(request)
                    answer = self.answer(request)
                data, then = answer if isinstance(answer, tuple) else (answer, "")
                if data:
                    connection.sendall(data)
                if not data or then == "close":
                    return


@contextmanager
def raw_server(answer: Answer) -> Iterator[RawServer]:
    """Run a server; logins succeed and sessions live unless ``answer`` says otherwise for those operations."""
    server = RawServer(answer)
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def accept() -> None:
        number = 0
        while True:
            connection, _ = listener.accept()
            if stopping.is_set():
                connection.close()
                return
            number += 1
            thread = threading.Thread(target=server.serve, args=(connection, number), daemon=True)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        acceptor.join()
        listener.close()


def scripted(*answers: bytes | tuple[bytes, str]) -> Answer:
    """Answer logins and session checks well, everything else by the list, in order."""
    left = list(answers)

    def answer(request: Seen) -> bytes | tuple[bytes, str]:
        if request.operation == "loginguest":
            return ok(LOGIN_OK, headers="Set-Cookie: tonido-login-hash=abcdef123456; path=/\r\n")
        if request.operation == "getauthenticationinfo":
            return ok(ALIVE)
        if request.operation == "locksession":
            return ok(DONE)
        return left.pop(0)

    return answer
