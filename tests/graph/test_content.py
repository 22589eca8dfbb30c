"""Content: the link is followed by hand, checked before a byte is believed, and never shown to anybody."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from typing import Any

import pytest
from tests.graph.stub import Answer, FakeClock, Stub, error_answer, json_answer

from spfc.errors import (
    AnswerUnreadable,
    ItemBlocked,
    ItemChanged,
    ItemGone,
    PermissionMissing,
    ServiceBusy,
    SpfcError,
)
from spfc.graph.client import GraphClient
from spfc.planning.model import Flag, Kind, SourceItem

CONTENT = "/v1.0/drives/d/items/01AB/content"
ITEM = "/v1.0/drives/d/items/01AB?"
FILE = "/sites/demo/_layouts/15/download.aspx"
PLANTED = "v1.planted-tempauth.x"
BODY = bytes(range(256)) * 8
SOURCE = SourceItem(
    id="01AB",
    parent_id="01R",
    name="a.bin",
    kind=Kind.FILE,
    size=len(BODY),
    version="v1",
    hash="aCgDG9jwBhDc4Q1yawMZAAAAAAA=",
)
RECORD: dict[str, Any] = {"id": "01AB", "name": "a.bin", "file": {}, "size": len(BODY), "eTag": "v1"}


def served(body: bytes = BODY, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": "application/octet-stream", "ETag": '"t1"', **named}, body)


def part(offset: int, total: int = len(BODY)) -> Answer:
    return served(BODY[offset:], 206, Content_Range=f"bytes {offset}-{total - 1}/{total}")


@pytest.fixture(autouse=True)
def links(graph: Stub, host: Stub) -> None:
    """Each request for content gives another link, so that a fresh one can be told from the first."""
    found = [Answer(302, {"Location": f"{host.url}{FILE}?UniqueId=g&tempauth={PLANTED}&n={n}"}) for n in range(9)]
    graph.on(CONTENT, *found)
    graph.on(ITEM, json_answer(RECORD))
    host.on(FILE, served())


def test_the_bytes_arrive_in_exact_pieces(host: Stub, client: GraphClient) -> None:
    stream = client.open("d", SOURCE)
    assert (stream.length, stream.offset, stream.version) == (len(BODY), 0, '"t1"')
    pieces = []
    while piece := stream.read(1000):
        pieces.append(piece)
    stream.close()
    assert [len(piece) for piece in pieces] == [1000, 1000, 48]
    assert b"".join(pieces) == BODY
    assert stream.read(5) == b""
    assert client.bill.units_by == {"content": 1}
    assert host.paths() == [f"{FILE}?UniqueId=g&tempauth={PLANTED}&n=0"]


def test_the_download_host_sees_no_token_and_no_cookie(graph: Stub, host: Stub, client: GraphClient) -> None:
    host.on(FILE, served(Set_Cookie="FedAuth=1; Path=/"))
    for _ in range(2):
        client.open("d", SOURCE).close()
    for seen in host.seen:
        assert "Authorization" not in seen.headers
        assert "Cookie" not in seen.headers
        assert seen.headers["Accept"] == "*/*"
        assert seen.headers["Accept-Encoding"] == "identity"
        assert seen.headers["User-Agent"].startswith("NONISV|")
        assert "Range" not in seen.headers


def test_connections_to_the_download_host_are_reused(host: Stub, client: GraphClient) -> None:
    for _ in range(4):
        stream = client.open("d", SOURCE)
        assert stream.read(1 << 20) == BODY
        stream.close()
    assert len({seen.connection for seen in host.seen}) == 1


def test_a_range_goes_to_the_download_host(host: Stub, graph: Stub, client: GraphClient) -> None:
    host.on(FILE, part(1000))
    stream = client.open("d", SOURCE, offset=1000)
    assert (stream.offset, stream.length) == (1000, len(BODY))
    assert stream.read(1 << 20) == BODY[1000:]
    assert host.seen[0].headers["Range"] == "bytes=1000-"
    assert "Range" not in graph.seen[-1].headers


def test_an_ignored_range_is_made_good(host: Stub, client: GraphClient) -> None:
    stream = client.open("d", SOURCE, offset=1000)
    assert (stream.offset, stream.length) == (1000, len(BODY))
    assert stream.read(1 << 20) == BODY[1000:]


def test_a_range_at_the_very_end_is_empty(host: Stub, client: GraphClient) -> None:
    host.on(FILE, served(b"", 416, Content_Range=f"bytes */{len(BODY)}"))
    assert client.open("d", SOURCE, offset=len(BODY)).read(10) == b""


@pytest.mark.parametrize(
    "answer",
    [served(b"", 416, Content_Range="bytes */5"), served(b"", 416), served(BODY[:100])],
    ids=["416", "416-unknown", "200-shorter"],
)
def test_a_file_that_shrank_has_changed(host: Stub, client: GraphClient, answer: Answer) -> None:
    host.on(FILE, answer)
    with pytest.raises(ItemChanged):
        client.open("d", SOURCE, offset=1000)


@pytest.mark.parametrize(
    "answer", [part(500), served(BODY, 206), served(b"", 206, Content_Range="bytes */9"), served(b"", 204)]
)
def test_another_part_than_asked_for_is_refused(host: Stub, client: GraphClient, answer: Answer) -> None:
    host.on(FILE, answer)
    with pytest.raises(AnswerUnreadable):
        client.open("d", SOURCE, offset=1000)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_expired_link_is_replaced_once(host: Stub, client: GraphClient, clock: FakeClock, status: int) -> None:
    host.on(FILE, error_answer(status, "unauthenticated"), part(1000))
    assert client.open("d", SOURCE, offset=1000).read(9) == BODY[1000:1009]
    assert [path[-1] for path in host.paths()] == ["0", "1"]
    assert client.bill.units_by == {"content": 2}
    assert clock.slept == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_withheld_item_is_blocked_and_does_not_stop_the_run(host: Stub, client: GraphClient, status: int) -> None:
    host.on(FILE, error_answer(status, "accessDenied"))
    with pytest.raises(ItemBlocked, match="01AB"):
        client.open("d", SOURCE)
    assert len(host.seen) == 2


@pytest.mark.parametrize(
    ("record", "kind"),
    [(error_answer(404, "itemNotFound"), ItemGone), (error_answer(403, "accessDenied"), PermissionMissing)],
)
def test_graph_says_whether_it_is_the_item_or_we(
    graph: Stub, host: Stub, client: GraphClient, record: Answer, kind: type[SpfcError]
) -> None:
    graph.on(ITEM, record)
    host.on(FILE, error_answer(403, "accessDenied"))
    with pytest.raises(kind):
        client.open("d", SOURCE)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, {"X-Virus-Infected": "yes"}, b""),
        error_answer(403, "accessDenied", "malwareDetected"),
        error_answer(400, "malwareDetected"),
    ],
)
@pytest.mark.parametrize("where", ["graph", "host"])
def test_malware_is_blocked_at_once(graph: Stub, host: Stub, client: GraphClient, answer: Answer, where: str) -> None:
    if where == "graph":
        graph.on(CONTENT, answer)
    else:
        host.on(FILE, answer)
    with pytest.raises(ItemBlocked, match="malware"):
        client.open("d", SOURCE)
    assert len(graph.paths(CONTENT)) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error_answer(404, "itemNotFound"), ItemBlocked),
        (error_answer(423, "resourceLocked"), ItemBlocked),
        (error_answer(400, "invalidRequest"), ItemBlocked),
        (Answer(403, {"Content-Type": "text/html"}, b"<html>"), ItemBlocked),
        (Answer(200, {"Content-Type": "application/octet-stream"}, b"bytes"), AnswerUnreadable),
        (Answer(302, {}), AnswerUnreadable),
    ],
)
def test_content_refused_by_graph(
    graph: Stub, host: Stub, client: GraphClient, answer: Answer, kind: type[SpfcError]
) -> None:
    graph.on(CONTENT, answer)
    with pytest.raises(kind):
        client.open("d", SOURCE)
    assert host.seen == []


def test_an_item_that_vanished_is_gone(graph: Stub, client: GraphClient) -> None:
    graph.on(CONTENT, error_answer(404, "itemNotFound"))
    graph.on(ITEM, error_answer(404, "itemNotFound"))
    with pytest.raises(ItemGone):
        client.open("d", SOURCE)


@pytest.mark.parametrize(
    "item",
    [
        replace(SOURCE, kind=Kind.FOLDER),
        replace(SOURCE, kind=Kind.PACKAGE),
        replace(SOURCE, flags=frozenset({Flag.MALWARE})),
    ],
)
def test_what_has_no_content_is_not_asked_for(graph: Stub, client: GraphClient, item: SourceItem) -> None:
    with pytest.raises(ItemBlocked):
        client.open("d", item)
    assert graph.seen == []


def test_a_web_page_instead_of_the_file(host: Stub, client: GraphClient) -> None:
    page = Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>sign in</html>")
    host.on(FILE, page, served())
    assert client.open("d", SOURCE).read(4) == BODY[:4]
    host.on(FILE, page)
    with pytest.raises(AnswerUnreadable, match="web page"):
        client.open("d", SOURCE)


@pytest.mark.parametrize("name", ["index.html", "page.ASPX", "x.htm"])
def test_a_web_page_that_is_the_file(host: Stub, client: GraphClient, name: str) -> None:
    host.on(FILE, Answer(200, {"Content-Type": "text/html"}, b"<html>"))
    item = replace(SOURCE, name=name, size=6)
    assert client.open("d", item).read(9) == b"<html>"


@pytest.mark.parametrize(
    ("item", "record", "result"),
    [
        (SOURCE, {**RECORD, "eTag": "v2"}, ItemChanged),
        (SOURCE, None, ItemGone),
        (SOURCE, RECORD, 50),
        (replace(SOURCE, name="a.DOCX"), {**RECORD, "eTag": "v2"}, 50),
        (replace(SOURCE, hash=None), {**RECORD, "eTag": "v2"}, 50),
    ],
    ids=["changed", "gone", "labelled", "office", "hashless"],
)
def test_another_length_is_an_error_only_when_the_item_changed(
    graph: Stub, host: Stub, client: GraphClient, item: SourceItem, record: Any, result: Any
) -> None:
    host.on(FILE, served(BODY[:50]))
    graph.on(ITEM, json_answer(record) if record else error_answer(404, "itemNotFound"))
    if isinstance(result, int):
        assert client.open("d", item).length == result
    else:
        with pytest.raises(result):
            client.open("d", item)


def test_a_body_cut_short_is_noticed(host: Stub, client: GraphClient) -> None:
    host.on(FILE, Answer(200, {"Content-Type": "application/octet-stream"}, BODY[:700], announce=len(BODY)))
    stream = client.open("d", SOURCE)
    assert stream.read(500) == BODY[:500]
    with pytest.raises(ServiceBusy, match="01AB") as caught:
        stream.read(500)
    assert caught.value.__context__ is None
    stream.close()


def test_a_part_that_ends_before_the_file_does_is_noticed(host: Stub, client: GraphClient) -> None:
    host.on(FILE, served(BODY[1000:1500], 206, Content_Range=f"bytes 1000-1499/{len(BODY)}"))
    stream = client.open("d", SOURCE, offset=1000)
    assert stream.read(500) == BODY[1000:1500]
    with pytest.raises(ServiceBusy, match="byte 1500"):
        stream.read(1)


def test_a_body_without_announced_length(host: Stub, client: GraphClient) -> None:
    host.on(FILE, Answer(200, {"Content-Type": "application/octet-stream"}, BODY, chunked=True))
    stream = client.open("d", SOURCE)
    assert stream.length is None
    assert stream.read(1 << 20) == BODY
    assert stream.read(1) == b""


def test_an_empty_file(host: Stub, client: GraphClient) -> None:
    host.on(FILE, served(b""))
    stream = client.open("d", replace(SOURCE, size=0))
    assert (stream.length, stream.read(10)) == (0, b"")


@pytest.mark.parametrize("bad", [Answer(500), Answer(503), Answer(reset=True)])
def test_transient_failures_of_the_download_host_are_repeated(host: Stub, client: GraphClient, bad: Answer) -> None:
    host.on(FILE, bad, bad, served())
    assert client.open("d", SOURCE).read(1 << 20) == BODY
    assert client.bill.units == 1
    assert client.bill.refusals == 0, "a 503 without a wait can be about this one item"


def test_throttling_by_the_download_host_stops_everybody(host: Stub, client: GraphClient, clock: FakeClock) -> None:
    host.on(FILE, Answer(429, {"Retry-After": "40"}), served())
    client.open("d", SOURCE).close()
    assert clock.now() >= 1040
    assert client.bill.refusals == 1


def test_the_download_host_may_redirect_again_but_not_for_ever(host: Stub, client: GraphClient) -> None:
    host.on(FILE, Answer(302, {"Location": "/alias?tempauth=x"}))
    host.on("/alias", served())
    assert client.open("d", SOURCE).read(3) == BODY[:3]
    host.on("/alias", Answer(302, {"Location": "/alias"}))
    with pytest.raises(AnswerUnreadable):
        client.open("d", SOURCE)


FAILURES = [
    Answer(500, {}, PLANTED.encode()),
    Answer(reset=True),
    error_answer(403, PLANTED),
    Answer(404, {}, PLANTED.encode()),
    Answer(200, {"Content-Type": "text/html"}, PLANTED.encode()),
    Answer(302, {"Location": f"http://127.0.0.1:1/?tempauth={PLANTED}"}),
    Answer(302, {"Location": f"http://[::?tempauth={PLANTED}"}),
    Answer(302, {"Location": f"gopher://x/?tempauth={PLANTED}"}),
    served(BODY[:10], 206),
    Answer(200, {"Content-Type": "application/octet-stream"}, BODY[:7], announce=len(BODY)),
]


@pytest.mark.parametrize("answer", FAILURES, ids=range(len(FAILURES)))
def test_the_link_is_shown_to_nobody(
    host: Stub, client: GraphClient, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    host.on(FILE, answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(SpfcError) as caught:
        client.open("d", SOURCE).read(1 << 20)
    told = caplog.text + "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert PLANTED not in told
    assert "tempauth" not in told
    assert caught.value.__context__ is None
