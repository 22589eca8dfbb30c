"""Looking without changing: listings, one item, existence, totals, permissions (reference 5, 6)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from simulators.filecloud import disk, markup, places
from simulators.filecloud.entries import EntryWriter
from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.identity import Content
from simulators.filecloud.markup import Field, Record
from simulators.filecloud.places import Place
from simulators.filecloud.world import World

DEFAULT_LIMIT = 10  # reference 6: the server's page size when none is asked for
_PHANTOM = "!appeared while paging "


async def getfilelist(exchange: Exchange) -> web.StreamResponse:
    """List one page of a folder."""
    world = exchange.world
    try:
        place = exchange.place(exchange.text("path"))
        if place.disk is None:
            return _areas(exchange, place)
        _, status = world.existing(place)
        if not stat.S_ISDIR(status.st_mode):
            raise Refused("The path is not a folder", "CLFC-2008")
        if places.under(place.path, world.knobs.closed_paths):
            raise Refused("You do not have permission to list this folder", "CLFC-2002")
        if places.under(place.path, world.knobs.broken_paths):
            return markup.html("Internal Server Error", 500)
    except Refused as refusal:
        meta = _meta(exchange, exchange.text("path").replace("\0", ""), 0, 0, str(refusal))
        return exchange.records("entries", "entry", [], meta)
    names = _ordered_names(exchange, place)
    start = max(0, exchange.integer("start", 0))
    if start:
        names = _changed_by_fault(exchange, names)
    page = names[start : start + _limit(exchange)] if _limit(exchange) >= 0 else names[start:]
    rows = _entries(exchange, place, page)
    return exchange.records("entries", "entry", rows, _meta(exchange, place.path, len(names), 1, ""))


def _limit(exchange: Exchange) -> int:
    asked = exchange.integer("limit", DEFAULT_LIMIT)
    most = exchange.world.knobs.max_limit
    if most and (asked < 0 or asked > most):
        return most
    return asked


def _ordered_names(exchange: Exchange, place: Place) -> list[str]:
    """Return the names of a folder, folders first, in the order asked for."""
    world = exchange.world
    folder = place.disk or world.store
    folders, files = world.index.sorted_names(folder)
    if world.knobs.denied_paths:
        folders = [n for n in folders if not _denied(world, place, n)]
        files = [n for n in files if not _denied(world, place, n)]
    key = _sort_key(folder, exchange.text("sortby"))
    if key is not None:
        folders, files = sorted(folders, key=key), sorted(files, key=key)
    if exchange.text("sortdir") == "-1":
        folders, files = folders[::-1], files[::-1]
    names = folders + files
    if world.knobs.listing_order == "permuted":
        names.sort(key=lambda name: hashlib.blake2b(name.encode("utf-8", "replace")).digest())
    return names


def _denied(world: World, place: Place, name: str) -> bool:
    return places.under(places.join(place.path, name), world.knobs.denied_paths)


def _sort_key(folder: Path, sort_by: str) -> Callable[[str], tuple[int, str]] | None:
    if sort_by not in ("date", "size"):
        return None

    def key(name: str) -> tuple[int, str]:
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            return 0, name
        return (status.st_mtime_ns if sort_by == "date" else status.st_size), name

    return key


def _changed_by_fault(exchange: Exchange, names: list[str]) -> list[str]:
    """Play another user who adds or removes items while the caller is paging, so after the first page."""
    fault = exchange.fault
    if fault is None or fault.kind != "change_listing":
        return names
    add = int(fault.get("add", 0))
    remove = int(fault.get("remove", 0 if add else 1))
    return [f"{_PHANTOM}{number}" for number in range(add)] + names[remove:]


def _entries(exchange: Exchange, place: Place, names: list[str]) -> list[Record]:
    world = exchange.world
    writer = EntryWriter(
        world,
        exchange.flag("includeextrafields"),
        world.locks.inside(place.key, world.clock.now()),
        slash_after_dirpath=True,
    )
    found: list[tuple[Place, os.stat_result]] = []
    for name in names:
        item = Place(places.join(place.path, name), (place.disk or world.store) / name, f"{place.key}/{name}")
        status = world.status(item)
        if status is not None:
            found.append((item, status))
        elif name.startswith(_PHANTOM):
            found.append((item, world.store.lstat()))
    files = [status for _, status in found if stat.S_ISREG(status.st_mode)]
    contents = iter(world.contents.of_many(files))
    rows: list[Record] = []
    for item, status in found:
        content: Content | None = next(contents) if stat.S_ISREG(status.st_mode) else None
        rows.append(writer.entry(item, status, content))
    return rows


def _areas(exchange: Exchange, place: Place) -> web.StreamResponse:
    """List `/`, `/SHARED` or `/EXTERNAL`."""
    world = exchange.world
    if place.path == "/":
        paths = [f"/{world.account}", "/SHARED", *([f"/{t}" for t in world.knobs.team_folders])]
    elif place.path == "/SHARED":
        paths = [f"/SHARED/{team}" for team in world.knobs.team_folders]
    else:
        paths = []
    writer = EntryWriter(world, exchange.flag("includeextrafields"), set(), slash_after_dirpath=True)
    rows: list[Record] = []
    for path in paths:
        item = world.find(path)
        status = world.status(item)
        rows.append(writer.area(item) if status is None else writer.entry(item, status, None))
    return exchange.records("entries", "entry", rows, _meta(exchange, place.path, len(rows), 1, ""))


def _meta(exchange: Exchange, path: str, total: int, result: int, message: str) -> list[Field]:
    write = "0" if places.under(path, exchange.world.knobs.read_only_paths) else "1"
    meta: list[Field] = [
        ("parentpath", path),
        ("total", str(total)),
        ("realpath", path),
        ("canupload", write),
        ("isshareable", "1"),
        ("candownload", "1"),
        ("cansetacls", "1"),
        ("showshareoption", "1"),
        ("teamfolder", "0"),
        ("result", str(result)),
        ("message", message),
        ("defaultfile", ""),
    ]
    if exchange.world.knobs.field_set != "legacy":
        meta += [("isroot", "1" if path.strip("/").count("/") == 0 else "0"), ("showzipfolders", "1")]
        meta.append(("aboutfile", ""))
    return meta


async def fileinfo(exchange: Exchange) -> web.StreamResponse:
    """Describe one item; an answer without `entry` means that it is not there."""
    world = exchange.world
    try:
        place = exchange.place(exchange.need("file"))
        _, status = world.existing(place)
    except Refused:
        return exchange.records("fileinfo", "entry", [])
    lock = world.locks.of(place.key, world.clock.now())
    locked = {place.key} if lock else set()
    writer = EntryWriter(world, exchange.flag("includeextrafields"), locked, slash_after_dirpath=False)
    content = world.contents.of(status) if stat.S_ISREG(status.st_mode) else None
    return exchange.records("fileinfo", "entry", [writer.entry(place, status, content)])


async def fileexists(exchange: Exchange) -> web.StreamResponse:
    """Say whether a file or folder is there: result 1 or 0."""
    world = exchange.world
    try:
        place = exchange.place(exchange.need("file"))
        there = place.disk is None or world.status(place) is not None
        if not there and exchange.flag("caseinsensitive"):
            there = _exists_in_any_case(world, place)
    except NotFound:
        there = False
    # "No" is an answer here, not a failure: status 200 in JSON mode too (reference 5).
    return exchange.done("File exists") if there else exchange.refused("File does not exist", status=200)


def _exists_in_any_case(world: World, place: Place) -> bool:
    here = world.store
    for step in place.key.split("/")[1:]:
        spelling = world.index.spelling(here, step) if here.is_dir() else None
        if spelling is None:
            return False
        here = here / spelling
    return True


async def folder_properties(exchange: Exchange) -> web.StreamResponse:
    """Count what lies below a folder."""
    place = exchange.place(exchange.need("path"))
    exchange.world.existing(place)
    return exchange.records("usages", "usage", [_totals(exchange.world, place)])


def _totals(world: World, place: Place) -> list[Field]:
    folders, files, size = disk.totals(place.disk or world.store)
    versions, version_size = world.history.usage(place.key)
    unfinished, unfinished_size = world.staging.usage(place.key)
    numbers = {
        "totalfolders": folders,
        "totalfiles": files + versions,
        "totalsize": size + version_size,
        "versionedfiles": versions,
        "versionedsize": version_size,
        "livefiles": files,
        "livefolders": folders,
        "livesize": size,
        "incompletefiles": unfinished,
        "incompletesize": unfinished_size,
    }
    return [(name, str(number)) for name, number in numbers.items()]


async def disk_usage(exchange: Exchange) -> web.StreamResponse:
    """Tell how much of the quota is used (0 = unlimited)."""
    world = exchange.world
    fields = _totals(world, world.find(f"/{world.account}"))
    files, size = world.bin.usage()
    used, limit = world.used(rescan=True), world.knobs.quota_bytes
    fields += [
        ("storageusage", str(used)),
        ("sizelimit", str(limit)),
        ("usagepercent", str(round(100 * used / limit)) if limit else "0"),
        ("recyclefiles", str(files)),
        ("recyclesize", str(size)),
    ]
    return exchange.records("usages", "usage", [fields])


async def access_details(exchange: Exchange) -> web.StreamResponse:
    """Tell what the caller may do at a path."""
    world = exchange.world
    try:
        place = exchange.place(exchange.need("fullpath"))
        world.existing(place)
        read, write = "1", "0" if places.under(place.path, world.knobs.read_only_paths) else "1"
    except Refused:
        read, write = "0", "0"
    record: list[Field] = [
        ("read", read),
        ("write", write),
        ("share", write),
        ("sync", read),
        ("create", write),
        ("update", write),
        ("delete", write),
        ("issharedtoyou", "0"),
        ("shareowner", world.account),
    ]
    return exchange.records("accessdetails", "accessdetail", [record])


OPERATIONS: dict[str, Operation] = {
    "getfilelist": getfilelist,
    "fileinfo": fileinfo,
    "fileexists": fileexists,
    "getfolderproperties": folder_properties,
    "getdiskusagedetails": disk_usage,
    "getaccessdetailsforpath": access_details,
}
