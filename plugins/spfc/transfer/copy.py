"""Copy one file: stream it in chunks, and let the last chunk go only when length and hash agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from spfc.errors import (
    Disposition,
    IntegrityMismatch,
    ItemChanged,
    ItemGone,
    ServiceError,
    TargetChanged,
    TargetExists,
)
from spfc.planning.difference import TIME_TOLERANCE, is_our_copy
from spfc.planning.model import Kind, SourceItem, SyncedItem, TargetEntry, Verification
from spfc.quickxor import same_hash
from spfc.sources.base import Source
from spfc.targets.base import PutSpec, Target
from spfc.transfer.ahead import AheadReader, Fingerprint
from spfc.transfer.reader import ResumingReader


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


class _UnexpectedBytesError(Exception):
    """The stream ended with other bytes than listed; the upload was left incomplete."""

    def __init__(self, found: Fingerprint) -> None:
        super().__init__("unexpected bytes")
        self.found = found


class _UploadVoidError(Exception):
    """The target lost the upload on its way: only a fresh start at offset 0 can help."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__("upload void")
        self.error = error


FRESH_STARTS = 2
"""How often a file whose upload was lost is sent again from its beginning before the trouble is let out."""

Count = Callable[[int], None]
"""Called with the number of bytes of each chunk that has reached the target."""


def copy_file(source: Source, target: Target, job: CopyJob, count: Count) -> Copied:
    """Bring one file over and return what was put there.

    Raises any :class:`~spfc.errors.ItemError` (this file only) or :class:`~spfc.errors.ServiceError`. Whatever is
    raised, no half file is visible at the target. A file that stands there already is adopted when size and time agree.
    """
    try:
        return _copy_with_policy(source, target, job, count)
    except TargetExists as error:
        return _adopt(job, target.stat(job.target_path), error)
    except TargetChanged as error:
        entry = target.stat(job.target_path)
        if entry is None:  # our copy was removed at the target: nobody's work is overwritten by bringing it back
            return _copy_with_policy(source, target, replace(job, synced=None, overwrite=False, etag=None), count)
        if job.synced is not None and is_our_copy(job.synced, entry):
            return _copy_with_policy(source, target, replace(job, etag=entry.etag), count)
        return _adopt(job, entry, error)


def arrived(target: Target, job: CopyJob) -> Copied | None:
    """Return the copy that an earlier try, whose end nobody knows, has completed; None when it has not. One call.

    A file that cannot be told from its predecessor (same size, same time) has not.
    """
    entry, old = target.stat(job.target_path), job.synced
    if entry is None or not looks_copied(entry, job.item):
        return None
    if old is not None and is_our_copy(old, entry):
        return None
    return Copied(_synced(job, entry.size, entry, Verification.ADOPTED), 0)


def _copy_with_policy(source: Source, target: Target, job: CopyJob, count: Count) -> Copied:
    """Apply the two-strike rule of reference 8.4 to files whose bytes are not what is listed."""
    try:
        return _copy_whole(source, target, job, count, None)
    except _UnexpectedBytesError as strike:
        listed = source.refresh(job.item.id)
        if listed is None:
            raise ItemGone("The file vanished while it was read.", item=job.item.name) from None
        if listed.version != job.item.version:
            raise ItemChanged(
                "The file changed while it was read.", item=job.item.name, hint="The next run brings the new version."
            ) from None
        first = strike.found
    try:
        return _copy_whole(source, target, job, count, first)
    except _UnexpectedBytesError as strike:
        raise IntegrityMismatch(
            f"The source lists {job.item.size} bytes, but served {first.size} and then {strike.found.size} that are "
            "neither the listed ones nor the same twice.",
            item=job.item.name,
            hint="Open the file in SharePoint and save it again; until then it is tried less and less often.",
        ) from None


