"""The parts that are worth testing alone: multipart bodies in any pieces, times, names, routing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.filecloud.multipart import MultipartError, MultipartReader
from simulators.filecloud.names import fold
from simulators.filecloud.routing import operation_of
from simulators.filecloud.times import display_size, parse_date, server_offset, shown_times

TYPE = 'multipart/form-data; boundary="b-1"'
NASTY = st.lists(st.sampled_from([b"\r\n", b"--", b"b-1", b"\r\n--b-", b"x", b"", b"\0"])).map(b"".join)


def body(data: bytes, field: bytes = b"v") -> bytes:
    return (
        b'--b-1\r\nContent-Disposition: form-data; name="path"\r\n\r\n' + field + b"\r\n"
        b'--b-1\r\nContent-Disposition: form-data; name="f"; filename="a \\"q\\".txt"\r\n\r\n' + data + b"\r\n"
        b'--b-1\r\nContent-Disposition: form-data; name="g"; filename="second"\r\n\r\nignored\r\n'
        b"--b-1--\r\n"
    )


@given(NASTY, st.lists(st.integers(1, 40), min_size=1))
def test_any_bytes_in_any_pieces(data: bytes, sizes: list[int]) -> None:
    if b"\r\n--b-1" in b"\r\n" + data + b"\r\n":
        return
    got: list[bytes] = []
    reader = MultipartReader(TYPE, lambda piece: got.append(bytes(piece)))
    whole, position, turn = body(data), 0, 0
    while position < len(whole):
        size = sizes[turn % len(sizes)]
        reader.feed(whole[position : position + size])
        position, turn = position + size, turn + 1
    reader.finish()
    assert b"".join(got) == data
    assert (reader.filename, reader.fields) == ('a "q".txt', {"path": "v"})


def test_damaged_bodies() -> None:
    for content_type in ("text/plain", "multipart/form-data"):
        with pytest.raises(MultipartError):
            MultipartReader(content_type, lambda piece: None)
    reader = MultipartReader(TYPE, lambda piece: None)
    reader.feed(body(b"data")[:-6])
    with pytest.raises(MultipartError):
        reader.finish()
    with pytest.raises(MultipartError):
        MultipartReader(TYPE, lambda piece: None).feed(b"--b-1\r\n" + b"x" * 20_000)
    with pytest.raises(MultipartError):
        MultipartReader(TYPE, lambda piece: None).feed(body(b"", b"x" * (1 << 21)))


@given(st.integers(-62_000_000_000, 253_000_000_000))
def test_the_false_epoch_is_the_wall_clock(epoch: int) -> None:
    offset = server_offset(epoch, "America/Chicago")
    _, wall, iso = shown_times(epoch, offset)
    assert int(wall) == epoch + offset
    assert parse_date(iso, "UTC") == int(wall)


def test_dates_that_cannot_be_read() -> None:
    for text in ("", "yesterday", "2024-13-01T00:00:00Z", "2024-07-19T19:32:00 00:00"):
        assert parse_date(text, "UTC") is None


def test_display_size() -> None:
    assert [display_size(n) for n in (0, 309, 1023, 1024, 4096, 4700)] == [
        "0 B", "309 B", "1023 B", "1 KB", "4 KB", "5 KB",
    ]  # fmt: skip


def test_fold() -> None:
    assert fold("ÄpFel") == fold("äPFEL")
    assert fold("a") != fold("á")


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/core/getfilelist", "getfilelist"),
        ("/CORE/GetFileList?x=1", "getfilelist"),
        ("/app/explorer/copyfile", "copyfile"),
        ("/app/explorer/getfilelist", "?getfilelist"),
        ("/upload?path=a", "upload"),
        ("/core/?op=logoutprofile", "logoutprofile"),
        ("//core/getfilelist", "?unknown"),
        ("/core/a/b", "?unknown"),
        ("/admin/deleteuser", "?unknown"),
    ],
)
def test_routing(path: str, operation: str) -> None:
    query = {"op": "logoutprofile"} if "op=" in path else {}
    assert operation_of(path, "", query) == operation
    assert operation_of("/mounted" + path, "/mounted", query) == operation
    assert operation_of(path, "/mounted", query) == "?outside"
