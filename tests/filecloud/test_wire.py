from __future__ import annotations

import socket
import threading
from email.utils import formatdate
from pathlib import Path

import pytest
from tests.filecloud.raw_server import CLOSE, DONE, Seen, ok, raw_server, scripted, status
from tests.targets.world import FakeTime, make_client, world

from spfc.errors import (
    AnswerUnreadable,
    ConnectionInvalid,
    ReplyLost,
    RequestRefused,
    ServiceBusy,
    SpfcError,
    Throttled,
    Unreachable,
)
from spfc.filecloud import CallRefused, Chunk, FileCloudClient, FileCloudSettings, Hint
from spfc.filecloud.wire import retry_after

EMPTY = ok(b"<entries><meta><total>0</total><result>1</result></meta></entries>")
HTML = ok(b"<html><body>Gateway</body></html>")
CHUNK = Chunk("/spfc", "a.bin", 0, b"x", 1, "2024-07-19T20:32:00Z", last=True)


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_a_read_is_repeated_while_trouble_may_pass(code: int) -> None:
    time = FakeTime()
    with raw_server(scripted(status(code), status(code), EMPTY)) as server:
        client = make_client(server.url, time)
        assert client.list_page("/spfc").total == 0
        assert client.counts == {"loginguest": 1, "getfilelist": 3}
        assert client.refusals == (2 if code in (408, 425, 429, 503) else 0), "an error is no refusal"
        client.close()
    assert time.slept == [0.5, 1.0]  # full jitter with a die that always shows its highest


@pytest.mark.parametrize(("code", "kind"), [(503, ServiceBusy), (429, Throttled), (500, ServiceBusy)])
def test_trouble_that_stays_is_raised_after_a_bounded_number_of_tries(code: int, kind: type[SpfcError]) -> None:
    time = FakeTime()
    with raw_server(scripted(*[status(code)] * 4)) as server:
        client = make_client(server.url, time, attempts=4, backoff_cap=1.5)
        with pytest.raises(kind, match=str(code)):
            client.list_page("/spfc")
        client.close()
    assert time.slept == [0.5, 1.0, 1.5]


def test_retry_after_is_waited_in_full_by_everybody() -> None:
    time = FakeTime()
    with raw_server(scripted(status(503, headers="Retry-After: 17\r\n"), EMPTY, EMPTY)) as server:
        client = make_client(server.url, time)
        client.list_page("/spfc")
        client.list_page("/spfc")
        client.close()
    assert sum(time.slept) == 17


def test_a_pause_beyond_our_patience_is_handed_up() -> None:
    time = FakeTime()
    with raw_server(scripted(status(429, headers="Retry-After: 3600\r\n"))) as server:
        client = make_client(server.url, time)
        with pytest.raises(Throttled) as raised:
            client.list_page("/spfc")
        client.close()
    assert raised.value.retry_after == 3600
    assert time.slept == []


def test_retry_after_is_read_in_both_forms() -> None:
    import time

    assert retry_after("3") == 3
    assert retry_after(None) is None
    assert retry_after("soon") is None
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    ahead = retry_after(formatdate(time.time() + 100, usegmt=True))
    assert ahead is not None
    assert 90 < ahead <= 100


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_change_that_may_have_happened_is_not_repeated_blindly(code: int) -> None:
    with raw_server(scripted(status(code))) as server:
        client = make_client(server.url)
        with pytest.raises(ReplyLost):
            client.delete("/spfc", "a")
        client.close()
        assert server.operations.count("deletefile") == 1


@pytest.mark.parametrize("code", [429, 503])
def test_a_change_that_did_not_happen_is_repeated(code: int) -> None:
    with raw_server(scripted(status(code), ok(DONE))) as server:
        client = make_client(server.url)
        client.delete("/spfc", "a")
        client.close()
        assert server.operations.count("deletefile") == 2


def test_a_change_whose_connection_breaks_is_a_lost_reply() -> None:
    with raw_server(scripted(CLOSE, CLOSE)) as server:
        client = make_client(server.url)
        with pytest.raises(ReplyLost):
            client.move("/spfc/a", "/spfc/b")
        with pytest.raises(ReplyLost):
            client.upload_chunk(CHUNK)
        client.close()


def test_an_idle_connection_that_the_server_dropped_costs_no_wait() -> None:
    time = FakeTime()
    with raw_server(scripted(EMPTY, CLOSE, EMPTY)) as server:
        client = make_client(server.url, time)
        client.list_page("/spfc")
        client.list_page("/spfc")
        client.close()
        assert len({request.connection for request in server.seen}) == 2
    assert time.slept == []


