"""quickXorHash, the only content hash that SharePoint gives, at memory speed (Graph reference 9).

Byte number i is XORed in at bit ``11 * i mod 160``. That pattern repeats every 160 bytes, so all bytes with
the same ``i mod 160`` are first XORed into one of 160 columns, and each column is placed once, at the end.

It is an error check, not an identity: blocks that swap places at multiples of 160 bytes are not seen
(reference 9.4).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt

_COLUMNS = 160
_SHIFT = 11
_BITS = 160
_MASK = (1 << _BITS) - 1
_LENGTH_AT = _BITS - 64
_DIGEST_BYTES = 20
_WIDE = _COLUMNS * 64
"""Row length of the first fold: long enough to make the loop cheap, short enough for the L1 cache."""
_POSITIONS = tuple(i * _SHIFT % _BITS for i in range(_COLUMNS))

_Bytes = npt.NDArray[np.uint8]


class QuickXor:
    """An incremental quickXorHash. Not thread safe; releases the interpreter lock while it folds."""

    __slots__ = ("_columns", "length")

    def __init__(self) -> None:
        self._columns: _Bytes = np.zeros(_COLUMNS, dtype=np.uint8)
        self.length = 0
        """Bytes taken in so far."""

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in the next bytes. The cut between calls does not matter."""
        view: _Bytes = np.frombuffer(data, dtype=np.uint8)
        phase = self.length % _COLUMNS
        self.length += len(view)
        if phase:
            head = view[: _COLUMNS - phase]
            self._columns[phase : phase + len(head)] ^= head
            view = view[len(head) :]
        view = self._fold(view, _WIDE)
        view = self._fold(view, _COLUMNS)
        self._columns[: len(view)] ^= view

    def _fold(self, view: _Bytes, row: int) -> _Bytes:
        """Fold all whole rows of ``view`` into the columns; return what is left."""
        whole = len(view) // row * row
        if whole:
            folded = np.bitwise_xor.reduce(view[:whole].reshape(-1, row), axis=0)
            self._columns ^= np.bitwise_xor.reduce(folded.reshape(-1, _COLUMNS), axis=0)
        return view[whole:]

    def digest(self) -> bytes:
        """Return the 20 bytes of the hash so far."""
        spread = 0
        for column, position in zip(self._columns.tolist(), _POSITIONS, strict=True):
            spread ^= column << position
        # A column near the top reaches over bit 159: those bits come back in at the bottom.
        value = (spread & _MASK) ^ (spread >> _BITS)
        value ^= (self.length & ((1 << 64) - 1)) << _LENGTH_AT
        return value.to_bytes(_DIGEST_BYTES, "little")

    def base64(self) -> str:
        """Return the hash so far as Graph writes it: 28 characters."""
        return base64.b64encode(self.digest()).decode("ascii")

    def copy(self) -> QuickXor:
        """Return an independent hash that has taken in the same bytes."""
        twin = QuickXor()
        twin._columns = self._columns.copy()
        twin.length = self.length
        return twin

    def state(self) -> dict[str, str | int]:
        """Return all that is needed to go on later, as JSON-able values."""
        return {"columns": base64.b64encode(self._columns.tobytes()).decode("ascii"), "length": self.length}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Go on from what :meth:`state` returned. Raises ValueError when it is not that."""
        columns, length = state.get("columns"), state.get("length")
        if not isinstance(columns, str) or not isinstance(length, int) or length < 0:
            raise ValueError("not a saved quickXorHash: 'columns' and 'length' are needed")
        raw = base64.b64decode(columns, validate=True)
        if len(raw) != _COLUMNS:
            raise ValueError(f"not a saved quickXorHash: {len(raw)} columns instead of {_COLUMNS}")
        restored = cls()
        restored._columns = np.frombuffer(raw, dtype=np.uint8).copy()
        restored.length = length
        return restored


def parse_hash(text: str) -> bytes | None:
    """Return the 20 bytes that a hash text means: base64, or hex as some services do; None for neither."""
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * _DIGEST_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == _DIGEST_BYTES else None


def same_hash(a: str, b: str) -> bool:
    """Say whether two hash texts (base64 or hex, Graph reference 9.1) are the same; False for nonsense."""
    first = parse_hash(a)
    return first is not None and first == parse_hash(b)
