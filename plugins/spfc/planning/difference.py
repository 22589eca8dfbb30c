"""Say what is the same: source and copy (the definition of debt), and our copy and what the target shows."""

from __future__ import annotations

from spfc.planning.model import Flag, Kind, SourceItem, SyncedItem, TargetEntry, Verification

TIME_TOLERANCE = 2
"""Seconds by which times of the same file may differ at FileCloud (FileCloud reference 3.3)."""


def same_place(source: SourceItem, synced: SyncedItem) -> bool:
    """Say whether the item still lies in the same folder under the same source name.

    The route's base folder is the only synced item without a parent: it stands for the target root, wherever in the
    library it lies, so it has no place to leave.
    """
    if synced.parent_id is None:
        return True
    return source.parent_id == synced.parent_id and source.name == synced.source_name


def same_content(source: SourceItem, synced: SyncedItem) -> bool:
    """Say whether the synced bytes are those of the source's current version.

    A hash decides where both are known (it covers the length). Files whose bytes were accepted although they differ
    from their listed hash are compared by the listed hash, which is what the ledger keeps. Without hashes, the content
    tag decides, and where it is missing too, size and time. What somebody wrote at the target is never the same.
    """
    if synced.verification == Verification.FOREIGN:
        return False
    if source.hash is not None and synced.hash is not None:
        return source.hash == synced.hash and source.size == synced.size
    if source.content_version is not None and synced.content_version is not None:
        return source.content_version == synced.content_version
    return source.size == synced.size and source.modified == synced.modified


def owed(source: SourceItem, synced: SyncedItem | None) -> bool:
    """Say whether the item is debt: the synced state is not what the source last said, or that was not all."""
    if source.deleted:
        return synced is not None
    if Flag.UNLISTED in source.flags:
        return True
    if synced is None:
        return True
    if not same_place(source, synced):
        return True
    return source.kind is Kind.FILE and (source.version != synced.version or not same_content(source, synced))


def is_our_copy(item: SyncedItem, entry: TargetEntry) -> bool:
    """Say whether the file at the target still is the one that we wrote.

    Equal etags prove it. Whether an etag survives a rename is unknown (FileCloud reference 16, P3), so another etag
    alone proves nothing: size and time decide. A server that cannot tell the time leaves the size.
    """
    if entry.kind is not Kind.FILE or item.verification == Verification.FOREIGN:
        return False
    if entry.etag is not None and entry.etag == item.target_etag:
        return True
    # Of a file whose bytes are not what the source lists, the ledger holds the listed size.
    same_size = entry.size == item.size or item.verification == Verification.MISMATCH
    same_time = entry.modified is None or abs(entry.modified - item.modified) <= TIME_TOLERANCE
    return same_size and same_time
