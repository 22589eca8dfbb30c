"""Reading a multipart/form-data body piece by piece, so that a large file never lies in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from urllib.parse import unquote

_BOUNDARY = re.compile(r"boundary=(?:\"([^\"]{1,200})\"|([^;\s]{1,200}))", re.IGNORECASE)
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_NAME = re.compile(rf"[;\s]name={_QUOTED}", re.IGNORECASE)
_FILENAME = re.compile(rf"[;\s]filename={_QUOTED}", re.IGNORECASE)
_FILENAME_EXTENDED = re.compile(r"[;\s]filename\*=utf-8''([^;\s]+)", re.IGNORECASE)
_LONGEST_HEADERS = 16_384
_LONGEST_FIELD = 1 << 20


class MultipartError(ValueError):
    """The body is not multipart, or is damaged."""


class _At(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    BODY = auto()
    END = auto()


class MultipartReader:
    """Feed it the body; it hands the first file part to `sink` and keeps the plain fields.

    A file part is the first part with a filename, whatever its field name (reference 7.1); later ones are
    skipped. Memory: the piece fed plus at most one delimiter. Raises MultipartError for a damaged body.
    """

    def __init__(self, content_type: str, sink: Callable[[bytes | memoryview], object]) -> None:
        found = _BOUNDARY.search(content_type)
        if not content_type.lower().startswith("multipart/") or found is None:
            raise MultipartError("the body is not multipart/form-data")
        self._delimiter = b"\r\n--" + (found[1] or found[2]).encode()
        self._look_back = len(self._delimiter) - 1
        self._sink = sink
        self._buffer = b"\r\n"  # the first delimiter has no line before it
        self._at = _At.PREAMBLE
        self._take: Callable[[bytes | memoryview], object] | None = None
        self._field: list[bytes] = []
        self._field_name = ""
        self.fields: dict[str, str] = {}
        self.filename: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        self._buffer = self._buffer + data if self._buffer else data
        while self._step():
            pass

    def finish(self) -> None:
        """Say that the body is complete. Raises MultipartError if its end mark is missing."""
        if self._at is not _At.END:
            raise MultipartError("the multipart body is cut short")

    def _step(self) -> bool:
        if self._at is _At.HEADERS:
            return self._headers()
        if self._at is _At.END:
            self._buffer = b""
            return False
        return self._until_delimiter()

    def _until_delimiter(self) -> bool:
        position = self._buffer.find(self._delimiter)
        if position >= 0:
            self._emit(position)
            self._close_part()
            self._buffer = self._buffer[position + len(self._delimiter) :]
            self._at = _At.HEADERS
            return True
        spare = self._begun_delimiter()
        self._emit(spare)
        self._buffer = self._buffer[spare:]
        return False

    def _begun_delimiter(self) -> int:
        """Return where the buffer ends with the beginning of a delimiter, its length when it does not.

        So nearly always nothing is kept, and no piece has to be joined to the next one.
        """
        at = self._buffer.find(b"\r", max(0, len(self._buffer) - self._look_back))
        while at >= 0:
            if self._delimiter.startswith(self._buffer[at:]):
                return at
            at = self._buffer.find(b"\r", at + 1)
        return len(self._buffer)

    def _emit(self, count: int) -> None:
        if count and self._take is not None:
            self._take(memoryview(self._buffer)[:count])

    def _close_part(self) -> None:
        if self._field_name:
            self.fields[self._field_name] = b"".join(self._field).decode("utf-8", "replace")
        self._field, self._field_name, self._take = [], "", None

    def _headers(self) -> bool:
        if self._buffer.startswith(b"--"):
            self._at = _At.END
            return True
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEADERS:
                raise MultipartError("the headers of a part are too long")
            return False
        self._open_part(self._buffer[:end].decode("utf-8", "replace"))
        self._buffer = self._buffer[end + 4 :]
        self._at = _At.BODY
        return True

    def _open_part(self, headers: str) -> None:
        name, filename = _NAME.search(headers), _FILENAME.search(headers)
        extended = _FILENAME_EXTENDED.search(headers)
        if filename or extended:
            if self.filename is None:
                self.filename = unquote(extended[1]) if extended else _plain(filename[1] if filename else "")
                self._take = self._sink
        elif name and name[1]:
            self._field_name = _plain(name[1])
            self._take = self._collect

    def _collect(self, piece: bytes | memoryview) -> None:
        self._field.append(bytes(piece))
        if sum(map(len, self._field)) > _LONGEST_FIELD:
            raise MultipartError("a form field is too long")


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)
