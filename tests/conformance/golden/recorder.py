"""A loopback stage between a FileCloud client and a server: passes everything on, and writes down what was sent."""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Flat = dict[str, str]
"""A request as names and texts: ``method``, ``path``, ``query NAME``, ``form NAME``, ``header NAME``, ``cookie NAME``,
``part N ...`` of a multipart body. Everything is decoded; header names are in lower case."""

_VALUES = frozenset({"accept", "accept-encoding", "user-agent", "x-fc-send-etag", "range", "connection"})
"""Headers whose values are compared; of the others the name alone is."""
_SECRET = frozenset({"password", "token"})
_PIECE = 1 << 20


def describe(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Flat:
    """Return a request in its flat form; what is secret or changes each time is masked."""
    parts = urlsplit(target)
    flat = {"method": method, "path": parts.path}
    flat |= _named("query", parse_qsl(parts.query, keep_blank_values=True))
    for name, value in headers.items():
        name = name.lower()
        flat[f"header {name}"] = value if name in _VALUES else "present"
        if name == "cookie":
            flat |= {f"cookie {pair.partition('=')[0].strip()}": "***" for pair in value.split(";")}
    kind = headers.get("Content-Type", "")
    if kind:
        flat["header content-type"] = kind.partition(";")[0]
    if kind.startswith("multipart/"):
        flat |= _parts(kind, body)
    elif body:
        flat |= _named("form", parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    return flat


def _named(what: str, pairs: list[tuple[str, str]]) -> Flat:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a parameter is given twice: {names}"
    return {f"{what} {name}": _masked(name, value) for name, value in pairs}


def _masked(name: str, value: str) -> str:
    if name in _SECRET:
        return "***"
    if name == "ifetag" and value.strip("0"):
        return "the etag that the server gave"
    return value


def _parts(content_type: str, body: bytes) -> Flat:
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    flat: Flat = {}
    for number, part in enumerate(body.split(b"--" + boundary)[1:-1]):
        head, _, rest = part.partition(b"\r\n\r\n")
        data = rest.removesuffix(b"\r\n")
        # Only the head goes to the mail parser: it would change the line ends of the content.
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
        flat |= {f"part {number} {name}": value for name, value in message["Content-Disposition"].params.items()}
        flat[f"part {number} headers"] = ", ".join(sorted(name.lower() for name in message))
        flat[f"part {number} content"] = f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"
    return flat


class Recorder:
    """The requests of each wish, in order. A wish is begun by name, by us or by a request to ``/_wish/NAME``."""

    def __init__(self) -> None:
        self.wishes: dict[str, list[Flat]] = {}
        self.prepare: Callable[[str], None] = lambda wish: None
        """Called before each wish."""
        self._open: list[Flat] = []
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """From here on requests belong to this wish; with an empty name to nobody."""
        self.prepare(name)
        with self._lock:
            self._open = []
            if name:
                assert name not in self.wishes, name
                self.wishes[name] = self._open

    def note(self, request: Flat) -> None:
        """Keep one request."""
        with self._lock:
            self._open.append(request)


@contextmanager
def stage(upstream: str, recorder: Recorder) -> Iterator[str]:
    """Serve on loopback, passing on to ``upstream``; gives the address to hand to the client."""
    host = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path.startswith("/_wish/"):
                recorder.begin(dict(parse_qsl(urlsplit(self.path).query)).get("name", ""))
                self._answer(200, [], b"")
                return
            recorder.note(describe(self.command, self.path, self.headers, body))
            connection = http.client.HTTPConnection(host, timeout=60)
            try:
                sent = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection.request(self.command, self.path, body, sent)
                response = connection.getresponse()
                self._answer(response.status, response.getheaders(), response.read())
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = _pass_on  # noqa: N815 - the names that the base class looks for
        do_POST = _pass_on  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
