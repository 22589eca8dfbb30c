"""The judge, the door and the table of the conformance runs."""

from __future__ import annotations

import json
import socket
from collections import Counter
from pathlib import Path

import pytest
from tests.conformance.catalogue import CLIENTS, Client
from tests.conformance.door import door
from tests.conformance.environments import ROOMS
from tests.conformance.judge import Finding, findings, quick_xor
from tests.conformance.result import ABSENT, GREEN, RED, Result
from tests.conformance.table import put
from tests.conformance.traffic import Traffic


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "library/sub").mkdir(parents=True)
    (tmp_path / "library/a").write_bytes(b"1")
    (tmp_path / "library/sub/b").write_bytes(b"22")
    return tmp_path / "library"


def judged(library: Path, **line: object) -> Finding:
    report = library.parent / "report.jsonl"
    report.write_text(json.dumps({"check": "c", **line}) + "\n")
    (finding,) = findings(report, library)
    return finding


def test_what_was_listed(library: Path) -> None:
    assert judged(library, entries={"a": 1, "sub": None, "sub/b": 2}).good
    assert judged(library, entries={"a": 1, "sub": None}).note == "1 missing: 'sub/b'"
    assert judged(library, entries={"a": 3, "sub": None, "sub/b": 2}).note == "1 different: 'a'"
    assert judged(library, entries={"a": 1, "sub": None, "sub/b": 2, "c": 0}).note == "1 not there: 'c'"


def test_what_was_hashed(library: Path) -> None:
    right = {path: quick_xor(library / path) for path in ("a", "sub/b")}
    assert judged(library, hashes=right).good
    assert not judged(library, hashes={**right, "a": right["sub/b"]}).good


def test_what_was_read(library: Path) -> None:
    copy = library.parent / "copy"
    (copy / "sub").mkdir(parents=True)
    (copy / "sub/b").write_bytes(b"22")
    assert judged(library, folder=str(copy)).note == "1 missing: 'a'"
    assert judged(library, folder=str(copy), only="sub/").good
    (copy / "a").write_bytes(b"2")
    assert judged(library, folder=str(copy)).note == "1 different: 'a'"
    (copy / "a").write_bytes(b"1")
    assert judged(library, folder=str(copy)).good


def test_a_known_difference_that_has_gone_is_a_trouble() -> None:
    client = Client("x", "x", "x", differences={"known": "because"})
    failing, fine = Finding("known", False, "as ever"), Finding("known", True, "")
    assert Result(client, "1", (failing,)).verdict == GREEN
    assert Result(client, "1", (fine,)).troubles == ["known: goes well now; its known difference has to go"]
    assert Result(client, "1", (Finding("other", False, "why"),)).troubles == ["other: why"]
    unknown = Result(client, "1", (failing,), Traffic(Counter({"graph.unknown": 2})))
    assert unknown.troubles == ["graph.unknown: 2 requests that the simulator does not know"]
    assert unknown.verdict == RED


def test_nothing_tried_is_not_green() -> None:
    client = Client("x", "x", "x")
    assert Result(client, "1").verdict == RED
    assert Result(client, "1", absent=True, why="no packages").verdict == ABSENT


def test_the_door_lets_nothing_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as beyond, door({"graph.example": beyond.getsockname()[1]}) as way:
        port = int(way.url.rpartition(":")[2])
        for request in (b"CONNECT elsewhere.example:443", b"CONNECT graph.example:80", b"GET http://graph.example/"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(request + b" HTTP/1.1\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.1 403")
        assert sum(way.refused.values()) == 3
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"CONNECT Graph.example:443 HTTP/1.1\r\n\r\nhello")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            server, _ = beyond.accept()
            with server:
                assert server.recv(5) == b"hello"
                server.sendall(b"world")
                assert client.recv(5) == b"world"
        assert way.passed == {"graph.example": 1}


def test_the_document_keeps_what_people_wrote(tmp_path: Path) -> None:
    document = tmp_path / "conformance.md"
    document.write_text(
        "before\n<!-- summary -->\nold\n<!-- /summary -->\nbetween\n<!-- details --><!-- /details -->\n"
    )
    put(
        document, [Result(CLIENTS[0], "1.2", (Finding("secret", True, "token"),), Traffic(Counter({"login.token": 3})))]
    )
    text = document.read_text()
    assert "| msal | 1.2 | 3 | 1 of 1 | green |" in text
    assert "- secret: ok (token)" in text
    assert text.startswith("before\n") and "\nbetween\n" in text and "old" not in text


@pytest.mark.parametrize("client", CLIENTS, ids=lambda c: c.name)
def test_every_client_is_pinned_and_driven(client: Client) -> None:
    room = ROOMS / client.room
    assert (ROOMS / (client.script or client.room) / "drive.py").exists()
    if (room / "packages.txt").exists():
        return  # Debian pins its packages by its release
    pins = [line for line in (room / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert pins and all("==" in pin for pin in pins)
