"""Folders, deletes, renames, moves and copies (reference 5, 9)."""

from __future__ import annotations

import stat

from aiohttp import web

from simulators.filecloud import tree
from simulators.filecloud.errors import NotFound
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.places import Place


async def createfolder(exchange: Exchange) -> web.StreamResponse:
    """Make a folder; what happens to missing parents and existing folders is a knob."""
    world, knobs = exchange.world, exchange.world.knobs
    place = exchange.child("path", "name")
    below = exchange.text("subpath").strip("/")
    if below and knobs.mkdir_subpath == "create":
        place = world.find(f"{place.path}/{below}")
    if _is_folder(exchange, place):
        message = "Folder exists already"
        response = exchange.done(message) if knobs.mkdir_exists_result == 1 else exchange.refused(message)
    else:
        if knobs.mkdir_parents or (below and knobs.mkdir_subpath == "create"):
            tree.make_folders(world, world.find(place.parent))
        tree.make_folder(world, place)
        response = exchange.done("Folder created successfully")
    if knobs.etag and exchange.request.headers.get("X-FC-Send-ETag") == "1":
        response.headers["ETag"] = f'"{world.folder_etag(world.existing(place)[1])}"'
    return response


def _is_folder(exchange: Exchange, place: Place) -> bool:
    status = exchange.world.status(place)
    return status is not None and stat.S_ISDIR(status.st_mode)


async def deletefile(exchange: Exchange) -> web.StreamResponse:
    """Delete a file, or a folder with all in it."""
    try:
        tree.remove(exchange.world, exchange.child("path", "name"))
    except NotFound as missing:
        if exchange.world.knobs.delete_missing_result == 1:
            return exchange.done("")
        raise missing from None
    return exchange.done("Deleted successfully")


async def renamefile(exchange: Exchange) -> web.StreamResponse:
    """Rename within one folder."""
    source = exchange.child("path", "name")
    target = exchange.world.child(exchange.need("path"), exchange.need("newname"))
    tree.relocate(exchange.world, source, target, overwrite=False)
    return exchange.done("Renamed successfully")


async def renameormove(exchange: Exchange) -> web.StreamResponse:
    """Move from one full path to another."""
    source = exchange.place(exchange.need("fromname"))
    target = exchange.world.find(exchange.need("toname"))
    tree.relocate(exchange.world, source, target, exchange.flag("overwrite"))
    return exchange.done("Moved successfully")


async def copyfile(exchange: Exchange) -> web.StreamResponse:
    """Copy into a folder, under the same name or another."""
    source = exchange.child("path", "name")
    name = exchange.text("copytoname") or source.name
    target = exchange.world.child(exchange.need("copyto"), name)
    tree.copy(exchange.world, source, target, exchange.flag("overwrite"))
    return exchange.done("Copied successfully")


OPERATIONS: dict[str, Operation] = {
    "createfolder": createfolder,
    "deletefile": deletefile,
    "renamefile": renamefile,
    "renameormove": renameormove,
    "copyfile": copyfile,
}
