"""From a reply to what was promised, or to the error that says why not."""

from __future__ import annotations

import json
from collections.abc import Callable

from spfc.errors import AnswerUnreadable
from spfc.filecloud import xml
from spfc.filecloud.records import Command, Entry, Listing
from spfc.filecloud.refusals import CallRefused, Hint, hint_of
from spfc.filecloud.settings import EntryTypes
from spfc.filecloud.wire import Reply, Request

_STATUS_HINTS = {
    401: Hint.SESSION,
    403: Hint.PERMISSION,
    409: Hint.EXISTS,
    412: Hint.CHANGED,
    413: Hint.TOO_LARGE,
}
_BLANK = b" \t\r\n\xef\xbb\xbf"


class Answers:
    """Reads replies. ``redact`` cleans every server text before it can reach an error; ``types`` is how this server
    spells what an entry is.

    All methods raise CallRefused when the server says no and AnswerUnreadable when it says something else than was
    promised, HTML above all.
    """

    def __init__(self, redact: Callable[[str], str], types: EntryTypes = EntryTypes.PLAIN) -> None:
        self._redact = redact
        self._types = types

    def document(self, request: Request, reply: Reply) -> xml.Document:
        """Return the XML of a call whose refusal, if any, is a command answer."""
        self.check_status(request, reply)
        document = xml.parse(reply.body)
        command = document.command()
        if command is not None and not command.done:
            raise self.refused(request, command.message)
        return document

    def command(self, request: Request, reply: Reply) -> Command:
        """Return the answer of a command that was carried out."""
        return xml.read_command(self.document(request, reply))

    def page(self, request: Request, reply: Reply) -> Listing:
        """Return one page of a folder; ``meta/result`` other than 1 is a refusal (reference 6)."""
        listing = xml.read_listing(self.document(request, reply), self._types)
        if listing.result != 1:
            raise self.refused(request, listing.message)
        if listing.total is None:
            raise AnswerUnreadable("FileCloud listed a folder without saying how much is in it.", item=request.subject)
        return listing

    def info(self, request: Request, reply: Reply) -> Entry | None:
        """Return the entry of a fileinfo answer, None when it holds none (reference 5, stat)."""
        document = self.document(request, reply)
        listing = xml.read_listing(document, self._types)
        if document.root not in ("fileinfo", "entries") or len(listing.entries) > 1 or listing.damaged:
            raise AnswerUnreadable("FileCloud answered fileinfo with something else.", item=request.subject)
        return listing.entries[0] if listing.entries else None

    def exists(self, request: Request, reply: Reply) -> bool:
        """Return the yes or no of fileexists, whose no looks like a refusal (reference 5, exists)."""
        self.check_status(request, reply)
        command = xml.read_command(xml.parse(reply.body))
        if command.result not in (0, 1):
            raise self.refused(request, command.message)
        if command.result == 0 and hint_of(command.message) in (Hint.SESSION, Hint.PERMISSION, Hint.CSRF):
            raise self.refused(request, command.message)
        return command.done

    def upload(self, request: Request, reply: Reply) -> str | None:
        """Return the etag of an accepted chunk, None when the server gave none (reference 7.2)."""
        self.check_status(request, reply)
        body = reply.body.strip(_BLANK)
        if body == b"OK":
            return xml.clean_etag(reply.headers.get("ETag"))
        raise self.refused(request, _said(body))

    def check_status(self, request: Request, reply: Reply) -> None:
        """Raise for every status but success (reference 12); transient ones never come this far."""
        if reply.status in (200, 206):
            return
        if 300 <= reply.status < 400:
            hint, text = Hint.SESSION, f"a redirect, status {reply.status}"
        else:
            hint, text = _STATUS_HINTS.get(reply.status, Hint.UNKNOWN), f"status {reply.status}"
            said = "" if looks_like_html(reply.body) else _said(reply.body[:2000].strip(_BLANK))
            text = f"{text}: {said}" if said else text
        raise CallRefused(request.operation, self._redact(text), hint=hint, item=request.subject)

    def refused(self, request: Request, text: str) -> CallRefused:
        """Make the error for a refusal that came with a text."""
        return CallRefused(request.operation, self._redact(text), hint=hint_of(text), item=request.subject)


def looks_like_html(body: bytes) -> bool:
    """Say whether a body begins as a web page does."""
    head = body[:512].lstrip(_BLANK).lower()
    return head.startswith((b"<!doctype", b"<html", b"<head", b"<body"))


def _said(body: bytes) -> str:
    """Return the words in a refusal that may be a command in XML or JSON, or plain text (reference 7.2)."""
    if looks_like_html(body):
        raise AnswerUnreadable("FileCloud answered with a web page.")
    if body.startswith(b"<"):
        try:
            command = xml.parse(body).command()
        except AnswerUnreadable:
            command = None
        if command is not None:
            return command.message
    if body.startswith(b"{"):
        try:
            return str(json.loads(body)["command"][0]["message"])
        except (ValueError, LookupError, TypeError):
            return body.decode("utf-8", "replace")
    return body.decode("utf-8", "replace")