def _copy_whole(source: Source, target: Target, job: CopyJob, count: Count, accept: Fingerprint | None) -> Copied:
    """Copy from offset 0, again for each lost upload, at most :data:`FRESH_STARTS` times more.

    A lost upload may have arrived after all. So when a later try finds another file at the source, the loss is what is
    reported: whoever reads the outcome must know that nobody knows what lies at the target.
    """
    lost: _UploadVoidError | None = None
    for _ in range(1 + FRESH_STARTS):
        try:
            return _copy_once(source, target, job, count, accept)
        except _UploadVoidError as void:
            lost = void
        except (ItemGone, ItemChanged) as error:
            if lost is None:
                raise
            raise lost.error from error
    if lost is None:
        raise AssertionError("a copy ends with a result, an error or a lost upload")
    raise lost.error from lost.error.__cause__


def _copy_once(source: Source, target: Target, job: CopyJob, count: Count, accept: Fingerprint | None) -> Copied:
    with ResumingReader(source, job.item) as reader, AheadReader(reader, target.chunk_size) as chunks:
        spec = PutSpec(
            job.target_path,
            reader.size if accept is None else accept.size,
            job.item.modified,
            expect_absent=job.synced is None and not job.overwrite,
            expect_etag=job.etag or (job.synced.target_etag if job.synced else None),
        )
        offset, last_chunk = _send_all_but_last(chunks, target, spec, count)
        proof = _prove(job.item, chunks, accept, announced=spec.size)
        entry = _put(target, spec, offset, last_chunk, last=True)
        count(len(last_chunk))
        return Copied(_synced(job, spec.size, entry, proof), spec.size)


def _send_all_but_last(chunks: AheadReader, target: Target, spec: PutSpec, count: Count) -> tuple[int, bytes]:
    """Send what may go before the whole is proven; return the last chunk and its offset. All chunks are read then.

    Each chunk goes while the next is being read. That needs no look at the next one: a chunk that ends before the
    announced size is not the last, and if the stream ends with it all the same, the upload is never completed.
    """
    offset, chunk = 0, chunks.next()
    while offset + len(chunk) < spec.size and len(chunk) == target.chunk_size:
        chunks.begin()
        _put(target, spec, offset, chunk, last=False)
        count(len(chunk))
        offset += len(chunk)
        chunk = chunks.next()
    chunks.measure_rest()
    return offset, chunk


def _put(target: Target, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
    """Send one chunk; trouble that may pass means that the whole upload is void."""
    try:
        return target.put_chunk(spec, offset, chunk, last=last)
    except ServiceError as error:
        if error.disposition is Disposition.RETRY:
            raise _UploadVoidError(error) from error
        raise


def _prove(item: SourceItem, chunks: AheadReader, accept: Fingerprint | None, *, announced: int) -> Verification:
    """Say what proves that the stream, read to its end, is the item. Raises when nothing does."""
    found = chunks.fingerprint
    if found.size != announced:
        raise _UnexpectedBytesError(found)
    if accept is not None:
        if found == accept:
            return Verification.MISMATCH
    elif item.hash is not None:
        if found.size == item.size and same_hash(item.hash, chunks.listed_hash):
            return Verification.HASH
    elif found.size == item.size:
        return Verification.SIZE
    raise _UnexpectedBytesError(found)


def _synced(job: CopyJob, size: int, entry: TargetEntry | None, proof: Verification) -> SyncedItem:
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


def _adopt(job: CopyJob, entry: TargetEntry | None, refused: TargetExists | TargetChanged) -> Copied:
    """Settle a place that holds something else than expected: the new file by size and time is ours (an earlier try
    put it there and died before it could say so), anything else is not.
    """
    if entry is None or not looks_copied(entry, job.item):
        raise refused
    return Copied(_synced(job, entry.size, entry, Verification.ADOPTED), 0)


def looks_copied(entry: TargetEntry, item: SourceItem) -> bool:
    """Say whether the file at the target has size and time of the source's: then it is taken for a copy of it."""
    close = entry.modified is not None and abs(entry.modified - item.modified) <= TIME_TOLERANCE
    return entry.kind is Kind.FILE and entry.size == item.size and close
