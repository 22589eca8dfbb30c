"""The bytes of one file of a local folder."""

from __future__ import annotations

import os

from spfc.errors import IntegrityMismatch
from spfc.targets.storage.posix_errors import explained

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Not through a link, and not waiting for ever at a pipe."""


class LocalStream:
    """Implements :class:`spfc.targets.base.TargetStream` over an open file; ``found`` is the size that it has."""

    def __init__(self, folder: int, name: str, path: str, size: int, offset: int) -> None:
        self.offset = offset
        self._path, self._size, self._at = path, size, offset
        self._file = os.open(name, _READ, dir_fd=folder)
        self.found = os.fstat(self._file).st_size

    def read(self, size: int) -> bytes:
        """See the protocol."""
        pieces: list[bytes] = []
        wanted = min(size, self._size - self._at)
        while wanted > 0:
            with explained(self._path):
                piece = os.pread(self._file, wanted, self._at)
            if not piece:
                raise IntegrityMismatch(f"The file ended after {self._at} of {self._size} bytes.", item=self._path)
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """See the protocol."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
