"""Every JSON answer of the simulated Graph fits Microsoft's published metadata (Graph reference 17)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.schema.answers import Strange, bodies, judge
from tests.conformance.schema.checker import check
from tests.conformance.schema.exceptions import EXCEPTIONS
from tests.conformance.schema.watch import Watch

from simulators.common.observers import Answer


def test_every_answer_fits(tour: Watch) -> None:
    tour.complain()


def test_every_documented_deviation_occurs(tour: Watch) -> None:
    """One that nobody needs any more must go from the table."""
    assert {f.deviation for f in tour.findings()} - {None} == set(EXCEPTIONS)


def test_the_tour_has_seen_every_kind_of_answer(tour: Watch) -> None:
    seen = [body for answer in tour.answers for body in bodies(answer)]
    assert {(b.type_name, b.is_collection) for b in seen} >= {
        ("site", False), ("site", True), ("drive", False), ("drive", True), ("driveItem", False), ("driveItem", True),
        ("list", False), ("list", True), ("listItem", False), ("listItem", True), ("columnDefinition", True),
        ("driveItemVersion", False), ("driveItemVersion", True), ("permission", True), ("error", False),
    }  # fmt: skip
    statuses = {answer.status for answer in tour.answers}
    assert statuses >= {200, 302, 400, 401, 403, 404, 405, 409, 410, 423, 429, 500, 503, 507}
    facets = {key for body in seen for item in _items(body.value) for key in item}
    assert facets >= {
        "root", "folder", "file", "package", "remoteItem", "malware", "restricted", "pendingOperations", "deleted",
        "sharepointIds", "cTag", "fileSystemInfo", "@microsoft.graph.downloadUrl",
    }  # fmt: skip


def _items(value: Any) -> list[dict[str, Any]]:
    inside = value.get("value", value)
    return inside if isinstance(inside, list) else [inside]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"colour": "red"}, "driveItem has no property colour"),
        ({"size": "12"}, "'12' is no Edm.Int64"),
        ({"size": True}, "True is no Edm.Int64"),
        ({"size": 1 << 63}, "is no Edm.Int64"),
        ({"folder": {"childCount": 1 << 31}}, "is no Edm.Int32"),
        ({"folder": {"children": 3}}, "folder has no property children"),
        ({"folder": None}, "NoneType where a folder belongs"),
        ({"name": None}, "None is no Edm.String"),
        ({"createdDateTime": "2024-07-19T19:32:00"}, "is no Edm.DateTimeOffset"),
        ({"createdDateTime": "2024-07-19T19:32:00+00:00"}, "is no Edm.DateTimeOffset"),
        ({"createdDateTime": "2024-02-30T19:32:00Z"}, "is no Edm.DateTimeOffset"),
        ({"@odata.type": "#microsoft.graph.drive"}, "is not the name of driveItem"),
        ({"@odata.etag": "x"}, "no annotation of driveItem"),
        ({"parentReference": {"@microsoft.graph.downloadUrl": "x"}}, "no annotation of itemReference"),
        ({"file": {}, "folder": {}}, "is ['file', 'folder'] at once"),
        ({"deleted": {}, "@microsoft.graph.downloadUrl": "x"}, "has a download link beside ['deleted']"),
        ({"children": [{"sized": 1}]}, "driveItem has no property sized"),
        ({"children": {}}, "dict where a list of driveItem belongs"),
        ({"restricted": {"verdict": "deny"}}, "driveItem has no property restricted"),
        ({"permissions": [{}]}, "permission is not among the types"),
    ],
)
def test_what_does_not_fit_is_found(item: dict[str, Any], problem: str) -> None:
    [found] = [f for f in check(item, "driveItem", "item") if f.deviation is None]
    assert problem in found.problem


def test_what_fits_is_left_alone() -> None:
    item = {"id": "x", "size": 0, "createdBy": {"user": {"id": "u"}}, "root": {}, "children": [{"webUrl": "u"}],
            "createdDateTime": "2024-07-19T19:32:00.1234567Z", "photo": {"fNumber": 2.8}}  # fmt: skip
    assert list(check(item, "graph.driveItem", "item")) == []
    row = {"id": "1", "@odata.etag": "x", "fields": {"id": "1", "Any_x0020_column": 3}}
    assert list(check(row, "listItem", "row")) == []


def answer(value: Any, status: int = 200, operation: str = "item", **more: Any) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(
        "graph", operation, "GET", "/v1.0/x", status, more.pop("media_type", "application/json"), body, **more
    )


ROOT = "http://127.0.0.1:1/v1.0/$metadata#"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("sites/$entity", ("site", False)),
        ("drives", ("drive", True)),
        ("sites('h%2Ca%2Cb')/drives(id,name)", ("drive", True)),
        ("sites('x')/lists('y')/items", ("listItem", True)),
        ("drives('d')/items('i')/versions", ("driveItemVersion", True)),
        ("drives('d')/root/$entity", ("driveItem", False)),
        ("drives('d')/items('i')/permissions", ("permission", True)),
        ("users/$entity", ("user", False)),
        ("Collection(driveItem)", ("driveItem", True)),
        ("Collection(microsoft.graph.driveItem)", ("driveItem", True)),
    ],
)
def test_the_context_says_what_an_answer_is(context: str, expected: tuple[str, bool]) -> None:
    [body] = bodies(answer({"@odata.context": ROOT + context, "value": []}))
    assert (body.type_name, body.is_collection) == expected


@pytest.mark.parametrize("context", [None, "x", ROOT, f"{ROOT}planets", f"{ROOT}drives/moons", f"{ROOT}drives/owner/x"])
def test_an_answer_that_says_nothing_is_strange(context: str | None) -> None:
    with pytest.raises(Strange):
        list(bodies(answer({"@odata.context": context})))


PAGE = {"@odata.context": f"{ROOT}Collection(driveItem)", "value": []}
NEXT, LAST = {"@odata.nextLink": "http://x/n"}, {"@odata.deltaLink": "http://x/d"}


@pytest.mark.parametrize(
    ("value", "operation", "wrong"),
    [
        (PAGE, "children", 0), (PAGE | NEXT, "children", 0), (PAGE | LAST, "children", 1), (PAGE, "delta", 1),
        (PAGE | NEXT, "delta", 0), (PAGE | LAST, "delta", 0), (PAGE | NEXT | LAST, "delta", 1),
        (PAGE | {"@odata.nextLink": "/relative"}, "children", 1), (PAGE | {"count": 3}, "children", 1),
        (PAGE | {"@odata.count": 3}, "children", 1),
        ({"@odata.context": f"{ROOT}drives/$entity", **NEXT}, "drive", 1),
    ],
)  # fmt: skip
def test_the_links_of_an_answer(value: dict[str, Any], operation: str, wrong: int) -> None:
    assert len(judge(answer(value, operation=operation))) == wrong


GOOD = {"code": "itemNotFound", "message": "no"}
INNER = {"date": "2026-11-21T13:51:50", "request-id": "r", "client-request-id": "c"}


@pytest.mark.parametrize(
    ("error", "wrong"),
    [
        (GOOD, 0), (GOOD | {"innerError": INNER}, 0), (GOOD | {"innerError": INNER | {"code": "resourceLocked"}}, 0),
        ({"code": "itemNotFound"}, 2), (GOOD | {"code": "gone"}, 1), (GOOD | {"message": ""}, 1),
        (GOOD | {"innererror": INNER}, 1), (GOOD | {"innerError": INNER | {"code": "gone"}}, 1),
        (GOOD | {"innerError": INNER | {"date": "2026-11-21T13:51:50Z"}}, 1),
        (GOOD | {"innerError": INNER | {"hint": "x"}}, 1),
    ],
)  # fmt: skip
def test_errors_have_the_shape_of_graph(error: dict[str, Any], wrong: int) -> None:
    assert len(judge(answer({"error": error}, status=404))) == wrong


def test_parts_of_a_batch_are_judged_one_by_one() -> None:
    parts = [{"id": "1", "status": 200, "body": {"@odata.context": f"{ROOT}drives/$entity", "sizes": 1}},
             {"id": "2", "status": 404, "body": {"error": GOOD}}, {"id": "3", "status": 302}]  # fmt: skip
    [found] = judge(answer({"responses": parts}, operation="batch"))
    assert "part 1" in found.where and "drive has no property sizes" in found.problem


def test_what_a_test_wrote_itself_is_not_judged(tmp_path: Path) -> None:
    assert judge(answer(b"<html>", status=503, written_by_test=True)) == []
    assert judge(answer(b"", status=503)) == []
    [found] = judge(answer(b"<html>", status=503, media_type="text/html"))
    assert "a body of type 'text/html'" in found.where
