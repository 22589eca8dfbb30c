"""What is to be copied, from where to where, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spfc.planning.model import Kind, SourceItem, SyncedItem, TargetEntry, Verification
from spfc.sources.base import Source
from spfc.targets.base import Target
from spfc.transfer.bookmark import Care


@dataclass(frozen=True, slots=True)
class CopyJob:
    """One file to be copied. ``synced`` is what we put at ``target_path`` before, None for a new file.

    ``overwrite`` allows replacing a file that we did not put there; ``etag`` is then what it must still be.
    """

    item: SourceItem
    parent_id: str | None
    target_path: str
    synced: SyncedItem | None = None
    overwrite: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """A finished copy: the new synced row, and how many bytes went over the wire (0 when adopted)."""

    synced: SyncedItem
    bytes: int


Count = Callable[[int], None]
"""Called with the number of bytes of each chunk that has reached the target."""


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where one file goes, and how."""

    source: Source
    target: Target
    count: Count
    care: Care


def synced_of(job: CopyJob, size: int, entry: TargetEntry | None, proof: Verification) -> SyncedItem:
    """Return the synced row of a copy of ``size`` bytes."""
    item = job.item
    return SyncedItem(
        id=item.id,
        parent_id=job.parent_id,
        source_name=item.name,
        target_name=job.target_path.rpartition("/")[2],
        kind=Kind.FILE,
        # The listed size and hash are kept even where the bytes differ, so that the file counts as synced.
        size=item.size if proof is Verification.MISMATCH else size,
        modified=item.modified,
        version=item.version,
        content_version=item.content_version,
        hash=item.hash,
        target_etag=entry.etag if entry else None,
        verification=proof.value,
    )
