"""quickXorHash by folding columns, written apart from the product so that each can judge the other."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

_COLUMNS = 160
_BLOCK = _COLUMNS * 8192


def _finish(columns: npt.NDArray[np.uint8], length: int) -> str:
    # Graph reference 9.1: column i is rotated left by 11 i bits modulo 160, the length goes into the end.
    value = 0
    full = (1 << 160) - 1
    for index, byte in enumerate(columns[:length].tolist()):
        shifted = byte << (11 * index % 160)
        value ^= (shifted & full) | (shifted >> 160)
    value ^= length << 96
    return base64.b64encode(value.to_bytes(20, "little")).decode("ascii")


def _fold(columns: npt.NDArray[np.uint8], data: bytes) -> None:
    whole = len(data) - len(data) % _COLUMNS
    if whole:
        rows = np.frombuffer(data, dtype=np.uint8, count=whole).reshape(-1, _COLUMNS)
        columns ^= np.bitwise_xor.reduce(rows, axis=0)
    if whole < len(data):
        tail = np.frombuffer(data, dtype=np.uint8, offset=whole)
        columns[: tail.size] ^= tail


def hash_bytes(data: bytes) -> str:
    """Return the quickXorHash of `data`, base64, 28 characters."""
    columns = np.zeros(_COLUMNS, dtype=np.uint8)
    _fold(columns, data)
    return _finish(columns, len(data))


def hash_file(path: Path | str) -> str:
    """Return the quickXorHash of a file, base64; memory stays constant. Raises OSError."""
    columns = np.zeros(_COLUMNS, dtype=np.uint8)
    length = 0
    handle = os.open(path, os.O_RDONLY)
    try:
        # Positions are multiples of the block, so each piece starts at column 0.
        while data := os.pread(handle, _BLOCK, length):
            short = len(data) % _COLUMNS and len(data) < _BLOCK
            _fold(columns, data)
            length += len(data)
            if short:
                break
    finally:
        os.close(handle)
    return _finish(columns, length)
