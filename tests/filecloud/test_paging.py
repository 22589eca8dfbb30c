"""Listings that contradict themselves without saying so, from a server that answers what the test says."""

from __future__ import annotations

import pytest
from tests.filecloud.raw_server import ok, raw_server, scripted
from tests.targets.world import make_client

from spfc.errors import AnswerUnreadable
from spfc.filecloud import list_whole_folder


def page(*names: str, total: int) -> bytes:
    entries = "".join(
        f"<entry><path>/u/{name}</path><name>{name}</name><type>file</type><fullsize>1</fullsize></entry>"
        for name in names
    )
    return ok(f"<entries><meta><total>{total}</total><result>1</result></meta>{entries}</entries>".encode())


SHORT = [page("a", "b", total=3), page(total=3)]
TWICE = [page("a", "b", total=3), page("b", total=3)]
LONG = [page("a", "b", "c", "d", total=3)]
WHOLE = page("a", "b", "c", total=3)


@pytest.mark.parametrize("pages", [SHORT, TWICE, LONG])
def test_pages_that_do_not_add_up_are_asked_for_again_and_then_as_one(pages: list[bytes]) -> None:
    with raw_server(scripted(*pages, *pages, WHOLE)) as server:
        client = make_client(server.url)
        assert [entry.name for entry in list_whole_folder(client, "/u")] == ["a", "b", "c"]
        client.close()
        last = [request for request in server.seen if request.operation == "getfilelist"][-1]
        assert b"limit=-1" in last.body


@pytest.mark.parametrize("pages", [SHORT, TWICE, LONG])
@pytest.mark.parametrize(
    "last", [page("a", "b", total=3), page("a", "b", "b", total=3), page("a", "b", "c", "d", total=3)]
)
def test_a_folder_that_never_adds_up_is_not_returned(pages: list[bytes], last: bytes) -> None:
    with raw_server(scripted(*pages, *pages, last)) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable):
            list_whole_folder(client, "/u")
        client.close()


@pytest.mark.parametrize("name", ["", "x/y", "x\x01"])
def test_a_damaged_name_is_not_returned(name: str) -> None:
    with raw_server(scripted(page(name, total=1))) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable, match="damaged"):
            list_whole_folder(client, "/u")
        client.close()


def test_a_listing_without_a_total_is_not_believed() -> None:
    untold = ok(b"<entries><meta><result>1</result></meta></entries>")
    with raw_server(scripted(untold, untold, untold)) as server:
        client = make_client(server.url)
        with pytest.raises(AnswerUnreadable, match="how much"):
            list_whole_folder(client, "/u")
        client.close()
