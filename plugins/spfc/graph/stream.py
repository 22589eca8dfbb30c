"""The bytes of one file as they come off the download host: exact reads, and no silent early end."""

from __future__ import annotations

import http.client

import requests
import urllib3

from spfc.errors import ServiceBusy

_BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class FileStream:
    """Implements :class:`spfc.sources.base.ContentStream` over an open answer. Not thread safe; close it."""

    def __init__(
        self,
        response: requests.Response,
        *,
        item_id: str,
        offset: int,
        length: int | None,
        version: str | None,
    ) -> None:
        self.length = length
        self.offset = offset
        self.version = version
        self.skipped = 0
        """Bytes received and thrown away, because the server sent the whole file in spite of a Range."""
        self._at = offset
        self._item_id = item_id
        self._response = response
        # Identity was asked for; when a proxy compresses all the same, the length is not known either.
        self._decode = response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "")
        self._ended = length is not None and offset >= length

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end, ``b""`` after it.

        Raises ServiceBusy when the stream breaks, or ends before the announced length.
        """
        want = size if self.length is None else min(size, self.length - self._at)
        pieces: list[bytes] = []
        while want > 0 and not self._ended:
            piece = self._next(want)
            if not piece:
                self._end()
            pieces.append(piece)
            self._at += len(piece)
            want -= len(piece)
        if self.length is not None and self._at >= self.length:
            self._ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def skip(self, count: int) -> None:
        """Throw the next ``count`` bytes away: for a server that sent the whole file in spite of a Range."""
        while count > 0:
            piece = self.read(min(count, 1 << 20))
            if not piece:
                return
            self.skipped += len(piece)
            count -= len(piece)
        self.offset = self._at

    def close(self) -> None:
        """Give the connection back; an unread rest is cut off."""
        self._ended = True
        self._response.close()

    def _next(self, want: int) -> bytes:
        broken = False
        piece = b""
        try:
            piece = self._response.raw.read(want, decode_content=self._decode)
        except _BROKEN:
            broken = True
        # Raised outside of the except block: the cause would carry the pre-signed link along.
        if broken:
            raise self._short()
        return piece

    def _end(self) -> None:
        if self.length is not None and self._at < self.length:
            raise self._short()
        self._ended = True

    def _short(self) -> ServiceBusy:
        announced = "an unknown length" if self.length is None else f"{self.length} bytes"
        return ServiceBusy(
            f"The download broke off at byte {self._at} of {announced} [{self._item_id}].",
            hint="It can be resumed there while the version tag is unchanged.",
        )
