"""quickXorHash: the published vectors, a textbook oracle, any chunking, saved state."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfc.quickxor import QuickXor, parse_hash, same_hash


def pattern(n: int) -> bytes:
    return bytes((7 * i + 3) % 256 for i in range(n))


VECTORS = [
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
]


def textbook(data: bytes) -> bytes:
    """Bit by bit as the definition says (Graph reference 9.1), sharing nothing with the product."""
    bits = [0] * 160
    for i, byte in enumerate(data):
        for bit in range(8):
            bits[(11 * i + bit) % 160] ^= byte >> bit & 1
    out = bytearray(sum(bits[8 * k + b] << b for b in range(8)) for k in range(20))
    for k, byte in enumerate(len(data).to_bytes(8, "little")):
        out[12 + k] ^= byte
    return bytes(out)


def whole(data: bytes) -> QuickXor:
    hasher = QuickXor()
    hasher.update(data)
    return hasher


@pytest.mark.parametrize(("data", "expected"), VECTORS, ids=lambda v: v if isinstance(v, str) else len(v))
@pytest.mark.parametrize("chunk", [7, 159, 160, 161, 10240, 1 << 20])
def test_published_vectors_hold_for_every_chunk_size(data: bytes, expected: str, chunk: int) -> None:
    hasher = QuickXor()
    for at in range(0, len(data), chunk):
        hasher.update(memoryview(data)[at : at + chunk])
    assert hasher.base64() == expected
    assert hasher.length == len(data)


@given(st.lists(st.binary(max_size=700), max_size=12))
def test_any_chunking_equals_the_textbook(pieces: list[bytes]) -> None:
    hasher = QuickXor()
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digest() == textbook(b"".join(pieces))


@given(st.integers(0, 25_000), st.integers(0, 25_000), st.integers(1, 255))
def test_rows_of_both_widths_meet_without_a_seam(first: int, second: int, step: int) -> None:
    data = bytes(i * step % 251 for i in range(first + second))
    hasher = QuickXor()
    hasher.update(data[:first])
    hasher.update(bytearray(data[first:]))
    assert hasher.digest() == textbook_columns(data)


def textbook_columns(data: bytes) -> bytes:
    """The per-byte definition again, fast enough for longer inputs."""
    value = 0
    for i in range(min(160, len(data))):
        column = 0
        for byte in data[i::160]:
            column ^= byte
        position = 11 * i % 160
        value ^= (column << position | column << position >> 160) & ((1 << 160) - 1)
    return (value ^ len(data) << 96).to_bytes(20, "little")


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_a_saved_state_goes_on_as_if_nothing_had_happened(before: bytes, after: bytes) -> None:
    saved = whole(before).state()
    restored = QuickXor.from_state(saved)
    restored.update(after)
    assert restored.digest() == whole(before + after).digest()
    assert whole(before).state() == saved


def test_a_copy_is_independent() -> None:
    first = whole(b"shared")
    second = first.copy()
    second.update(b"more")
    assert first.digest() == whole(b"shared").digest()
    assert second.digest() == whole(b"sharedmore").digest()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"columns": "AAAA", "length": 0},
        {"columns": 3, "length": 0},
        {"columns": whole(b"").state()["columns"], "length": -1},
    ],
)
def test_a_damaged_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a saved quickXorHash"):
        QuickXor.from_state(state)


def test_base64_and_hex_of_one_hash_are_the_same() -> None:
    hasher = whole(b"hello world")
    assert same_hash(hasher.base64(), hasher.digest().hex().upper())
    assert same_hash(hasher.digest().hex(), hasher.base64())
    assert not same_hash(hasher.base64(), whole(b"hello worle").base64())


@pytest.mark.parametrize("text", ["", "AAAA", "not base64 at all!", "zz" * 20, "é" * 40])
def test_nonsense_equals_nothing(text: str) -> None:
    assert parse_hash(text) is None
    assert not same_hash(text, text)


def test_it_hashes_more_than_a_gigabyte_per_second() -> None:
    block = pattern(1000) * 4195
    best = 0.0
    for _ in range(5):
        hasher = QuickXor()
        started = time.perf_counter()
        for _ in range(8):
            hasher.update(block)
        best = max(best, 8 * len(block) / (time.perf_counter() - started))
    print(f"quickXorHash: {best / 1e9:.1f} GB/s")
    assert best > 1e9
