"""P8 and P15: how content comes back, and whether the server can prove it (FileCloud reference 8, 13, 16)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlsplit

from spfc.doctor import raw
from spfc.doctor.scratch import Scratch
from spfc.doctor.shape import Finding, fail, ok, warn
from spfc.errors import ItemGone, SpfcError
from spfc.filecloud import calls
from spfc.filecloud.wire import Reply, Request

_DATA = bytes(range(256)) * 64
_OFFSET = 5000


def downloads(scratch: Scratch) -> Finding:
    """P8: a part by Range, a missing file, HEAD, a check of rights, a redirect."""
    folder, client = scratch.folder("P8"), scratch.client
    scratch.put(folder, "data.bin", _DATA)
    path = f"{folder}/data.bin"
    with client.download(path, size=len(_DATA)) as stream:
        if stream.read(len(_DATA)) != _DATA:
            return fail("A download differs from what was uploaded.", "Look for a filter between here and FileCloud.")
    try:
        with client.download(path, size=len(_DATA), offset=_OFFSET) as stream:
            begins, rest = stream.offset, stream.read(len(_DATA))
    except SpfcError as error:
        return fail(
            f"A part by Range is refused: {error.message}",
            "Have the proxy or server in between let the header Range through, or drop it: refused, a read-back that "
            "breaks off cannot go on.",
        )
    missing = _missing(scratch, f"{folder}/missing.bin")
    told = f"{_head(scratch, path)}; {_redirect(scratch, path)}; a missing file is {missing}"
    if rest != _DATA[begins:]:
        return fail(f"A part by Range holds the wrong bytes; {told}.", "Look for a cache between here and FileCloud.")
    if not missing.startswith("told"):
        return fail(
            f"{told[0].upper()}{told[1:]}.", "Update the server, or report this line: a missing copy is not noticed."
        )
    if begins == 0:
        return warn(
            f"The server ignores Range and sends the whole file; {told}.",
            "Look for a proxy that removes the header Range. Until then a read-back that breaks off begins again at "
            "its first byte.",
        )
    return ok(f"Parts come by Range; {told}.")


def _missing(scratch: Scratch, path: str) -> str:
    try:
        with scratch.client.download(path, size=100) as stream:
            return f"served with {len(stream.read(100))} bytes"
    except ItemGone:
        return "told as missing"
    except SpfcError as error:
        return f"answered unclearly ({error.code})"


def _head(scratch: Scratch, path: str) -> str:
    status = _peek(scratch, replace(calls.download(path, 0), method="HEAD")).status
    check = calls.download(path, 0)
    allowed = _peek(scratch, replace(check, query={**check.query, "checkonly": "1"})).status
    return f"HEAD gives status {status}, checkonly {allowed}"


def _redirect(scratch: Scratch, path: str) -> str:
    request = calls.download(path, 0)
    reply = _peek(scratch, replace(request, query={**request.query, "redirect": "1"}))
    where = urlsplit(reply.headers.get("Location", "")).hostname
    return f"with redirect=1 it leads to {where}" if where else "redirect=1 is served by FileCloud itself"


def _peek(scratch: Scratch, request: Request) -> Reply:
    reply = scratch.client.raw(request)
    if reply.stream is not None:
        reply.stream.close()
    return reply


def checksums(scratch: Scratch) -> Finding:
    """P15: whether the list of versions names checksums."""
    folder = scratch.folder("P15")
    scratch.put(folder, "sum.txt", _DATA)
    records = raw.records_in(scratch.client.raw(calls.versions(folder, "sum.txt")), "version")
    known = {hashlib.new(kind, _DATA, usedforsecurity=False).hexdigest(): kind for kind in ("md5", "sha1", "sha256")}
    for name, value in (records[0] if records else {}).items():
        kind = known.get(str(value).lower())
        if kind is not None:
            return ok(f"Versions carry a checksum: {name} is the {kind} of the content (spfc does not use it).")
    if not records:
        return ok("The server lists no versions, so it has no checksums for us.")
    return ok(f"No checksum among the fields of a version ({', '.join(sorted(records[0]))}); read-back proves copies.")
