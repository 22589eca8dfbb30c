"""The bytes of a file at FileCloud, from where they were asked for, whether or not the server knows ranges."""

from __future__ import annotations

from typing import Final

from spfc.errors import ItemBlocked, ItemChanged, ItemGone, PermissionMissing
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.download import Download
from spfc.filecloud.records import Entry
from spfc.filecloud.refusals import CallRefused
from spfc.planning.model import SourceItem
from spfc.sources.filecloud_items import Items, parent_of
from spfc.sources.filecloud_walk import Ground

_PIECE: Final = 1024 * 1024


class FileCloudStream:
    """Implements :class:`spfc.sources.base.ContentStream`. ``version`` is the item's: FileCloud tags no bytes."""

    def __init__(self, download: Download | None, *, offset: int, length: int, version: str) -> None:
        self.length: int | None = length
        self.offset = offset
        self.version: str | None = version
        self._download = download

    def read(self, size: int) -> bytes:
        """See the protocol. Raises IntegrityMismatch when the file ends before or after its listed size."""
        return b"" if self._download is None else self._download.read(size)

    def close(self) -> None:
        """See the protocol."""
        if self._download is not None:
            self._download.close()


def open_stream(ground: Ground, item: SourceItem, path: str, offset: int) -> FileCloudStream:
    """Open a file: one request; from an ``offset`` above 0 one more, to see that it still is the same version.

    Raises ItemGone, ItemChanged, ItemBlocked (FileCloud does not hand it out). Whether a refusal is about this file or
    about us is for the caller to find out.
    """
    client = ground.client
    try:
        if offset:
            _check_same(ground.items, item, client.info(path), path)
        download = _download(client, item, path, offset) if offset == 0 or offset < item.size else None
    except (CallRefused, PermissionMissing) as error:
        raise ItemBlocked(
            f"FileCloud does not hand the file out. {error.message}",
            item=path,
            hint="Let the account of the route download it, or have it unlocked or repaired at FileCloud.",
        ) from error
    return FileCloudStream(download, offset=offset, length=item.size, version=item.version)


def _check_same(items: Items, item: SourceItem, entry: Entry | None, path: str) -> None:
    if entry is None or entry.is_folder:
        raise ItemGone("The file is not there at FileCloud any more.", item=path)
    now = items.file(parent_of(item.id), entry)
    if (now.size, now.modified, now.version) != (item.size, item.modified, item.version):
        raise ItemChanged("The file changed while it was read.", item=path, hint="The next run brings the new version.")


def _download(client: FileCloudClient, item: SourceItem, path: str, offset: int) -> Download:
    """Open a download at ``offset``; from a server that ignores or refuses ranges, read up to there."""
    try:
        download = client.download(path, size=item.size, offset=offset)
    except ItemChanged:
        if offset == 0:
            raise
        download = client.download(path, size=item.size)  # status 416 for a file of the right size: no ranges here
    left = offset - download.offset
    while left > 0:
        left -= len(download.read(min(left, _PIECE)))
    return download
