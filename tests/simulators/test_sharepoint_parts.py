"""Hashes, ids, ranges, tokens and knobs of the SharePoint simulator, by the vectors of the reference."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path

import pytest

from simulators.sharepoint import SharePointKnobs
from simulators.sharepoint.download import parse_range
from simulators.sharepoint.feed import Token
from simulators.sharepoint.ids import LibraryIds, guid_of
from simulators.sharepoint.knobs import KnobError
from simulators.sharepoint.quickxor import hash_bytes, hash_file
from simulators.sharepoint.urls import parse


def pattern(n: int) -> bytes:
    return bytes((7 * i + 3) % 256 for i in range(n))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        (b"a", "YQAAAAAAAAAAAAAAAQAAAAAAAAA="),
        (b"hello world", "aCgDG9jwBhDc4Q1yawMZAAAAAAA="),
        (pattern(1), "AwAAAAAAAAAAAAAAAQAAAAAAAAA="),
        (pattern(19), "gl0z1HPQARO0gAY7A0ISoHAFL5Q="),
        (pattern(20), "gl0z1HPQERK0gAY7BEISoHAFL5Q="),
        (pattern(159), "7gi7SoTZMRx5gfdOM7shn/kHQ6E="),
        (pattern(160), "7gi7SoTZMRx5gfdODLshn/kHw6o="),
        (pattern(161), "jQi7SoTZMRx5gfdODbshn/kHw6o="),
        (pattern(1000), "dgD8j0n8sM0aPE5CUJ8tqmilX/E="),
        (pattern(12345), "k4lu6NI22B9YgdhZaYEtiaszZD8="),
        (pattern(65537), "XhQes7LH2XNgLdVXMsezlbw5oAI="),
        (bytes(range(256)) * 4096, "QkGEfSisZcA7k+FCh7x72dbCayY="),
        (b"\xff" * 160, "AAAAAAAAAAAAAAAAoAAAAAAAAAA="),
        (bytes(1000), "AAAAAAAAAAAAAAAA6AMAAAAAAAA="),
    ],
)
def test_quickxor_vectors(data: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)
    assert hash_bytes(data) == expected == hash_file(tmp_path / "f")


def test_quickxor_of_a_file_of_several_pieces(tmp_path: Path) -> None:
    data = pattern(160 * 8192 * 2 + 77)
    (tmp_path / "f").write_bytes(data)
    assert hash_file(tmp_path / "f") == hash_bytes(data)


def test_ids_have_the_published_shapes() -> None:
    ids = LibraryIds.derive("contoso.sharepoint.test", "t", "/sites/demo", "Documents")
    assert ids.root_id.endswith("6Y2GOVW7725BZO354PWSELRRZ") and len(ids.root_id) == 34
    raw = base64.urlsafe_b64decode(ids.drive_id[2:])
    assert ids.drive_id.startswith("b!") and len(raw) == 48
    assert [uuid.UUID(bytes_le=raw[i : i + 16]) for i in (0, 16, 32)] == [ids.site, ids.web, ids.list]
    guid = uuid.uuid4()
    assert guid_of(ids.item_id(guid)) == guid
    assert ids.site_id.split(",") == ["contoso.sharepoint.test", str(ids.site), str(ids.web)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=5-", (5, 5)),
        ("bytes=-4", (6, 4)),
        ("bytes=8-99", (8, 2)),
        ("bytes=10-", None),
        ("bytes=-", None),
        ("lines=1-2", None),
    ],
)
def test_ranges(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 10) == expected


def test_tokens_look_like_the_real_ones() -> None:
    token = Token(uuid.uuid4(), 1_700_000_000.0, 42, 3, 1)
    raw = base64.urlsafe_b64decode(token.encode() + "==").decode()
    assert raw.startswith("3;") and f";3;{token.list_id};638" in raw
    assert Token.decode(token.encode()) == token
    assert Token.decode("nonsense") is None


def test_unknown_knobs_and_values_are_refused() -> None:
    assert SharePointKnobs.from_dict({"malware": ["*.exe"]}).malware == ("*.exe",)
    for bad in ({"speed": 1}, {"delta_order": "sorted"}, {"meta_mismatch": [["*", "colour"]]}):
        with pytest.raises(KnobError):
            SharePointKnobs.from_dict(bad)


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/drives/b%21x/root/delta?token=T",
        "/v1.0//drives/b!x/items/root/delta?token=T",
        "/v1.0/drives/b!x/items/01AB/delta(token='T')",
        "/v1.0/drives/b!x/items/root/microsoft.graph.delta(token=%27T%27)",
        "/v2.0/drives/b!x/root/delta()/?token=T",
    ],
)
def test_spellings_of_delta(path: str) -> None:
    target = parse(path)
    assert (target.kind, target.drive, target.token) == ("delta", "b!x", "T")


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/sites/h.test:/sites/demo/x",
        "/v1.0/sites/h.test:/sites/demo/x:",
        "/v1.0/sites/h.test%3A%2Fsites%2Fdemo%2fx",
    ],
)
def test_spellings_of_a_site(path: str) -> None:
    assert parse(path).site == "h.test:/sites/demo/x"


def test_path_forms() -> None:
    target = parse("/v1.0/drives/d/root:/a%20b/c%23%25.txt:/content?%24select=id,%20name")
    assert (target.kind, target.names) == ("content", ("a b", "c#%.txt"))
    assert target.select == frozenset({"id", "name"})
    assert parse("/v1.0/sites/h:/s/x:/drive/root:/q:/children").names == ("q",)
