from __future__ import annotations

from pathlib import Path

import pytest
from tests.filecloud.raw_server import ok, raw_server, scripted
from tests.targets.world import World, make_client, world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import AnswerUnreadable, IntegrityMismatch, ItemChanged, ItemGone, ServiceBusy, SpfcError
from spfc.filecloud import CallRefused

CONTENT = bytes(range(256)) * 4000
ERROR = b"<commands><command><type>downloadfile</type><result>0</result><message>Busy</message></command></commands>"


def place(made: World, name: str = "x.bin", content: bytes = CONTENT) -> str:
    (made.simulator.store / name).write_bytes(content)
    return f"/spfc/{name}"


@pytest.mark.parametrize("content_length", [True, False])
@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_reads_are_exact(tmp_path: Path, content_length: bool, size: int | None) -> None:
    with world(tmp_path, FileCloudKnobs(content_length=content_length)) as made:
        path, client = place(made), made.client()
        with client.download(path, size=size) as opened:
            parts = []
            while part := opened.read(100_001):
                parts.append(part)
            assert opened.read(5) == b""
        assert {len(part) for part in parts[:-1]} == {100_001}
        assert b"".join(parts) == CONTENT
        (entry,) = [e for e in made.simulator.journal.entries if e.operation == "downloadfile"]
        assert entry.params["redirect"] == "0"


def test_the_rest_of_a_file_by_range(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        path, client = place(made), made.client()
        with client.download(path, size=len(CONTENT), offset=1000) as opened:
            assert opened.offset == 1000
            assert opened.read(len(CONTENT)) == CONTENT[1000:]


def test_a_server_without_ranges_starts_at_the_beginning(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(range="ignore")) as made:
        opened = made.client().download(place(made), size=len(CONTENT), offset=1000)
        assert opened.offset == 0
        assert opened.read(len(CONTENT) + 1) == CONTENT


def test_a_range_beyond_the_file_means_that_it_changed(tmp_path: Path) -> None:
    with world(tmp_path) as made, pytest.raises(ItemChanged):
        made.client().download(place(made), offset=len(CONTENT) + 1)


@pytest.mark.parametrize("how", ["xml_200", "http_404"])
@pytest.mark.parametrize("size", [10, None])
def test_a_missing_file_is_gone(tmp_path: Path, how: str, size: int | None) -> None:
    with world(tmp_path, FileCloudKnobs(download_missing=how)) as made, pytest.raises(ItemGone):  # type: ignore[arg-type]
        made.client().download("/spfc/missing.txt", size=size)


def test_a_file_of_another_size_has_changed(tmp_path: Path) -> None:
    with world(tmp_path) as made, pytest.raises(ItemChanged):
        made.client().download(place(made), size=len(CONTENT) + 1)


def test_a_body_that_breaks_off_is_never_a_whole_file(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        path, client = place(made), made.client()
        made.faults({"operation": "downloadfile", "action": {"kind": "truncate", "bytes": 1000}})
        with client.download(path, size=len(CONTENT)) as opened, pytest.raises(ServiceBusy):
            opened.read(len(CONTENT))


def test_without_a_length_the_listed_size_decides() -> None:
    short = (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 99, "close")
    with raw_server(scripted(short)) as server:
        client = make_client(server.url)
        with client.download("/spfc/x", size=100) as opened, pytest.raises(IntegrityMismatch):
            opened.read(100)
        client.close()


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(("body", "kind"), [(ERROR, CallRefused), (b"<html>login</html>", AnswerUnreadable)])
def test_an_error_with_status_200_is_not_a_file(body: bytes, kind: type[SpfcError], chunked: bool) -> None:
    answer = (b"HTTP/1.1 200 OK\r\n\r\n" + body, "close") if chunked else ok(body)
    info = ok(
        b"<fileinfo><entry><path>/spfc/x</path><name>x</name><type>file</type><fullsize>9</fullsize></entry></fileinfo>"
    )
    answers = [answer, info] if kind is CallRefused else [answer, answer, answer]
    with raw_server(scripted(*answers)) as server:
        client = make_client(server.url)
        with pytest.raises(kind):
            client.download("/spfc/x", size=9)
        client.close()


@pytest.mark.parametrize("content_length", [True, False])
def test_a_file_may_look_like_an_error(tmp_path: Path, content_length: bool) -> None:
    with world(tmp_path, FileCloudKnobs(content_length=content_length)) as made:
        for name, content in (("a.xml", ERROR), ("b.html", b"<html>mine</html>")):
            path = place(made, name, content)
            with made.client().download(path, size=len(content)) as opened:
                assert opened.read(1000) == content


def test_an_empty_file_is_an_empty_file(tmp_path: Path) -> None:
    with world(tmp_path) as made, made.client().download(place(made, "e", b""), size=0) as opened:
        assert opened.read(10) == b""
