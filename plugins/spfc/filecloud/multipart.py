"""The body of an upload: one file part around bytes that are never copied as a whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

_SLICE = 64 * 1024
"""Bytes handed to the socket at a time, so that a deadline counts for a slice, not for a whole chunk."""
_SMALL = 64 * 1024
"""Up to here one joined write is cheaper than three."""
_QUOTES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class FilePart:
    """A ``multipart/form-data`` body with exact length (reference 7.1). May be iterated again for a repetition.

    ``data`` must stay unchanged until the upload has been answered.
    """

    def __init__(self, name: str, data: bytes | memoryview) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        quoted = name.translate(_QUOTES)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file_contents"; filename="{quoted}"\r\n\r\n'
        self._head = head.encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._data = memoryview(data).cast("B")

    def __len__(self) -> int:
        return len(self._head) + len(self._data) + len(self._tail)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        if len(self._data) <= _SMALL:
            yield b"".join((self._head, self._data, self._tail))
            return
        yield self._head
        for start in range(0, len(self._data), _SLICE):
            yield self._data[start : start + _SLICE]
        yield self._tail
