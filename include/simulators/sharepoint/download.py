"""The download host: bytes for pre-authenticated links (Graph reference 8)."""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote

from aiohttp import web

from simulators.common.calls import Call
from simulators.common.clock import Clock
from simulators.common.streams import send_file
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.tokens import Signer
from simulators.sharepoint.wire import matches, mime_type

_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return (start, length) of a single byte range, None when it cannot be satisfied or understood."""
    found = _RANGE.match(header.strip())
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        length = min(int(last), size)
        return (size - length, length) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end - start + 1) if start <= end else None


@dataclass(slots=True)
class DownloadHost:
    """Serves files; counts what a good reader never does."""

    library: Library
    signer: Signer
    knobs: SharePointKnobs
    clock: Clock
    auth_seen: int = 0
    bytes_sent: int = 0
    served: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _fetches: int = 0

    @property
    def repeated(self) -> int:
        """How often the same range of the same version was asked for again."""
        return sum(n - 1 for n in self.served.values())

    async def handle(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """Answer one download; 401, 403 or 404 for a link that is not valid any more."""
        refused = self._authorization(request)
        if refused is not None:
            return refused
        try:
            guid = str(uuid.UUID(call.params.get("UniqueId", "")))
        except ValueError:
            return _plain(400, "UniqueId is malformed")
        if not self.signer.link_is_valid(guid, call.params.get("tempauth", ""), self.clock.now()):
            return _plain(self.knobs.url_expired_status, "the link has expired or is not valid")
        item = await self._current(guid)
        if item is None:
            return _plain(404, "the file does not exist")
        call.item = item.id
        path = self.library.path(item)
        if matches(self.knobs.malware, path):
            return malware_answer(self.knobs.malware_shape)
        return await self._send(request, item, path)

    def _authorization(self, request: web.BaseRequest) -> web.Response | None:
        if "Authorization" not in request.headers:
            return None
        self.auth_seen += 1
        if self.knobs.auth_on_download == "ignore":
            return None
        return _plain(int(self.knobs.auth_on_download), "Authorization is not wanted here")

    async def _current(self, guid: str) -> Item | None:
        """Return the item as it is on disk now; a file changed since the last scan is looked at again."""
        item = self.library.store.by_guid.get(guid)
        if item is None or item.is_dir:
            return None
        if not item.deleted and self.library.is_fresh(item):
            return item
        await asyncio.to_thread(self._rescan)
        return None if item.deleted else item

    def _rescan(self) -> None:
        with self.library.opened(rescan=True):
            pass

    async def _send(self, request: web.BaseRequest, item: Item, path: str) -> web.StreamResponse:
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": item.etag,
            "Content-Type": mime_type(item.name),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(item.name, safe='')}",
        }
        wanted = request.headers.get("Range")
        if self.knobs.range_mode == "ignored" or request.headers.get("If-Range", item.etag) != item.etag:
            wanted = None
        start, length, status = 0, item.size, 200
        if wanted is not None:
            part = parse_range(wanted, item.size)
            if part is None or self.knobs.range_mode == "416":
                return web.Response(status=416, headers={"Content-Range": f"bytes */{item.size}"})
            start, length, status = *part, 206
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{item.size}"
        key = (item.id, item.etag, wanted or "")
        self.served[key] = self.served.get(key, 0) + 1
        self.bytes_sent += length
        if any(kind == "bytes" and fnmatchcase(path, glob) for glob, kind in self.knobs.meta_mismatch):
            return self._altered(item, status, headers, start, length)
        content = self.library.content(item)
        if isinstance(content, bytes):
            return web.Response(status=status, headers=headers, body=content[start : start + length])
        try:
            return await send_file(
                request,
                content,
                status=status,
                headers=headers,
                start=start,
                length=length,
            )
        except FileNotFoundError:
            return _plain(404, "the file does not exist")

    def _altered(self, item: Item, status: int, headers: dict[str, str], start: int, length: int) -> web.Response:
        """Serve bytes that differ with each fetch, as files do that the service rewrites on the way."""
        self._fetches += 1
        content = self.library.content(item)
        data = bytearray(content if isinstance(content, bytes) else content.read_bytes())
        if data:
            data[-1] ^= 1 + self._fetches % 255
        return web.Response(status=status, headers=headers, body=bytes(data[start : start + length]))


def malware_answer(shape: str) -> web.Response:
    """Return one of the answers seen for infected files (Graph reference 8.3)."""
    if shape == "403_header":
        return web.Response(status=403, headers={"X-Virus-Infected": "simulated"})
    if shape == "403_html":
        return web.Response(status=403, text="<html>virus found</html>", content_type="text/html")
    return _plain(400, "malwareDetected")


def _plain(status: int, text: str) -> web.Response:
    return web.json_response({"error": {"code": "unauthenticated", "message": text}}, status=status)
