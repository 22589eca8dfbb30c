"""Versions of a file: list, fetch, restore, delete (reference 5, 13)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from aiohttp import web

from simulators.common import call_of
from simulators.filecloud import tree
from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.history import Version, content_of
from simulators.filecloud.markup import Field, Record
from simulators.filecloud.operations import download
from simulators.filecloud.places import Place
from simulators.filecloud.times import display_size, display_time


def _place(exchange: Exchange) -> Place:
    return exchange.child("filepath", "filename")


def _all(exchange: Exchange, place: Place) -> list[Version]:
    """Return the versions of a file, newest first, the live one included (reference 13)."""
    world = exchange.world
    path, status = world.existing_file(place)
    live = world.history.live(path, status, world.contents.of(status))
    return [live, *world.history.of(place.key)]


def _wanted(exchange: Exchange, place: Place) -> tuple[Version, bool]:
    """Return the version that was asked for, and whether it is the live one."""
    wanted = exchange.need("fileid")
    for position, version in enumerate(_all(exchange, place)):
        if version.fileid == wanted:
            return version, position == 0
    raise NotFound("The version does not exist", "CLFC-2009")


async def getversions(exchange: Exchange) -> web.StreamResponse:
    """List the versions of a file."""
    place = _place(exchange)
    rows = [_record(exchange, place.name, version) for version in _all(exchange, place)]
    return exchange.records("versions", "version", rows, [("total", str(len(rows))), ("result", "1")])


def _record(exchange: Exchange, name: str, version: Version) -> Record:
    knobs = exchange.world.knobs
    fields: list[Field] = [
        ("versionnumber", f"Version {version.number}"),
        ("size", display_size(version.size)),
        ("sizeinbytes", str(version.size)),
        ("how", version.how),
        ("createdon", display_time(version.created, knobs.server_tz)),
        ("createdby", version.owner),
        ("filename", name),
        ("fileid", version.fileid),
        ("date", display_time(version.mtime_ns // 10**9, knobs.server_tz)),
    ]
    if knobs.version_checksum_element and exchange.flag("checksum"):
        fields.append((knobs.version_checksum_element, _md5(version.blob)))
    return fields


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


async def download_version(exchange: Exchange) -> web.StreamResponse:
    """Send the bytes of one version."""
    try:
        place = _place(exchange)
        version, _ = _wanted(exchange, place)
    except Refused as refusal:
        return download.failure(exchange, refusal)
    etag = content_of(version).etag()
    return await download.send(exchange.world, exchange.request, version.blob, place.name, etag)


async def make_live(exchange: Exchange) -> web.StreamResponse:
    """Make an earlier version the live one; the live one becomes a version."""
    world = exchange.world
    place = _place(exchange)
    version, is_live = _wanted(exchange, place)
    if is_live:
        return exchange.done("")
    spool = world.staging.spool()
    spool.close()
    try:
        shutil.copyfile(version.blob, spool.path)
        tree.put_file(world, place, spool.path, version.mtime_ns // 10**9, "restore")
    finally:
        spool.path.unlink(missing_ok=True)
    world.history.delete(place.key, version.fileid)
    return exchange.done("Version is live")


async def delete_version(exchange: Exchange) -> web.StreamResponse:
    """Delete an earlier version; the live one is refused."""
    place = _place(exchange)
    version, is_live = _wanted(exchange, place)
    if is_live:
        raise Refused("The live version cannot be deleted", "CLFC-2010")
    exchange.world.history.delete(place.key, version.fileid)
    exchange.world.used_changed(None)
    return exchange.done("Version deleted")


async def lock(exchange: Exchange) -> web.StreamResponse:
    """Lock a file or folder, for ever or for some seconds."""
    world = exchange.world
    place = exchange.place(exchange.need("path"))
    world.existing(place)
    world.writable(place)
    now = world.clock.now()
    seconds = exchange.integer("relative_expiration", 0)
    expires = now + seconds if seconds else float(exchange.integer("expiration", 0))
    world.locks.put(place.key, exchange.session.user, exchange.flag("readlock"), expires)
    return exchange.done("Locked")


async def unlock(exchange: Exchange) -> web.StreamResponse:
    """Unlock a file or folder."""
    place = exchange.place(exchange.need("path"))
    exchange.world.writable(place)
    exchange.world.locks.remove(place.key)
    return exchange.done("Unlocked")


async def lock_info(exchange: Exchange) -> web.StreamResponse:
    """Tell who holds a lock."""
    world = exchange.world
    place = exchange.place(exchange.need("path"))
    call_of(exchange.request).item = place.path
    lock = world.locks.of(place.key, world.clock.now())
    by_other = place.path in world.knobs.locked_paths
    owner = lock.owner if lock else "another user" if by_other else ""
    record: list[Field] = [
        ("locked", "1" if owner else "0"),
        ("readlock", "1" if lock and lock.readlock else "0"),
        ("lockedby", owner),
    ]
    return exchange.records("filelockinfos", "filelockinfo", [record])


OPERATIONS: dict[str, Operation] = {
    "getversions": getversions,
    "downloadversionedfile": download_version,
    "makeversionlive": make_live,
    "deleteversion": delete_version,
    "lock": lock,
    "unlock": unlock,
    "getfilelockinfo": lock_info,
}
