"""When a file that stands at the target already is taken for the copy that is wanted."""

from __future__ import annotations

from spfc.planning.difference import TIME_TOLERANCE, is_our_copy
from spfc.planning.model import Kind, SourceItem, TargetEntry, Verification
from spfc.quickxor import same_hash
from spfc.targets.base import Target
from spfc.transfer.bookmark import PLAIN, Care
from spfc.transfer.job import Copied, CopyJob, synced_of
from spfc.transfer.read_back import read_back


def arrived(target: Target, job: CopyJob, care: Care = PLAIN) -> Copied | None:
    """Return the copy that an earlier try, whose end nobody knows, has completed; None when it has not. One call.

    A file that cannot be told from its predecessor (same size, same time) has not, nor one that is suspect: copying
    settles that. Where files are read back, this one is too, and so is one of unknown age.
    """
    entry, old = target.stat(job.target_path), job.synced
    if entry is None:
        return None
    if has_same_bytes(target, job, entry):
        return Copied(synced_of(job, entry.size, entry, Verification.READ_BACK), 0)
    if not looks_copied(entry, job.item):
        return None
    if old is not None and is_our_copy(old, entry):
        return None
    if is_suspect(care, job):
        return None
    if care.read_back and not holds_listed(target, job, entry):
        return None
    return Copied(synced_of(job, entry.size, entry, adopted_as(care, job)), 0)


def adopted_as(care: Care, job: CopyJob) -> Verification:
    """Return what proves a copy that stood there already."""
    proven = job.item.hash is not None and (care.read_back or is_suspect(care, job))
    return Verification.READ_BACK if proven else Verification.ADOPTED


def is_suspect(care: Care, job: CopyJob) -> bool:
    """Say whether what stands at the place of a job must be read back before it is believed."""
    bookmark = care.find(job.item.id)
    return bookmark is not None and bookmark.suspect and bookmark.target_path == job.target_path


def holds_listed(target: Target, job: CopyJob, entry: TargetEntry, *, unknown: bool = True) -> bool:
    """Read a file back and say whether it has the listed hash; ``unknown`` is the answer when none is listed."""
    if job.item.hash is None:
        return unknown
    found = read_back(target, job.target_path, size=entry.size)
    return found is not None and same_hash(job.item.hash, found.listed_hash)


def has_same_bytes(target: Target, job: CopyJob, entry: TargetEntry) -> bool:
    """Say whether a file whose age the server cannot tell has the listed size and hash; if the sizes agree, it is read.

    Servers without UTC times (FileCloud reference 3.3) leave no cheaper proof that a copy is there already.
    """
    if entry.kind is not Kind.FILE or entry.modified is not None or entry.size != job.item.size:
        return False
    return holds_listed(target, job, entry, unknown=False)


def looks_copied(entry: TargetEntry, item: SourceItem) -> bool:
    """Say whether the file at the target has size and time of the source's: then it is taken for a copy of it."""
    close = entry.modified is not None and abs(entry.modified - item.modified) <= TIME_TOLERANCE
    return entry.kind is Kind.FILE and entry.size == item.size and close
