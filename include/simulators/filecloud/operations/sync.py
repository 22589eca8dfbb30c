"""The change feed that sync clients poll (reference 10); its unknowns are answered in the simplest way."""

from __future__ import annotations

import stat

from aiohttp import web

from simulators.filecloud import disk
from simulators.filecloud.changes import Change
from simulators.filecloud.errors import Malformed, NotFound
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.markup import Field, Record
from simulators.filecloud.places import Place
from simulators.filecloud.times import display_time


async def sync_folders(exchange: Exchange) -> web.StreamResponse:
    """Name the folders that can be synced, with the version each has reached."""
    world = exchange.world
    _require_feed(exchange)
    asked = [exchange.text(f"path{n}") for n in range(1, exchange.integer("count", 0) + 1)]
    status = f"server,{world.changes.version()};"
    rows: list[Record] = [[("name", path), ("statusset", status)] for path in (f"/{world.account}", *asked)]
    return exchange.records("syncfolders", "syncfolder", rows)


async def sync_delta(exchange: Exchange) -> web.StreamResponse:
    """Return what changed below a folder since a version; version 0 returns everything there is."""
    world = exchange.world
    _require_feed(exchange)
    place = exchange.place(exchange.need("path"))
    root, _ = world.existing(place)
    since = _version(exchange.text("status"))
    if since:
        changes = [c for c in world.changes.since(place.key, since) if c.key != place.key]
    else:
        now = world.changes.version()
        found = sorted(disk.walk(root), key=lambda entry: entry.path)
        changes = [
            Change(now, place.key + e.path[len(str(root)) :], e.is_dir(follow_symlinks=False), False) for e in found
        ]
    return exchange.records("records", "record", [_record(exchange, place, change) for change in changes])


def _require_feed(exchange: Exchange) -> None:
    if not exchange.world.knobs.change_feed:
        raise NotFound("Sync is not available")


def _version(status: str) -> int:
    number = status.partition(";")[0].rpartition(",")[2] or "0"
    if not number.isdecimal():
        raise Malformed("parameter status is not valid")
    return int(number)


def _record(exchange: Exchange, root: Place, change: Change) -> Record:
    world = exchange.world
    place = world.find(root.path + change.key[len(root.key) :])
    status = world.status(place)
    is_file = status is not None and stat.S_ISREG(status.st_mode)
    fields: list[Field] = [
        ("type", "0" if change.is_folder else "1"),
        ("size", str(status.st_size) if status is not None and is_file else "0"),
        ("modified", display_time(int(status.st_mtime), world.knobs.server_tz) if status else ""),
        ("name", place.name),
        ("fullpath", place.path),
        ("flags", ""),
        ("isdeleted", "1" if change.deleted else "0"),
        ("updateversion", str(change.version)),
        ("candownload", "1"),
        ("canupload", "1"),
        ("canrename", "1"),
    ]
    if world.knobs.etag:
        etag = world.etag(place, world.contents.of(status)) if status is not None and is_file else ""
        fields.append(("etag", etag))
    return fields


OPERATIONS: dict[str, Operation] = {
    "getsyncfolderlist": sync_folders,
    "getsyncdelta": sync_delta,
}
