"""driveItem JSON to SourceItem: kinds, times, hashes, flags, and the ragged shapes of deleted items."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfc.errors import AnswerUnreadable
from spfc.graph.items import SELECT, to_seconds, to_source_item
from spfc.planning.model import Flag, Kind, SourceItem

HASH = "aCgDG9jwBhDc4Q1yawMZAAAAAAA="
ZERO = "A" * 27 + "="


def raw(**changes: Any) -> dict[str, Any]:
    item = {
        "id": "01AB",
        "name": "a #1 %.txt",
        "size": 11,
        "eTag": '"{GUID},3"',
        "cTag": '"c:{GUID},2"',
        "parentReference": {"driveId": "b!x", "id": "01ROOT"},
        "file": {"mimeType": "text/plain", "hashes": {"quickXorHash": HASH}},
        "fileSystemInfo": {"lastModifiedDateTime": "2024-02-29T12:00:01Z"},
        "lastModifiedDateTime": "2025-01-01T00:00:00Z",
        "somethingNew": {"deep": [1, 2]},
        **changes,
    }
    return {name: value for name, value in item.items() if value is not ...}


def test_a_file() -> None:
    assert to_source_item(raw()) == SourceItem(
        id="01AB",
        parent_id="01ROOT",
        name="a #1 %.txt",
        kind=Kind.FILE,
        size=11,
        modified=1709208001,
        version='"{GUID},3"',
        content_version='"c:{GUID},2"',
        hash=HASH,
    )


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"file": ..., "folder": {"childCount": 0}}, Kind.FOLDER),
        ({"file": ..., "folder": {"childCount": 2}, "package": {"type": "oneNote"}}, Kind.PACKAGE),
        ({"file": ..., "package": {"type": "other"}}, Kind.PACKAGE),
        ({"file": ..., "folder": {}, "remoteItem": {"id": "x", "folder": {}}}, Kind.LINK),
        ({"file": ...}, Kind.PACKAGE),
        ({"file": {}}, Kind.FILE),
    ],
)
def test_kinds(changes: dict[str, Any], kind: Kind) -> None:
    item = to_source_item(raw(**changes))
    assert item.kind is kind
    assert item.size == (11 if kind is Kind.FILE else 0)


def test_the_root_has_no_parent() -> None:
    item = to_source_item({"id": "01R", "name": "root", "root": {}, "folder": {}, "parentReference": {"id": "x"}})
    assert item.is_root
    assert item.parent_id is None
    assert item.kind is Kind.FOLDER


@pytest.mark.parametrize("facet", [{}, {"state": "deleted"}, {"state": "softDeleted"}])
def test_a_deleted_item_may_lack_almost_everything(facet: dict[str, str]) -> None:
    item = to_source_item({"id": "01AB", "deleted": facet})
    assert item == SourceItem(id="01AB", parent_id=None, name="", kind=Kind.FILE, deleted=True)


def test_the_hash_and_year_one_of_a_deleted_item_are_ignored() -> None:
    deleted = raw(
        name=...,
        deleted={"state": "deleted"},
        file={"hashes": {"quickXorHash": HASH}},
        fileSystemInfo={"lastModifiedDateTime": "0001-01-01T00:00:00+02:00"},
        lastModifiedDateTime="0001-01-01T00:00:00Z",
        parentReference={"driveId": "b!x"},
    )
    item = to_source_item(deleted)
    assert (item.deleted, item.hash, item.modified, item.parent_id) == (True, None, 0, None)


@pytest.mark.parametrize(
    ("given_hash", "size", "kept"),
    [
        (HASH, 11, HASH),
        ("6828031BD8F00610DCE10D726B03190000000000", 11, HASH),
        (ZERO, 0, ZERO),
        (ZERO, 11, None),
        ("nonsense", 11, None),
        (None, 11, None),
    ],
)
def test_hashes(given_hash: str | None, size: int, kept: str | None) -> None:
    hashes = {} if given_hash is None else {"quickXorHash": given_hash}
    assert to_source_item(raw(size=size, file={"hashes": hashes})).hash == kept


def test_flags() -> None:
    assert to_source_item(raw(malware={"description": "x"})).flags == {Flag.MALWARE}
    assert to_source_item(raw(restricted={"decision": "x"})).flags == {Flag.RESTRICTED}
    pending = {"pendingContentUpdate": {"queuedDateTime": "2024-01-01T00:00:00Z"}}
    assert to_source_item(raw(pendingOperations=pending)).flags == {Flag.PENDING}
    assert to_source_item(raw(pendingOperations={})).flags == frozenset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T12:00:01.9999999Z", 1709208001),
        ("2024-02-29T14:00:01+02:00", 1709208001),
        ("2024-02-29T12:00:01", 1709208001),
        ("1969-12-31T23:59:59.5Z", -1),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("yesterday", None),
        (None, None),
        (17, None),
    ],
)
def test_times(text: object, seconds: int | None) -> None:
    assert to_seconds(text) == seconds


def test_the_service_time_stands_in_for_a_missing_client_time() -> None:
    assert to_source_item(raw(fileSystemInfo=...)).modified == 1735689600


@pytest.mark.parametrize("item_id", [..., "", None, 7])
def test_an_item_without_id_is_unreadable(item_id: object) -> None:
    with pytest.raises(AnswerUnreadable):
        to_source_item(raw(id=item_id))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*SELECT.split(","), "restricted", "other"]), json_values))
def test_no_shape_of_any_property_breaks_the_reader(properties: dict[str, Any]) -> None:
    item = to_source_item({**properties, "id": "01AB"})
    assert item.id == "01AB"
    assert item.size >= 0


def test_deleted_is_selected_and_links_are_not() -> None:
    assert "deleted" in SELECT.split(",")
    assert "downloadUrl" not in SELECT
