"""The bytes of one object, asked for piece by piece: nothing is held open, and every piece is of the same version."""

from __future__ import annotations

from spfc.errors import IntegrityMismatch, ItemChanged
from spfc.targets.storage.store import ConditionFailed, NotThere, Store


class ObjectStream:
    """Implements :class:`spfc.targets.base.TargetStream`. ``ahead`` bytes are asked for at once, if there are so many.

    Raises NotThere, and ConditionFailed when the object has not ``size`` bytes.
    """

    def __init__(self, store: Store, key: str, path: str, *, size: int, offset: int, ahead: int) -> None:
        self.offset = offset
        self._store, self._key, self._path = store, key, path
        self._size, self._at, self._ahead = size, offset, ahead
        self._held = memoryview(b"")
        self._etag: str | None = None
        if offset < size:
            self._ask()
        else:
            found = store.head(key)
            if found is None or found.marks:
                raise NotThere(key)
            if found.size != size:
                raise ConditionFailed(key)

    def read(self, size: int) -> bytes:
        """See the protocol."""
        pieces: list[bytes] = []
        wanted = size
        while wanted > 0 and (self._held or self._at < self._size):
            if not self._held:
                self._ask_on()
            piece, self._held = self._held[:wanted], self._held[wanted:]
            pieces.append(bytes(piece))
            wanted -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """See the protocol: there is nothing to give back."""
        self._held = memoryview(b"")

    def _ask_on(self) -> None:
        try:
            self._ask()
        except (NotThere, ConditionFailed):
            raise ItemChanged("The file was changed at the target while it was read.", item=self._path) from None

    def _ask(self) -> None:
        length = min(self._ahead, self._size - self._at)
        data, size, etag = self._store.read(self._key, self._at, length, self._etag)
        if size != self._size:
            raise ConditionFailed(self._key)
        if len(data) != length:
            raise IntegrityMismatch(f"{len(data)} bytes came where {length} were due.", item=self._path)
        self._etag = etag
        self._held = memoryview(data)
        self._at += length
