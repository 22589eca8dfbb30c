"""A tiny scripted HTTP server on loopback, for answers that the simulator cannot give."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """What to send. ``announce`` is a false Content-Length; ``reset`` cuts the line before any answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    announce: int | None = None
    reset: bool = False
    chunked: bool = False


def json_answer(body: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, json.dumps(body).encode())


def error_answer(status: int, code: str = "", inner: str = "", **headers: str) -> Answer:
    error: dict[str, Any] = {"code": code, "message": "free text", "innerError": {"request-id": "rid-1"}}
    if inner:
        error["innerError"]["code"] = inner
    return json_answer({"error": error}, status, **headers)


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up: tests do that on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Stub:
    """Answers each path prefix with a queue of answers; the last one is repeated. The longest prefix wins."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._queues: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub._serve(self)

            do_POST = do_GET  # noqa: N815 - the name is given by http.server

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def on(self, prefix: str, *answers: Answer) -> None:
        with self._lock:
            self._queues[prefix] = list(answers)

    def paths(self, prefix: str = "") -> list[str]:
        return [seen.path for seen in self.seen if seen.path.startswith(prefix)]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            seen = Seen(handler.command, handler.path, dict(handler.headers), body, handler.client_address[1])
            self.seen.append(seen)
            found = max((p for p in self._queues if handler.path.startswith(p)), key=len, default=None)
            queue = self._queues[found] if found is not None else [error_answer(404, "itemNotFound")]
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if answer.reset:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(answer.body), answer.body))
            return
        handler.send_header("Content-Length", str(answer.announce or len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)
        if answer.announce is not None:
            handler.wfile.flush()
            handler.close_connection = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.time += max(0.0, seconds)
