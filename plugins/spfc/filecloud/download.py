"""A file's bytes on their way in: exact reads, and no error page or cut body ever taken for the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import requests

from spfc.errors import AnswerUnreadable, IntegrityMismatch, ItemChanged, ServiceBusy, SpfcError
from spfc.filecloud import xml
from spfc.filecloud.answers import Answers, looks_like_html
from spfc.filecloud.wire import Reply, Request

_PIECE = 256 * 1024
_ERROR_SIZE = 64 * 1024
"""No error answer is longer; what is longer is a file."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Download:
    """An open download. ``offset`` is where it really starts: 0 when the server ignored the range asked for.

    ``size`` is the whole file's as far as known. Use it in one thread, close it or use it as a context manager.
    """

    def __init__(self, response: requests.Response, *, offset: int, subject: str | None) -> None:
        self.size: int | None = None
        self.offset = offset
        self._response = response
        self._subject = subject
        self._pieces: Iterator[bytes] = response.iter_content(_PIECE)
        self._rest = bytearray()
        self._position = offset
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, fewer only at the end of the file, ``b""`` after it.

        Raises ServiceBusy when the body breaks off, IntegrityMismatch when it ends before or after ``size``.
        """
        self._receive(size)
        with memoryview(self._rest) as view:
            out = bytes(view[:size])
        del self._rest[:size]
        self._position += len(out)
        return out

    def fill(self, size: int) -> bytes:
        """Receive until ``size`` bytes wait to be read or the body ends; return what waits without taking it."""
        self._receive(size)
        return bytes(self._rest[:size])

    def _receive(self, size: int) -> None:
        while len(self._rest) < size and not self._ended:
            try:
                piece = next(self._pieces, None)
            except requests.RequestException as error:
                raise ServiceBusy("A download broke off.", item=self._subject) from error
            if piece is None:
                self._ended = True
                self._check_end()
            else:
                self._rest += piece

    def expect(self, size: int | None) -> None:
        """Say how big the whole file must turn out to be. Raises IntegrityMismatch when it is not already."""
        self.size = size
        if self._ended:
            self._check_end()

    def _check_end(self) -> None:
        received = self._position + len(self._rest)
        if self.size is not None and received != self.size:
            raise IntegrityMismatch(
                f"A download ended after {received} bytes where {self.size} were listed.", item=self._subject
            )

    def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_download(request: Request, reply: Reply, answers: Answers, *, size: int | None, offset: int) -> Download:
    """Turn a reply into a download (reference 8, client 4 to 6). ``size`` is what the listing says.

    Raises CallRefused for an error sent as a file, AnswerUnreadable for a web page, ItemChanged when the file on the
    server has another size than listed.
    """
    if reply.status == 416:
        raise ItemChanged("The file at FileCloud is shorter than expected.", item=request.subject)
    answers.check_status(request, reply)
    if reply.stream is None:
        raise AnswerUnreadable("FileCloud sent no body for a download.", item=request.subject)
    try:
        start, length = _extent(request, reply, offset)
        if start == 0 and length is not None and length != size and length <= _ERROR_SIZE:
            _refuse_error(request, reply, reply.stream, answers, size)
        if size is not None and length is not None and start + length != size:
            raise ItemChanged(
                f"The file at FileCloud has {start + length} bytes where {size} were listed.",
                item=request.subject,
            )
        whole = size if size is not None else (start + length if length is not None else None)
        opened = Download(reply.stream, offset=start, subject=request.subject)
        if start == 0 and length is None:
            _sniff(request, opened, answers, size)
        opened.expect(whole)
    except SpfcError:
        reply.stream.close()
        raise
    return opened


def _extent(request: Request, reply: Reply, offset: int) -> tuple[int, int | None]:
    raw = reply.headers.get("Content-Length")
    length = int(raw) if raw and raw.isdigit() else None
    if reply.status == 200:
        return 0, length
    found = _RANGE.fullmatch(reply.headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) != offset:
        raise AnswerUnreadable("FileCloud sent another range than was asked for.", item=request.subject)
    return offset, int(found[2]) - offset + 1


def _refuse_error(
    request: Request, reply: Reply, stream: requests.Response, answers: Answers, size: int | None
) -> None:
    """Read a short body that has not the listed size as an error, if it is one. Size equality decides."""
    if size is None and "xml" not in reply.media_type and "html" not in reply.media_type:
        return
    _raise_error_body(request, stream.content, answers)  # kept by the response: it can still be read as a file


def _sniff(request: Request, opened: Download, answers: Answers, size: int | None) -> None:
    """Without Content-Length: look at the first bytes, which stay to be read."""
    head = opened.fill(16)
    if head.startswith(b"<commands>") or looks_like_html(head):
        body = opened.fill(_ERROR_SIZE)
        if len(body) < _ERROR_SIZE and len(body) != size:
            _raise_error_body(request, body, answers)


def _raise_error_body(request: Request, body: bytes, answers: Answers) -> None:
    if looks_like_html(body):
        raise AnswerUnreadable("FileCloud answered a download with a web page.", item=request.subject)
    if not body.startswith(b"<commands>"):
        return
    command = xml.parse(body).command()
    if command is not None and not command.done:
        raise answers.refused(request, command.message)
