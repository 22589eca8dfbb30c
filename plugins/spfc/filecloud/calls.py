"""The calls we make, spelled as the vendor's own client spells them (reference 5, 17.1), and nothing sent yet.

Documented differences to the vendor client: no ``adminproxyuserid``, dates with a zone, ``send*=0`` on listings,
pages that begin with the last entry of the page before, ``redirect=0`` and ``Accept-Encoding: identity`` on downloads.
"""

from __future__ import annotations

from dataclasses import dataclass

from spfc.filecloud.multipart import FilePart
from spfc.filecloud.wire import Request

PAGE_SIZE = 1000
"""Entries per listing page (reference 6, client paging)."""
ALL_ENTRIES = -1
"""The ``limit`` that asks for a whole folder in one page (reference 6)."""
_SEND_ETAG = {"X-FC-Send-ETag": "1"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of an upload. ``size`` is the whole file's, ``date`` is spelled already.

    ``keep_existing`` refuses to overwrite, ``if_etag`` refuses to overwrite anything but that version.
    """

    folder: str
    name: str
    offset: int
    data: bytes | memoryview
    size: int
    date: str
    last: bool
    keep_existing: bool = False
    if_etag: str | None = None


def login(user: str, password: str) -> Request:
    """Reference 2.1."""
    return Request("loginguest", "/core/loginguest", form={"userid": user, "password": password})


def authentication_info() -> Request:
    """Reference 2.4."""
    return Request("getauthenticationinfo", "/core/getauthenticationinfo", method="GET")


def lock_session() -> Request:
    """Reference 2.4: the user's logout."""
    return Request("locksession", "/core/locksession")


def file_list(path: str, start: int, limit: int) -> Request:
    """Reference 6. ``limit`` may be :data:`ALL_ENTRIES`."""
    form = {
        "path": path,
        "sortdir": "1",
        "sortby": "name",
        "start": str(start),
        "limit": str(limit),
        "sendaboutinfo": "0",
        "sendmetadatasetinfo": "0",
        "sendcommentinfo": "0",
        "sendfavinfo": "0",
        "includeextrafields": "1",
    }
    return Request("getfilelist", "/core/getfilelist", form=form, subject=path)


def file_info(path: str) -> Request:
    """Reference 5, stat."""
    return Request("fileinfo", "/core/fileinfo", form={"file": path, "includeextrafields": "1"}, subject=path)


def file_exists(path: str, *, ignore_case: bool) -> Request:
    """Reference 5, exists."""
    form = {"file": path, "caseinsensitive": "1" if ignore_case else "0"}
    return Request("fileexists", "/core/fileexists", form=form, subject=path)


def create_folder(parent: str, name: str) -> Request:
    """Reference 9."""
    return Request(
        "createfolder",
        "/core/createfolder",
        form={"path": parent, "name": name},
        headers=_SEND_ETAG,
        changes=True,
        subject=f"{parent}/{name}",
    )


def upload(chunk: Chunk, last_timeout: float) -> Request:
    """Reference 7.1. The last chunk asks for the etag and may take ``last_timeout`` seconds to be answered."""
    query = {
        "appname": "explorer",
        "path": chunk.folder,
        "offset": str(chunk.offset),
        "complete": "1" if chunk.last else "0",
        "filename": chunk.name,
        "filesize": str(chunk.size),
        "date": chunk.date,
        "nofileoverwrite": "1" if chunk.keep_existing else "0",
    }
    if chunk.if_etag is not None:
        query["ifetag"] = chunk.if_etag
    return Request(
        "upload",
        "/core/upload",
        query=query,
        headers=_SEND_ETAG if chunk.last else {},
        body=FilePart(chunk.name, chunk.data),
        changes=True,
        read_timeout=last_timeout if chunk.last else None,
        subject=f"{chunk.folder}/{chunk.name}",
    )


def download(path: str, offset: int) -> Request:
    """Reference 8. ``offset`` above 0 asks for the rest from there, which a server may ignore."""
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    query = {"filepath": path, "filename": path.rpartition("/")[2], "redirect": "0"}
    return Request("downloadfile", "/core/downloadfile", "GET", query=query, headers=headers, stream=True, subject=path)


def delete(parent: str, name: str) -> Request:
    """Reference 9."""
    return Request(
        "deletefile",
        "/core/deletefile",
        form={"path": parent, "name": name},
        changes=True,
        subject=f"{parent}/{name}",
    )


def rename(parent: str, name: str, new_name: str) -> Request:
    """Reference 5, rename within a folder."""
    return Request(
        "renamefile",
        "/core/renamefile",
        form={"path": parent, "name": name, "newname": new_name},
        changes=True,
        subject=f"{parent}/{name}",
    )


def move(old: str, new: str) -> Request:
    """Reference 5, rename or move; never over something."""
    return Request(
        "renameormove",
        "/app/explorer/renameormove",
        form={"fromname": old, "toname": new, "overwrite": "0"},
        changes=True,
        subject=old,
    )


def sync_folders(folder: str) -> Request:
    """Reference 10. Network folders are named, all others are told of unasked."""
    levels = folder.split("/")
    network = "/".join(levels[:3]) if levels[1:2] == ["EXTERNAL"] and len(levels) > 2 else ""
    form = {"v": "1", "skipsyncwithevents": "1", "count": "1" if network else "0"}
    if network:
        form["path1"] = network
    return Request("getsyncfolderlist", "/app/sync/getsyncfolderlist", form=form, subject=folder)


def sync_delta(folder: str, since: int) -> Request:
    """Reference 10."""
    form = {
        "friendly": "spfc",
        "name": folder,
        "path": folder,
        "status": f"server,{since};",
        "permissions": "0",
        "includeextrafields": "1",
    }
    return Request("getsyncdelta", "/app/sync/getsyncdelta", form=form, subject=folder)


def disk_usage(user: str) -> Request:
    """Reference 5, quota."""
    return Request("getdiskusagedetails", "/core/getdiskusagedetails", form={"username": user, "level": "0"})


def versions(folder: str, name: str) -> Request:
    """Reference 13."""
    form = {"filepath": folder, "filename": name, "checksum": "1"}
    return Request("getversions", "/core/getversions", form=form, subject=f"{folder}/{name}")
