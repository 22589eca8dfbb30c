"""Receiving files in chunks and completing them in one step (reference 7)."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from simulators.common import call_of
from simulators.filecloud import markup, tree
from simulators.filecloud.errors import Malformed, Refused
from simulators.filecloud.exchange import Exchange, Operation, refuse_other_user
from simulators.filecloud.multipart import MultipartError, MultipartReader
from simulators.filecloud.names import check_new
from simulators.filecloud.places import Place
from simulators.filecloud.staging import Chunk
from simulators.filecloud.times import parse_date, server_offset


@dataclass(frozen=True, slots=True)
class _Upload:
    """What one upload request asks for."""

    place: Place
    offset: int
    complete: bool
    total: int | None

    @classmethod
    def of(cls, exchange: Exchange) -> _Upload:
        return cls(
            exchange.child("path", "filename"),
            exchange.integer("offset", 0),
            exchange.flag("complete", default=True),  # reference 7.1: absent acts as 1
            exchange.integer("filesize", -1) if exchange.text("filesize") else None,
        )


async def upload(exchange: Exchange) -> web.StreamResponse:
    """Take one chunk; the body of the answer is OK, or the reason why not."""
    knobs = exchange.world.knobs
    length = exchange.request.content_length
    if knobs.max_chunk and length is not None and length > knobs.max_chunk:
        too_large = markup.html("Request Entity Too Large", 413)
        too_large.force_close()
        return too_large
    chunk: Chunk | None = None
    try:
        chunk = _open(exchange)
        await _receive(exchange, chunk)
        return _store(exchange, chunk)
    except (Refused, Malformed) as refusal:
        if chunk is not None:
            chunk.undo()
        await _drain(exchange)
        return failure(exchange, refusal)
    except BaseException:
        if chunk is not None:
            chunk.undo()
        raise


def failure(exchange: Exchange, reason: Exception) -> web.Response:
    """Say why an upload was refused, in the shape that the knob asks for (reference 7.2)."""
    status = reason.status if isinstance(reason, Refused) else 200
    if exchange.world.knobs.precondition_failure == "text":
        status = 200
    shape = exchange.world.knobs.upload_failure_shape
    if shape == "xml":
        return markup.xml(markup.command_xml("upload", 0, str(reason)), status)
    if shape == "json":
        body = json.dumps({"command": [{"type": "upload", "result": 0, "message": str(reason)}]})
        return web.Response(status=status, text=body, content_type="application/json")
    return web.Response(status=status, text=str(reason), content_type="text/html")


def _open(exchange: Exchange) -> Chunk:
    """Open the place for a chunk; append in place only when the query alone says where it belongs."""
    params = exchange.params
    if params.get("path") and params.get("filename") and params.get("offset", "0") != "0":
        asked = _Upload.of(exchange)
        return exchange.world.staging.open(_holder(exchange), asked.place.key, asked.offset)
    return exchange.world.staging.spool()


async def _receive(exchange: Exchange, chunk: Chunk) -> None:
    request = exchange.request
    received = 0
    try:
        reader = MultipartReader(request.headers.get("Content-Type", ""), chunk.write)
        while data := await request.content.readany():
            received += len(data)
            reader.feed(data)
        reader.finish()
    except MultipartError as error:
        raise Malformed(str(error)) from error
    call = call_of(request)
    call.bytes_in = received
    exchange.params = {**reader.fields, **exchange.params}
    if reader.filename is None:
        raise Malformed("no file was sent")
    # Only the last step: browsers of old sent the whole local path.
    leaf = reader.filename.replace("\\", "/").rpartition("/")[2]
    exchange.params.setdefault("filename", leaf)
    call.params = dict(exchange.params)


async def _drain(exchange: Exchange) -> None:
    # A server reads the whole request before it answers; an early answer would reset the sender.
    while await exchange.request.content.readany():
        pass


def _store(exchange: Exchange, chunk: Chunk) -> web.Response:
    world, session = exchange.world, _holder(exchange)
    chunk.close()
    asked = _Upload.of(exchange)
    _check(exchange, asked, chunk)
    single = asked.offset == 0 and asked.complete and not chunk.appending
    if single:
        world.staging.drop(session, asked.place.key)
        staged = chunk.path
    else:
        repeats = world.knobs.repeat_chunk == "accept"
        gaps = world.knobs.chunk_gap == "zeros"
        staged = world.staging.add(session, asked.place.key, asked.offset, chunk, repeats, gaps)
    if not asked.complete:
        _uncover(exchange, asked, staged)
        return _ok(exchange)
    if asked.total is not None and staged.stat().st_size != asked.total:
        world.staging.drop(session, asked.place.key)
        raise Refused("The size of the file does not match the data received", "CLFC-3003")
    status = tree.put_file(world, asked.place, staged, _date(exchange), "upload")
    if not single:
        world.staging.done(staged)
    response = _ok(exchange)
    if world.knobs.etag and world.knobs.upload_etag_header and exchange.request.headers.get("X-FC-Send-ETag") == "1":
        etag = world.etag(asked.place, world.contents.of(status))
        response.headers["ETag"] = f'"{etag if world.knobs.etag_of_upload == "listed" else etag[::-1]}"'
    return response


def _uncover(exchange: Exchange, asked: _Upload, staged: Path) -> None:
    """Let an unfinished upload be seen, as a server does that writes into the file itself (knob `atomic`)."""
    world = exchange.world
    if world.knobs.atomic or asked.offset:
        return
    spool = world.staging.spool()
    spool.write(staged.read_bytes())
    spool.close()
    tree.put_file(world, asked.place, spool.path, _date(exchange), "upload")


def _holder(exchange: Exchange) -> str:
    """Return whose partial uploads count: those of this session, or of all sessions of the account."""
    session = exchange.session
    return session.user if exchange.world.knobs.staging_of == "account" else session.digest


def _ok(exchange: Exchange) -> web.Response:
    return web.Response(text=exchange.world.knobs.upload_ok_text, content_type="text/html")


def _check(exchange: Exchange, asked: _Upload, chunk: Chunk) -> None:
    """Raise Refused when this chunk may not be taken."""
    world, knobs, place = exchange.world, exchange.world.knobs, asked.place
    refuse_other_user(exchange)
    world.writable(place)
    if knobs.refuse_chunk_over and chunk.length > knobs.refuse_chunk_over:
        raise Refused("Upload failed")
    check_new(place.name, knobs, is_file=True)
    if knobs.upload_creates_folders:
        tree.make_folders(world, world.find(place.parent))
    tree.check_case(world, tree.check_parent(world, place), place.name)
    _check_conditions(exchange, place)
    _check_quota(exchange, asked, chunk)


def _check_quota(exchange: Exchange, asked: _Upload, chunk: Chunk) -> None:
    limit, fault = exchange.world.knobs.quota_bytes, exchange.fault
    coming = max(asked.total or 0, asked.offset + chunk.length)
    full = bool(limit) and exchange.world.used() + coming > limit
    if full or (fault is not None and fault.kind == "quota_full"):
        raise Refused("Storage quota exceeded", "CLFC-5001")


def _check_conditions(exchange: Exchange, place: Place) -> None:
    """Raise Refused when what is there forbids the upload (reference 7.1, 7.5)."""
    world, knobs = exchange.world, exchange.world.knobs
    if knobs.preconditions == "ignored":
        return
    status = world.status(place)
    etag, modified = exchange.text("ifetag").strip('"'), exchange.integer("iflastmodified", -1)
    if status is None:
        if etag or modified >= 0:
            raise Refused("The file was removed", "CLFC-6003", 412)
        return
    if stat.S_ISDIR(status.st_mode):
        raise Refused("A folder with this name exists", "CLFC-4002")
    if exchange.flag("nofileoverwrite", default=not knobs.overwrite_default):
        raise Refused("The file exists already and must not be overwritten", "CLFC-6001", 409)
    if knobs.keep_versions < 0:
        raise Refused("Overwriting files is not allowed", "CLFC-4003")
    if etag and knobs.etag and etag != world.etag(place, world.contents.of(status)):
        raise Refused("The file has another etag", "CLFC-6002", 412)
    epoch = status.st_mtime_ns // 10**9
    if knobs.iflastmodified_is == "server_clock":
        epoch += server_offset(epoch, knobs.server_tz)
    if modified >= 0 and modified != epoch:
        raise Refused("The file was modified", "CLFC-6003", 412)


def _date(exchange: Exchange) -> int:
    """Return the modification time to store, true epoch seconds (reference 7.3)."""
    knobs, text = exchange.world.knobs, exchange.text("date")
    zone = "UTC" if knobs.naive_date_is == "utc" else knobs.server_tz
    epoch = parse_date(text, zone) if text and not knobs.date_ignored else None
    return exchange.world.now() if epoch is None else epoch


async def delete_partial_uploads(exchange: Exchange) -> web.StreamResponse:
    """Forget all unfinished uploads of the account."""
    exchange.world.staging.drop_all()
    return exchange.done("")


OPERATIONS: dict[str, Operation] = {
    "upload": upload,
    "deletepartialuploads": delete_partial_uploads,
}
