"""The change feed's links and pages, and how sites and libraries are found by the names people use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.graph.stub import Stub, error_answer, json_answer

from spfc.errors import AnswerUnreadable, CursorExpired, PermissionMissing, PlaceNotFound
from spfc.graph.client import GraphClient

DELTA = "/v1.0/drives/b!x/root/delta"


def page(stub: Stub, *items: dict[str, Any], following: str = "", closing: str = "") -> Any:
    body: dict[str, Any] = {"value": list(items)}
    if following:
        body["@odata.nextLink"] = stub.url + following
    if closing:
        body["@odata.deltaLink"] = stub.url + closing
    return json_answer(body)


def test_a_round_follows_its_links_byte_for_byte(graph: Stub, client: GraphClient) -> None:
    odd = f"{DELTA}?select=id%2Cname&token=a%2Fb%7E'(x)*&$top=7"
    graph.on(DELTA, page(graph, following=odd), page(graph, {"id": "1"}, closing=f"{DELTA}(token='z')"))
    first = client.delta("b!x", None)
    assert (first.items, first.complete) == ((), False)
    second = client.delta("b!x", first.link)
    assert second.complete
    assert [item.id for item in second.items] == ["1"]
    client.delta("b!x", second.link)
    assert graph.paths(DELTA)[1:] == [odd, f"{DELTA}(token='z')"]
    assert client.bill.units == 4


def test_the_first_question(graph: Stub, make_client: Callable[..., GraphClient]) -> None:
    graph.on(DELTA, page(graph, closing=DELTA))
    make_client(page_size=250).delta("b!x", None)
    query = parse_qs(urlsplit(graph.paths(DELTA)[0]).query)
    assert query["$top"] == ["250"]
    assert {"deleted", "eTag", "file", "root", "malware"} <= set(query["$select"][0].split(","))


def test_the_last_mention_of_an_item_wins(graph: Stub, client: GraphClient) -> None:
    items = [
        {"id": "1", "name": "old", "file": {}},
        {"id": "2", "file": {}},
        {"id": "1", "name": "new", "file": {}},
    ]
    graph.on(DELTA, page(graph, *items, closing=DELTA))
    assert [(item.id, item.name) for item in client.delta("b!x", None).items] == [("2", ""), ("1", "new")]


@pytest.mark.parametrize(
    "body",
    [{"value": []}, {"@odata.deltaLink": "x"}, {"value": [3], "@odata.deltaLink": "x"}, {"value": None}],
)
def test_a_page_that_breaks_the_protocol(graph: Stub, client: GraphClient, body: Any) -> None:
    graph.on(DELTA, json_answer(body))
    with pytest.raises(AnswerUnreadable):
        client.delta("b!x", None)


@pytest.mark.parametrize(
    "inner", ["resyncChangesApplyDifferences", "resyncChangesUploadDifferences", "resyncUploadDifferences"]
)
def test_an_expired_cursor_brings_the_offered_link(graph: Stub, client: GraphClient, inner: str) -> None:
    offered = f"{graph.url}{DELTA}?token=fresh"
    graph.on(DELTA, error_answer(410, "resyncRequired", inner, Location=offered))
    with pytest.raises(CursorExpired) as caught:
        client.delta("b!x", f"{graph.url}{DELTA}?token=old")
    assert caught.value.restart == offered


@pytest.mark.parametrize("headers", [{}, {"Location": "https://elsewhere.test/v1.0/x"}])
def test_an_expired_cursor_without_a_usable_link(graph: Stub, client: GraphClient, headers: dict[str, str]) -> None:
    graph.on(DELTA, error_answer(410, "resyncRequired", **headers))
    with pytest.raises(CursorExpired) as caught:
        client.delta("b!x", f"{graph.url}{DELTA}?token=old")
    assert caught.value.restart is None


def test_a_single_item(graph: Stub, client: GraphClient) -> None:
    graph.on("/v1.0/drives/b!x/items/1?", json_answer({"id": "1", "name": "a", "file": {}, "size": 3}))
    item = client.item("b!x", "1")
    assert item is not None
    assert item.size == 3
    assert client.item("b!x", "2") is None
    assert client.bill.units_by == {"item": 2}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/sites/demo", "/v1.0/sites/contoso.test:/sites/demo?"),
        ("sites/R&D #1/", "/v1.0/sites/contoso.test:/sites/R%26D%20%231?"),
        ("/", "/v1.0/sites/contoso.test?"),
        ("", "/v1.0/sites/contoso.test?"),
    ],
)
def test_a_site_by_its_path(graph: Stub, client: GraphClient, path: str, asked: str) -> None:
    graph.on("/v1.0/sites/", json_answer({"id": "h,a,b", "displayName": "Demo", "webUrl": "https://w"}))
    assert client.site("contoso.test", path).id == "h,a,b"
    assert graph.seen[-1].path.startswith(asked)


@pytest.mark.parametrize("status", [400, 404])
def test_a_site_that_is_not_there(graph: Stub, client: GraphClient, status: int) -> None:
    graph.on("/v1.0/sites/", error_answer(status, "itemNotFound"))
    with pytest.raises(PlaceNotFound, match=r"contoso\.test/sites/nope"):
        client.site("contoso.test", "/sites/nope")


def test_a_site_that_may_not_be_seen(graph: Stub, client: GraphClient) -> None:
    graph.on("/v1.0/sites/", error_answer(403, "accessDenied"))
    with pytest.raises(PermissionMissing, match=r"Sites\.Selected"):
        client.site("contoso.test", "/sites/demo")


@pytest.fixture
def libraries(graph: Stub) -> None:
    base = "https://contoso.test/sites/demo"
    first = page(
        graph,
        {"id": "b!1", "name": "Documents", "webUrl": f"{base}/Shared%20Documents"},
        {"id": "b!2", "name": "Site Assets", "webUrl": f"{base}/SiteAssets", "system": {}},
        following="/v1.0/more",
    )
    graph.on("/v1.0/sites/h,a,b/drives", first)
    graph.on("/v1.0/more", page(graph, {"id": "b!3", "name": "Verträge", "webUrl": f"{base}/Vertraege"}))


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Documents", "b!1"),
        ("DOCUMENTS", "b!1"),
        ("shared documents", "b!1"),
        ("https://contoso.test/sites/demo/Shared%20Documents/", "b!1"),
        ("https://CONTOSO.test/sites/demo/shared documents", "b!1"),
        ("Site assets", "b!2"),
        ("VERTRÄGE", "b!3"),
    ],
)
def test_a_library_by_any_of_its_names(graph: Stub, client: GraphClient, wanted: str, found: str) -> None:
    assert client.drive("h,a,b", wanted).id == found
    assert "system" in graph.paths("/v1.0/sites")[0]
    assert client.bill.units == 4


@pytest.mark.usefixtures("libraries")
def test_an_unknown_library_is_answered_with_those_that_exist(client: GraphClient) -> None:
    with pytest.raises(PlaceNotFound) as caught:
        client.drive("h,a,b", "Dokumente")
    assert "'Documents', 'Verträge'" in caught.value.hint
    assert "Site Assets" not in caught.value.hint


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": ["Documents"]}, {"value": {"id": "b!1"}}])
def test_a_page_that_holds_no_libraries_is_no_site_without_any(
    graph: Stub, client: GraphClient, body: dict[str, object]
) -> None:
    graph.on("/v1.0/sites/h,a,b/drives", json_answer(body))
    with pytest.raises(AnswerUnreadable, match="the libraries of the site"):
        client.drive("h,a,b", "Documents")


def test_pages_of_libraries_that_lead_in_a_circle_are_left(graph: Stub, client: GraphClient) -> None:
    graph.on("/v1.0/sites/h,a,b/drives", page(graph, following="/v1.0/sites/h,a,b/drives"))
    with pytest.raises(AnswerUnreadable, match="does not end"):
        client.drive("h,a,b", "Documents")
    assert len(graph.paths("/v1.0/sites")) == 100


def test_the_connection_check(graph: Stub, client: GraphClient) -> None:
    graph.on("/v1.0/sites/root", json_answer({"id": "h,a,b", "webUrl": "https://contoso.test"}))
    assert "https://contoso.test" in client.check()
    graph.on("/v1.0/sites/root", error_answer(403, "accessDenied"))
    assert "granted" in client.check()