def test_a_body_that_is_cut_is_asked_for_again() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<entries>"
    with raw_server(scripted((cut, "close"), EMPTY)) as server:
        client = make_client(server.url)
        assert client.list_page("/spfc").total == 0
        client.close()


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    time = FakeTime()
    client = make_client(f"http://127.0.0.1:{port}", time, attempts=3)
    with pytest.raises(Unreachable):
        client.create_folder("/spfc", "a")
    assert len(time.slept) == 2
    assert client.counts == {"loginguest": 3}
    assert client.refusals == 3


def test_a_silent_server_does_not_hang_us() -> None:
    release = threading.Event()

    def answer(request: Seen) -> bytes | tuple[bytes, str]:
        if request.operation == "getfilelist":
            release.wait(20)
            return CLOSE
        return served(request)

    served = scripted()
    with raw_server(answer) as server:
        client = make_client(server.url, read_timeout=0.1, attempts=2)
        with pytest.raises(Unreachable, match="silent"):
            client.list_page("/spfc")
        release.set()
        assert client.counts["getfilelist"] == 2
        client.close()


def test_a_last_chunk_may_take_longer_than_other_calls() -> None:
    waiting = threading.Event()

    def answer(request: Seen) -> bytes | tuple[bytes, str]:
        if request.operation == "upload":
            waiting.wait(0.3)
            return ok(b"OK")
        return served(request)

    served = scripted()
    with raw_server(answer) as server:
        client = make_client(server.url, read_timeout=0.1, last_chunk_timeout=30.0)
        assert client.upload_chunk(CHUNK) is None
        client.close()


def test_a_web_page_instead_of_xml_is_asked_for_again_and_then_unreadable() -> None:
    with raw_server(scripted(HTML, EMPTY)) as server:
        client = make_client(server.url)
        assert client.list_page("/spfc").total == 0
        client.close()
    with raw_server(scripted(HTML, HTML, HTML)) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable):
            client.list_page("/spfc")
        client.close()
        assert server.operations.count("getauthenticationinfo") == 1


def test_a_web_page_instead_of_ok_is_a_lost_reply() -> None:
    with raw_server(scripted(HTML)) as server:
        client = make_client(server.url)
        with pytest.raises(ReplyLost):
            client.upload_chunk(CHUNK)
        client.close()


@pytest.mark.parametrize("body", [b"OK", b"OK\n", b"\xef\xbb\xbfOK\r\n"])
def test_ok_is_ok(body: bytes) -> None:
    with raw_server(scripted(ok(body, headers='ETag: "e-1"\r\n'))) as server:
        client = make_client(server.url)
        assert client.upload_chunk(CHUNK) == "e-1"
        client.close()
        (upload,) = [request for request in server.seen if request.operation == "upload"]
        assert upload.headers["x-fc-send-etag"] == "1"
        assert "transfer-encoding" not in upload.headers
        assert int(upload.headers["content-length"]) == len(upload.body)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"Storage quota exceeded", Hint.QUOTA),
        (
            b"<commands><command><result>0</result><message>Quota is full</message></command></commands>",
            Hint.QUOTA,
        ),
        (b'{"command":[{"type":"upload","result":0,"message":"Quota is full"}]}', Hint.QUOTA),
        (b"NOT OK", Hint.UNKNOWN),
        (b"", Hint.UNKNOWN),
        (b"{broken", Hint.UNKNOWN),
    ],
)
def test_anything_but_ok_is_a_refusal_with_its_text(body: bytes, hint: Hint) -> None:
    with raw_server(scripted(ok(body))) as server:
        client = make_client(server.url)
        with pytest.raises(CallRefused) as raised:
            client.upload_chunk(CHUNK)
        assert raised.value.hint_kind is hint
        client.close()


@pytest.mark.parametrize("code", [400, 405, 418, 422])
def test_other_refusals_by_status_are_permanent(code: int) -> None:
    with raw_server(scripted(status(code))) as server:
        client = make_client(server.url)
        with pytest.raises(RequestRefused, match=str(code)):
            client.list_page("/spfc")
        client.close()
        assert server.operations.count("getfilelist") == 1


def test_tls_is_verified_against_the_given_authority(tmp_path: Path) -> None:
    with world(tmp_path, tls=True) as made:
        assert made.client(ca_file=str(made.simulator.ca_file)).list_page("/spfc").total == 0
        client = made.client()
        with pytest.raises(ConnectionInvalid, match="ca_file"):
            client.list_page("/spfc")
        assert client.calls == 1


def test_a_ca_file_that_is_not_there_is_a_mistake_in_the_connection(tmp_path: Path) -> None:
    settings = FileCloudSettings("https://files.example.org", "u", "p", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(ConnectionInvalid, match=r"ca\.pem is not there.*Correct ca_file"):
        FileCloudClient(settings)
