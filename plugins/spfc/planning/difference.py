"""Say whether what the source shows and what we synced are the same: the definition of debt."""

from __future__ import annotations

from spfc.planning.model import Kind, SourceItem, SyncedItem


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
    tag decides, and where it is missing too, size and time.
    """
    if source.hash is not None and synced.hash is not None:
        return source.hash == synced.hash and source.size == synced.size
    if source.content_version is not None and synced.content_version is not None:
        return source.content_version == synced.content_version
    return source.size == synced.size and source.modified == synced.modified


def owed(source: SourceItem, synced: SyncedItem | None) -> bool:
    """Say whether the item is debt: the synced state is not what the source last said."""
    if source.deleted:
        return synced is not None
    if synced is None:
        return True
    if not same_place(source, synced):
        return True
    return source.kind is Kind.FILE and (source.version != synced.version or not same_content(source, synced))
