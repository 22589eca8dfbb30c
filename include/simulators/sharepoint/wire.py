"""How items, drives and sites look on the wire (Graph reference 2 and 5)."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from simulators.sharepoint.errors import utc
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library

DOWNLOAD_URL = "@microsoft.graph.downloadUrl"
ZERO_HASH = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
Json = dict[str, Any]


@lru_cache(maxsize=4096)
def mime_type(name: str) -> str:
    """Return the media type that the service would choose by the name."""
    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"


def matches(patterns: tuple[str, ...], path: str) -> bool:
    """Say whether a library path matches one of the globs."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def pick(value: Json, select: frozenset[str] | None) -> Json:
    """Keep only what `$select` names (reference 17.3: strictly) and annotations of control."""
    if select is None:
        return value
    kept = {k: v for k, v in value.items() if k in select or k == "@odata.type"}
    if "content.downloadUrl" in select and DOWNLOAD_URL in value:
        kept[DOWNLOAD_URL] = value[DOWNLOAD_URL]
    return kept


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the items of one library as JSON values."""

    library: Library
    knobs: SharePointKnobs
    web_url: str
    link: Callable[[Item], str]

    def item(self, item: Item, select: frozenset[str] | None = None, *, feed: bool = False) -> Json:
        """Return a living item; in a `feed` cTag and parent path are left out (reference 5.1)."""
        path = self.library.path(item)
        value: Json = {"@odata.type": "#microsoft.graph.driveItem"} if feed else {}
        value |= {
            "id": item.id,
            "name": item.name,
            "eTag": item.etag,
            "size": item.size,
            "createdDateTime": utc(item.created_at),
            "lastModifiedDateTime": utc(item.changed_at),
            "webUrl": f"{self.web_url}/{quote(path)}" if path else self.web_url,
            "parentReference": self._parent(item, feed),
            "fileSystemInfo": {
                "createdDateTime": utc(item.created_at),
                "lastModifiedDateTime": utc(item.mtime_ns // 1_000_000_000),
            },
        }
        if item.parent is None:
            value["root"] = {}
        if item.is_dir and matches(self.knobs.packages, path):
            value["package"] = {"type": "oneNote"}
        elif item.is_dir:
            value["folder"] = {"childCount": item.children}
        else:
            self._file(value, item, path, select, feed)
        if matches(self.knobs.shortcuts, path):
            value["remoteItem"] = _remote(item)
        if select is not None and "sharepointIds" in select:
            value["sharepointIds"] = self._sharepoint_ids(item)
        return pick(value, select)

    def deleted(self, item: Item, select: frozenset[str] | None = None) -> Json:
        """Return the marker of a deleted item (reference 6.5), in the shape the knobs ask for."""
        shape = self.knobs.delete_shape
        value: Json = {
            "@odata.type": "#microsoft.graph.driveItem",
            "id": item.id,
            "deleted": {} if shape == "empty_state" else {"state": "deleted"},
            "parentReference": self._parent(item, True),
        }
        if shape == "no_parent":
            value["parentReference"].pop("id", None)
        if shape in ("zero_hash", "year_0001"):
            value["size"] = 0
            value["folder" if item.is_dir else "file"] = (
                {"childCount": 0} if item.is_dir else {"hashes": {"quickXorHash": ZERO_HASH}}
            )
        if shape == "year_0001":
            value["lastModifiedDateTime"] = "0001-01-01T08:00:00+08:00"
            value["fileSystemInfo"] = {
                "createdDateTime": "0001-01-01T00:00:00Z",
                "lastModifiedDateTime": "0001-01-01T00:00:00Z",
            }
        return pick(value, select)

    def _file(self, value: Json, item: Item, path: str, select: frozenset[str] | None, feed: bool) -> None:
        if not (feed and self.knobs.delta_omit_ctag):
            value["cTag"] = item.ctag
        mismatch = self._mismatch(path)
        if mismatch in ("size", "both"):
            value["size"] = item.size + 13
        if select is None or "file" in select:
            digest = None if matches(self.knobs.hash_missing, path) else self.library.hash(item)
            if digest is not None and mismatch in ("hash", "both"):
                digest = digest.translate(_SWAP)
            hashes = {"quickXorHash": digest} if digest is not None else {}
            value["file"] = {"mimeType": mime_type(item.name), "hashes": hashes}
        if matches(self.knobs.malware, path):
            value["malware"] = {"description": "simulated infection"}
        if matches(self.knobs.pending, path):
            value["pendingOperations"] = {"pendingContentUpdate": {"queuedDateTime": utc(item.changed_at)}}
        if matches(self.knobs.restricted, path):
            value["restricted"] = {"decision": "deny", "restrictionType": "simulated"}
        elif select is None or select & {"content.downloadUrl", DOWNLOAD_URL}:
            value[DOWNLOAD_URL] = self.link(item)

    def _mismatch(self, path: str) -> str | None:
        return next((kind for glob, kind in self.knobs.meta_mismatch if fnmatchcase(path, glob)), None)

    def _parent(self, item: Item, feed: bool) -> Json:
        ids = self.library.ids
        value: Json = {"driveId": ids.drive_id, "driveType": "documentLibrary", "siteId": ids.site_id}
        parent = self.library.store.items.get(item.parent or "")
        if parent is None:
            return value
        value["id"] = parent.id
        if item.deleted:
            return value
        value["name"] = parent.name
        if not (feed and self.knobs.delta_omit_path):
            above = quote(self.library.path(parent))
            value["path"] = f"/drives/{ids.drive_id}/root:" + (f"/{above}" if above else "")
        return value

    def _sharepoint_ids(self, item: Item) -> Json:
        ids = self.library.ids
        return {
            "listId": str(ids.list),
            "listItemId": str(list_item_number(item)),
            "listItemUniqueId": item.guid,
            "siteId": str(ids.site),
            "siteUrl": self.web_url.rsplit("/", 1)[0],
            "tenantId": str(ids.tenant),
            "webId": str(ids.web),
        }


def list_item_number(item: Item) -> int:
    """Return the number of the list item that a file or folder is: it must only stay, so it comes from the GUID."""
    return int(item.guid[:8], 16) % 0x7FFFFFFF + 1


def _remote(item: Item) -> Json:
    """Return what a shortcut points to: an item of a drive that nobody serves here (reference 5.1)."""
    facet: Json = {"folder": {"childCount": 0}} if item.is_dir else {"file": {"mimeType": mime_type(item.name)}}
    place = {"driveId": "b!another-drive", "driveType": "documentLibrary", "id": "01ANOTHERFOLDER"}
    return {"id": f"01REMOTE{item.guid[:8].upper()}", "name": item.name, "size": 0, "parentReference": place, **facet}


_SWAP = str.maketrans("AB", "BA") | {ord(str(n)): str((n + 1) % 10) for n in range(10)}


def drive(library: Library, name: str, web_url: str) -> Mapping[str, Any]:
    """Return the drive of a library."""
    root = library.root
    return {
        "id": library.ids.drive_id,
        "name": name,
        "description": "",
        "driveType": "documentLibrary",
        "createdDateTime": utc(root.created_at),
        "lastModifiedDateTime": utc(root.created_at),
        "webUrl": web_url,
        "quota": {"deleted": 0, "remaining": 1 << 40, "state": "normal", "total": 1 << 40, "used": root.size},
    }
