"""The first look at an answer of the download host, before any byte is believed (Graph reference 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import requests

from spfc.errors import AnswerUnreadable, ItemChanged, ServiceBusy, SpfcError, Throttled
from spfc.graph.replies import OUTAGE_CEILING, Refusal, read_refusal
from spfc.graph.stream import FileStream
from spfc.planning.model import SourceItem

_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)")
_HTML_NAMES: Final = re.compile(r"\.(x?html?|xht|mht(ml)?|aspx?|master|shtml?|hta)$", re.IGNORECASE)
_STALE: Final = frozenset({401, 403, 404, 410})
"""What an expired link is answered with (Graph reference 8.1); 410 to be safe."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no stream.

    ``relink``: a fresh link may help. ``refusal`` is set when only Graph can say what it means.
    """

    error: SpfcError
    relink: bool = False
    refusal: Refusal | None = None


def open_body(response: requests.Response, item: SourceItem, offset: int) -> FileStream | Problem:
    """Return the stream that starts at ``offset``, or what is wrong with the answer."""
    status = response.status_code
    if status == 416:
        return _past_end(response, item, offset)
    if status >= 400:
        return _refused(response, item)
    if status not in (200, 206):
        return Problem(AnswerUnreadable(f"The download host answered with status {status}.", item=item.id))
    page = _is_error_page(response, item)
    if page is not None:
        return page
    return _whole(response, item, offset) if status == 200 else _part(response, item, offset)


def _refused(response: requests.Response, item: SourceItem) -> Problem:
    refusal = read_refusal(response, graph=False)
    text = f"The download host refused the content ({refusal})."
    if refusal.status in (429, 509) or (refusal.status == 503 and refusal.wait is not None):
        wait = refusal.wait if refusal.status != 503 or refusal.wait is None else min(refusal.wait, OUTAGE_CEILING)
        return Problem(Throttled(text, item=item.id, retry_after=wait))
    if refusal.status >= 500:
        # A 503 without a wait can be about this one item (OneNote parts, reference 8.3): it stops nobody
        # else.
        return Problem(ServiceBusy(text, item=item.id))
    relink = refusal.status in _STALE and not refusal.infected
    return Problem(AnswerUnreadable(text, item=item.id), relink=relink, refusal=refusal)


def _is_error_page(response: requests.Response, item: SourceItem) -> Problem | None:
    media = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if media not in ("text/html", "application/xhtml+xml") or _HTML_NAMES.search(item.name):
        return None
    if item.hash is not None and _number(response.headers.get("Content-Length")) == item.size:
        # Some hosts call other texts html too. Exactly the listed length: the hash will tell.
        return None
    error = AnswerUnreadable(
        "The download host sent a web page instead of the file.",
        hint="A sign-in or error page looks like this; the file was not touched.",
        item=item.id,
    )
    return Problem(error, relink=True)


def _whole(response: requests.Response, item: SourceItem, offset: int) -> FileStream | Problem:
    encoded = response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "")
    length = None if encoded else _number(response.headers.get("Content-Length"))
    if length is not None and length < offset:
        return Problem(_shrunk(item, length))
    stream = FileStream(response, item_id=item.id, offset=0, length=length, version=response.headers.get("ETag"))
    # The server ignored the Range: what we hold already is read again and thrown away.
    stream.skip(offset)
    return stream


def _part(response: requests.Response, item: SourceItem, offset: int) -> FileStream | Problem:
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None or found[1] is None or int(found[1]) != offset:
        return Problem(AnswerUnreadable("The download host sent another part than asked for.", item=item.id))
    length = _number(found[3])
    version = response.headers.get("ETag")
    return FileStream(response, item_id=item.id, offset=offset, length=length, version=version)


def _past_end(response: requests.Response, item: SourceItem, offset: int) -> FileStream | Problem:
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    length = _number(found[3]) if found else None
    if offset and (length if length is not None else item.size) == offset:
        # We hold all of it already: the rest is empty.
        version = response.headers.get("ETag")
        return FileStream(response, item_id=item.id, offset=offset, length=offset, version=version)
    return Problem(_shrunk(item, length))


def _shrunk(item: SourceItem, length: int | None) -> ItemChanged:
    now = "fewer bytes" if length is None else f"{length} bytes"
    return ItemChanged(
        f"The item has {now} now instead of {item.size}.",
        hint="The change feed will bring its new state.",
        item=item.id,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
