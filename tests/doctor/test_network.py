"""Names, ports, certificates and proxies, looked at without any client of ours."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from spfc.doctor.network import Endpoint, certificate_is_good, clocks_agree, name_is_known, port_is_open, steps_to
from spfc.doctor.shape import Finding, Verdict

AUTHORITY = trustme.CA()


@contextlib.contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer connections on loopback, one after another, until the end of the block; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join()


def speaking_tls(*names: str, **dates: datetime) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names, **dates).configure_cert(context)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)

    return talk


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


def look(talk: Callable[[socket.socket], None], trust: bool | str, scheme: str = "https") -> Finding:
    with serving(talk) as port:
        endpoint = Endpoint("the server", f"{scheme}://localhost:{port}", trust, {})
        return certificate_is_good(endpoint, now=time.time())


YESTERDAY, SOON = datetime.now(UTC) - timedelta(1), datetime.now(UTC) + timedelta(5)


@pytest.mark.parametrize(
    ("names", "dates", "verdict", "words"),
    [
        (("localhost",), {}, Verdict.OK, "good until"),
        (("files.example.org",), {}, Verdict.FAIL, "Use a name that the certificate was made for as host"),
        (("localhost",), {"not_after": SOON}, Verdict.WARN, "Renew the certificate of localhost before"),
        (("localhost",), {"not_after": YESTERDAY}, Verdict.FAIL, "expired. -> Renew the certificate of localhost"),
        (("localhost",), {"not_before": SOON}, Verdict.FAIL, "Set this machine's clock"),
    ],
)
def test_certificates(
    ca_file: str, names: tuple[str, ...], dates: dict[str, Any], verdict: Verdict, words: str
) -> None:
    finding = look(speaking_tls(*names, **dates), ca_file)
    assert finding.verdict is verdict, finding
    assert words in f"{finding.found} -> {finding.next_step}"


def test_a_certificate_of_a_private_authority() -> None:
    finding = look(speaking_tls("localhost"), True)
    assert finding.verdict is Verdict.FAIL and "as ca_file" in finding.next_step


def test_a_server_that_speaks_no_tls(ca_file: str) -> None:
    finding = look(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ca_file)
    assert finding.verdict is Verdict.FAIL and "Check that this port speaks TLS" in finding.next_step


def test_plain_http_to_another_machine() -> None:
    endpoint = Endpoint("FileCloud", "http://files.example.org", True, {})
    finding = certificate_is_good(endpoint, now=0)
    assert finding.verdict is Verdict.WARN and "Set schema to https" in finding.next_step


# -- proxies -----------------------------------------------------------------------------------------


class Proxy:
    """Opens tunnels to one port, whatever host is asked for, and remembers what it was asked."""

    def __init__(self, port: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self.port, self.answer = port, answer
        self.asked: list[str] = []

    def talk(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        self.asked.append(head.decode())
        connection.sendall(self.answer)
        if b" 200 " not in self.answer:
            return
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            back = threading.Thread(target=self.pump, args=(server, connection), daemon=True)
            back.start()
            self.pump(connection, server)
            back.join()

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(4096):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def test_the_way_through_a_proxy(ca_file: str) -> None:
    with serving(speaking_tls("files.example.org")) as port:
        proxy = Proxy(port)
        with serving(proxy.talk) as door:
            proxies = {"https": f"http://me:hunter2@127.0.0.1:{door}"}
            endpoint = Endpoint("FileCloud", "https://files.example.org", ca_file, proxies)
            found = [step.run() for step in steps_to("x", lambda: endpoint, (), time.time)]
    assert [finding.verdict for finding in found] == [Verdict.OK] * 3, found
    assert "(the proxy on the way to files.example.org)" in found[0].found
    assert "hunter2" not in repr(found)
    assert proxy.asked[-1].startswith("CONNECT files.example.org:443 ")
    assert "Proxy-Authorization: Basic bWU6aHVudGVyMg==" in proxy.asked[-1]


def test_a_proxy_that_refuses() -> None:
    proxy = Proxy(0, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    with serving(proxy.talk) as door:
        endpoint = Endpoint("x", "https://files.example.org", True, {"https": f"http://127.0.0.1:{door}"})
        finding = port_is_open(endpoint)
    assert finding.verdict is Verdict.FAIL and "407" in finding.found


def test_a_proxy_that_does_not_exist() -> None:
    finding = name_is_known(Endpoint("x", "https://files.example.org", True, {"https": "http://proxy.invalid:3128"}))
    assert finding.verdict is Verdict.FAIL
    assert "proxy.invalid" in finding.found and "the proxy setting" in finding.next_step


def test_a_proxy_that_cannot_be_looked_through() -> None:
    endpoint = Endpoint("x", "https://files.example.org", True, {"https": "socks5://127.0.0.1:1080"})
    assert steps_to("x", lambda: endpoint, (), time.time)[2].run().verdict is Verdict.SKIPPED


# -- clocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [(0, Verdict.OK), (29, Verdict.OK), (-29, Verdict.OK), (45, Verdict.WARN), (299, Verdict.WARN),
     (-310, Verdict.FAIL), (7200, Verdict.FAIL)],
)  # fmt: skip
def test_clocks(ahead: int, verdict: Verdict) -> None:
    header = formatdate(1_700_000_000 + ahead, usegmt=True)
    finding, found = clocks_agree(header, 1_700_000_000.5, whose="Its clock", step="Set it.")
    assert finding.verdict is verdict
    assert found == ahead


@pytest.mark.parametrize("header", [None, "", "yesterday"])
def test_a_server_that_tells_no_time(header: str | None) -> None:
    finding, ahead = clocks_agree(header, 0.0, whose="Its clock", step="Set it.")
    assert (finding.verdict, ahead) == (Verdict.WARN, 0.0)
