"""Sending files: whole, in ranges, by redirect, or an error dressed as success (reference 8)."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from simulators.common import send_file
from simulators.filecloud import markup
from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.world import World

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_PIECE = 1 << 18


async def downloadfile(exchange: Exchange) -> web.StreamResponse:
    """Send the live content of a file."""
    world = exchange.world
    try:
        place = exchange.place(exchange.need("filepath"))
        path, status = world.existing_file(place)
    except Refused as refusal:
        return failure(exchange, refusal)
    if exchange.flag("checkonly"):
        return exchange.done("")
    etag = world.etag(place, world.contents.of(status))
    name = exchange.text("filename") or place.name
    return await send(world, exchange.request, path, name, etag)


def failure(exchange: Exchange, refusal: Refused) -> web.StreamResponse:
    """Answer a failed download: status 200 with a command body, or 404 (reference 8)."""
    status = 200
    if isinstance(refusal, NotFound) and exchange.world.knobs.download_missing == "http_404":
        status = 404
    return markup.xml(markup.command_xml(exchange.operation, 0, str(refusal)), status)


async def send(world: World, request: web.BaseRequest, path: Path, name: str, etag: str) -> web.StreamResponse:
    """Send a file, or the range of it that was asked for."""
    knobs, asked = world.knobs, request.headers.get("Range", "")
    headers, size = _headers(path, name)
    if knobs.etag and knobs.download_etag:
        headers["ETag"] = f'"{etag}"'
    if knobs.range == "ok":
        headers["Accept-Ranges"] = "bytes"
    elif asked and knobs.range == "error":
        return markup.html("Requested Range Not Satisfiable", 416)
    counts = knobs.range == "ok" and _range_counts(request, headers)
    span = _span(asked, size) if counts else None
    if span is None:
        return await _whole(world, request, path, headers)
    start, end = span
    if start >= size:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return await send_file(request, path, status=206, headers=headers, start=start, length=end - start + 1)


def _headers(path: Path, name: str) -> tuple[dict[str, str], int]:
    """Return the headers of a download, and the size of the file."""
    status = path.stat()
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {
        "Content-Type": guessed,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Last-Modified": formatdate(status.st_mtime_ns // 10**9, usegmt=True),
    }
    return headers, status.st_size


def _range_counts(request: web.BaseRequest, headers: Mapping[str, str]) -> bool:
    """Say whether If-Range lets the range count."""
    condition = request.headers.get("If-Range")
    return condition is None or condition in (headers.get("ETag"), headers["Last-Modified"])


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Return (first, last) byte of a simple range, or None for forms that are ignored."""
    found = _RANGE.match(asked)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    end = min(int(found[2]), size - 1) if found[2] else size - 1
    start = int(found[1])
    return None if found[2] and int(found[2]) < start else (start, end)


async def _whole(world: World, request: web.BaseRequest, path: Path, headers: dict[str, str]) -> web.StreamResponse:
    if world.knobs.content_length:
        return await send_file(request, path, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    handle = os.open(path, os.O_RDONLY)
    try:
        while piece := os.read(handle, _PIECE):
            await response.write(piece)
    finally:
        os.close(handle)
    return response


OPERATIONS: dict[str, Operation] = {"downloadfile": downloadfile}
