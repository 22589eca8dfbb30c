"""Measure bytes chunk by chunk in a way that can be put down and taken up again by another process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from spfc.quickxor import QuickXor


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a stream really held. Two are comparable when both were taken over chunks of the same size."""

    size: int
    digest: bytes


class Measure:
    """Size, quickXorHash (what the source lists) and an identity of our own of all chunks so far.

    The own one is a chain of SHA-256, each over the one before and the next chunk: unlike a SHA-256 that is under way
    it can be saved, at the price that it depends on where the stream was cut. So all chunks but the last must have one
    size. It sees what quickXorHash does not (Graph reference 9.4), such as chunks that swapped places.
    """

    __slots__ = ("_listed", "_own")

    def __init__(self) -> None:
        self._listed, self._own = QuickXor(), b""

    def update(self, chunk: bytes) -> None:
        """Take in the next chunk; an empty one changes nothing."""
        if chunk:
            self._listed.update(chunk)
            link = hashlib.sha256(self._own)
            link.update(chunk)
            self._own = link.digest()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._listed.length

    @property
    def fingerprint(self) -> Fingerprint:
        """What tells these bytes from all others."""
        return Fingerprint(self.size, self._own)

    @property
    def listed_hash(self) -> str:
        """The quickXorHash so far, base64."""
        return self._listed.base64()

    def state(self) -> dict[str, str | int]:
        """Return all that is needed to go on later, as JSON-able values."""
        return {**self._listed.state(), "own": self._own.hex()}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Go on from what :meth:`state` returned. Raises ValueError when it is not that."""
        own = state.get("own")
        if not isinstance(own, str):
            raise ValueError("not a saved measure: 'own' is needed")
        restored = cls()
        restored._listed, restored._own = QuickXor.from_state(state), bytes.fromhex(own)
        return restored
