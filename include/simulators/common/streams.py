"""Sending files and cutting connections in exactly the way a fault asks for."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from io import FileIO
from pathlib import Path

from aiohttp import web

from simulators.common.calls import call_of, fault_of

PIECE = 1 << 20
_UNCOPIED = 8 << 20
"""Bytes that the kernel is asked to send at once."""
_LINGER_OFF = struct.pack("ii", 1, 0)


def abort_connection(request: web.BaseRequest) -> None:
    """Cut the connection with a TCP reset; whatever was not sent yet is lost."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()


def close_connection(request: web.BaseRequest) -> None:
    """End the connection after the bytes already written, however many were announced."""
    if request.transport is not None:
        request.transport.close()


async def wait_for_disconnect(request: web.BaseRequest) -> None:
    """Hang until the other side gives up (or the server stops, which cancels this)."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def limit_of(request: web.BaseRequest) -> int | None:
    """Return after how many body bytes the declared fault cuts or hangs, or None."""
    fault = fault_of(request)
    if fault is None or fault.kind not in ("truncate", "stall") or "bytes" not in fault.options:
        return None
    return int(fault.get("bytes"))


async def cut_short(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """End a response whose limit was reached: hang first when the fault is a stall, then close."""
    call_of(request).close(response.status)
    fault = fault_of(request)
    if fault is not None and fault.kind == "stall":
        await wait_for_disconnect(request)
    close_connection(request)
    return response


async def send_bytes(request: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    """Send a complete response under a truncate or stall fault: full length announced, fewer bytes sent."""
    limit = limit_of(request)
    body = whole.body if isinstance(whole.body, bytes | bytearray) else b""
    if limit is None or limit >= len(body):
        return whole
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(body)
    await response.prepare(request)
    call_of(request).bytes_out = limit
    await response.write(bytes(body[:limit]))
    return await cut_short(request, response)


async def send_file(
    request: web.BaseRequest,
    path: Path | str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    start: int = 0,
    length: int | None = None,
) -> web.StreamResponse:
    """Answer with bytes [start, start + length) of a file, in pieces of 1 MiB.

    Honours a truncate or stall fault of the request, and writes the journal entry before the last byte
    leaves. Raises FileNotFoundError before anything was sent. HEAD requests get the headers only.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123, ASYNC230 - called for each download
        handle = file.fileno()
        size = os.fstat(handle).st_size
        left = max(0, size - start) if length is None else length
        limit = limit_of(request)
        if request.method == "HEAD":
            return web.Response(status=status, headers={**(headers or {}), "Content-Length": str(left)})
        if left <= PIECE and (limit is None or limit >= left):
            return web.Response(status=status, headers=headers, body=os.pread(handle, left, start))
        return await _stream(request, file, status, headers, start, left, limit)


async def _stream(
    request: web.BaseRequest,
    file: FileIO,
    status: int,
    headers: Mapping[str, str] | None,
    start: int,
    left: int,
    limit: int | None,
) -> web.StreamResponse:
    call = call_of(request)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = left
    await response.prepare(request)
    goal = left if limit is None else min(limit, left)
    sent = 0
    call.bytes_out = 0
    if request.transport is not None and request.transport.get_extra_info("sslcontext") is None:
        # The last piece goes the long way: the journal entry is to be written before it.
        async for sent in _uncopied(request.transport, file, start, goal - min(goal, PIECE)):
            call.bytes_out = sent
    while sent < goal:
        piece = os.pread(file.fileno(), min(PIECE, goal - sent), start + sent)
        if not piece:
            # The file shrank under us: the announced length cannot be kept any more.
            return await cut_short(request, response)
        sent += len(piece)
        call.bytes_out = sent
        if sent == left:
            call.close(status)
        await response.write(piece)
    return response if goal == left else await cut_short(request, response)


async def _uncopied(transport: asyncio.Transport, file: FileIO, start: int, most: int) -> AsyncIterator[int]:
    """Let the kernel send up to ``most`` bytes of a file; yield how many were sent so far, fewer at its end."""
    loop = asyncio.get_running_loop()
    sent = 0
    while sent < most:
        if transport.is_closing():
            raise ConnectionResetError("the client has gone")
        wanted = min(_UNCOPIED, most - sent)
        done = await loop.sendfile(transport, file, start + sent, wanted)
        sent += done
        yield sent
        if done < wanted:
            return
