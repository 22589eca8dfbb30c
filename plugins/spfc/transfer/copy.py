"""Copy one file: stream it in chunks, and let the last chunk go only when length and hash agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from spfc.errors import (
    Disposition,
    IntegrityMismatch,
    Interrupted,
    ItemChanged,
    ItemGone,
    PermissionMissing,
    ServiceBusy,
    ServiceError,
    TargetChanged,
    TargetExists,
)
from spfc.planning.difference import TIME_TOLERANCE, is_our_copy
from spfc.planning.model import Kind, SourceItem, SyncedItem, TargetEntry, Verification
from spfc.quickxor import same_hash
from spfc.sources.base import Source
from spfc.targets.base import PutSpec, Target
from spfc.transfer.ahead import AheadReader
from spfc.transfer.bookmark import PLAIN, WORTH_KEEPING, Bookmark, Care
from spfc.transfer.measure import Fingerprint, Measure
from spfc.transfer.read_back import read_back
from spfc.transfer.reader import ResumingReader

log = logging.getLogger("spfc.transfer")


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


class _NotAsSentError(Exception):
    """What the target holds after the last chunk is not what was sent."""

    def __init__(self, entry: TargetEntry | None) -> None:
        super().__init__("not as sent")
        self.entry = entry


class _BookmarkStaleError(Exception):
    """The source serves another version than the one that was begun."""


FRESH_STARTS = 2
"""How often a file whose upload was lost is sent again from its beginning before the trouble is let out."""

Count = Callable[[int], None]
"""Called with the number of bytes of each chunk that has reached the target."""


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where one file goes, and how."""

    source: Source
    target: Target
    count: Count
    care: Care


def copy_file(source: Source, target: Target, job: CopyJob, count: Count, care: Care = PLAIN) -> Copied:
    """Bring one file over and return what was put there.

    Raises any :class:`~spfc.errors.ItemError` (this file only) or :class:`~spfc.errors.ServiceError`. Whatever is
    raised, no half file is visible at the target. A file that stands there already is adopted when size and time agree.
    """
    way = _Way(source, target, count, care)
    try:
        return _copy_with_policy(way, job)
    except TargetExists as error:
        return _adopt(way, job, target.stat(job.target_path), error)
    except TargetChanged as error:
        entry = target.stat(job.target_path)
        if entry is None:  # our copy was removed at the target: nobody's work is overwritten by bringing it back
            return _copy_with_policy(way, replace(job, synced=None, overwrite=False, etag=None))
        if job.synced is not None and is_our_copy(job.synced, entry):
            return _copy_with_policy(way, replace(job, etag=entry.etag))
        return _adopt(way, job, entry, error)


def arrived(target: Target, job: CopyJob, care: Care = PLAIN) -> Copied | None:
    """Return the copy that an earlier try, whose end nobody knows, has completed; None when it has not. One call.

    A file that cannot be told from its predecessor (same size, same time) has not, nor one that is suspect: copying
    settles that. Where files are read back, this one is too, and so is one of unknown age.
    """
    entry, old = target.stat(job.target_path), job.synced
    if entry is None:
        return None
    if has_same_bytes(target, job, entry):
        return Copied(_synced(job, entry.size, entry, Verification.READ_BACK), 0)
    if not looks_copied(entry, job.item):
        return None
    if old is not None and is_our_copy(old, entry):
        return None
    if _is_suspect(care, job):
        return None
    if care.read_back and not _holds_listed(target, job, entry):
        return None
    return Copied(_synced(job, entry.size, entry, _adopted_as(care, job)), 0)


def _copy_with_policy(way: _Way, job: CopyJob) -> Copied:
    """Apply the two-strike rule of reference 8.4 to files whose bytes are not what is listed."""
    try:
        return _copy_whole(way, job, None)
    except _UnexpectedBytesError as strike:
        listed = way.source.refresh(job.item.id)
        if listed is None:
            raise ItemGone("The file vanished while it was read.", item=job.item.name) from None
        if listed.version != job.item.version:
            raise ItemChanged(
                "The file changed while it was read.", item=job.item.name, hint="The next run brings the new version."
            ) from None
        first = strike.found
    try:
        return _copy_whole(way, job, first)
    except _UnexpectedBytesError as strike:
        raise IntegrityMismatch(
            f"The source lists {job.item.size} bytes, but served {first.size} and then {strike.found.size} that are "
            "neither the listed ones nor the same twice.",
            item=job.item.name,
            hint="Open the file in SharePoint and save it again; until then it is tried less and less often.",
        ) from None


def _copy_whole(way: _Way, job: CopyJob, accept: Fingerprint | None) -> Copied:
    """Copy from where an earlier process stopped, else from offset 0; again for each lost upload, at most
    :data:`FRESH_STARTS` times more.

    A lost upload may have arrived after all. So when a later try finds another file at the source, the loss is what is
    reported: whoever reads the outcome must know that nobody knows what lies at the target.
    """
    lost: ServiceError | None = None
    bookmark = _bookmark(way, job) if accept is None else None
    starts = [bookmark, *[None] * (1 + FRESH_STARTS)] if bookmark else [None] * (1 + FRESH_STARTS)
    for start in starts:
        try:
            return _copy_once(way, job, accept, start)
        except _UploadVoidError as void:
            lost = void.error
        except _NotAsSentError as bad:
            job = _suspected(way, job, bad.entry)
            lost = ServiceBusy(f"The target holds other bytes than were sent to it: {job.target_path}.")
            continue
        except (ItemGone, ItemChanged, _BookmarkStaleError) as error:
            if lost is not None:
                raise lost from error
            if start is None:
                raise
        if start is not None:
            log.info("The upload of %r that was begun before cannot go on; it begins again.", job.item.name)
            way.care.drop(job.item.id)
    if lost is None:
        raise AssertionError("a copy ends with a result, an error or a lost upload")
    raise lost


def _bookmark(way: _Way, job: CopyJob) -> Bookmark | None:
    """Return where an earlier process stopped to send this very version to this very place; others are forgotten."""
    if not _is_big(way.target, job.item.size):
        return None
    found = way.care.find(job.item.id)
    if found is None or found.offset == 0:
        return None
    mine = (job.target_path, job.item.version, way.target.chunk_size)
    if (found.target_path, found.version, found.chunk_size) == mine:
        return found
    way.care.drop(job.item.id)
    return None


def _is_big(target: Target, size: int) -> bool:
    return size > WORTH_KEEPING * target.chunk_size


def _suspected(way: _Way, job: CopyJob, entry: TargetEntry | None) -> CopyJob:
    """Return the job that replaces a file which is not as it was sent, and remember that nobody may believe it."""
    log.warning("%s: what was read back is not what was sent; it is sent again", job.target_path)
    way.care.keep(Bookmark(job.item.id, job.target_path, job.item.version, None, 0, 0, 0, {}, suspect=True))
    return replace(job, synced=None, overwrite=True, etag=entry.etag if entry else None)


@contextmanager
def _chunks(way: _Way, job: CopyJob, start: Bookmark | None) -> Iterator[tuple[ResumingReader, AheadReader]]:
    chunk_size = way.target.chunk_size
    with ResumingReader(way.source, job.item, offset=start.offset if start else 0) as reader:
        if start and (reader.version, reader.size) != (start.stream_version, start.size):
            raise _BookmarkStaleError
        with AheadReader(reader, chunk_size, Measure.from_state(start.state) if start else None) as chunks:
            yield reader, chunks


def _copy_once(way: _Way, job: CopyJob, accept: Fingerprint | None, start: Bookmark | None) -> Copied:
    with _chunks(way, job, start) as (reader, chunks):
        spec = PutSpec(
            job.target_path,
            reader.size if accept is None else accept.size,
            job.item.modified,
            expect_absent=job.synced is None and not job.overwrite,
            expect_etag=job.etag or (job.synced.target_etag if job.synced else None),
        )
        page = _first_page(way, job, spec, reader, start) if accept is None else None
        offset, last_chunk = _send_all_but_last(chunks, way, spec, page, start.offset if start else 0)
        proof = _prove(job.item, chunks, accept, announced=spec.size)
        entry = _put(way.target, spec, offset, last_chunk, last=True)
        way.count(len(last_chunk))
        sent = chunks.fingerprint
    if start is not None or way.care.read_back:
        _check_arrived(way, spec, sent, entry)
        proof = proof if proof is Verification.MISMATCH else Verification.READ_BACK
    return Copied(_synced(job, spec.size, entry, proof), spec.size - (start.offset if start else 0))


def _first_page(
    way: _Way, job: CopyJob, spec: PutSpec, reader: ResumingReader, start: Bookmark | None
) -> Bookmark | None:
    """Return the bookmark to be moved on with each chunk, None for files that are not worth it."""
    if start is not None:
        page = replace(start, suspect=True)
        way.care.keep(page)  # before anything is sent: from here on two processes have had a hand in it
        return page
    if not _is_big(way.target, spec.size):
        return None
    return Bookmark(
        job.item.id, job.target_path, job.item.version, reader.version, spec.size, way.target.chunk_size, 0, {},
        suspect=_is_suspect(way.care, job),
    )  # fmt: skip


def _check_arrived(way: _Way, spec: PutSpec, sent: Fingerprint, entry: TargetEntry | None) -> None:
    """Read the whole file back. Raises _NotAsSentError when it is not what was sent."""
    try:
        found = read_back(way.target, spec.path, size=spec.size)
    except PermissionMissing:
        if way.care.read_back:
            raise
        found = None  # an account that may write but not read cannot prove what two processes have put together
    if found is None or found.fingerprint != sent:
        raise _NotAsSentError(entry)


def _send_all_but_last(
    chunks: AheadReader, way: _Way, spec: PutSpec, page: Bookmark | None, offset: int
) -> tuple[int, bytes]:
    """Send what may go before the whole is proven; return the last chunk and its offset. All chunks are read then.

    Each chunk goes while the next is being read. That needs no look at the next one: a chunk that ends before the
    announced size is not the last, and if the stream ends with it all the same, the upload is never completed.
    """
    chunk = chunks.next()
    while offset + len(chunk) < spec.size and len(chunk) == way.target.chunk_size:
        state = chunks.state() if page else {}
        chunks.begin()
        _put(way.target, spec, offset, chunk, last=False)
        way.count(len(chunk))
        offset += len(chunk)
        if page is not None:
            way.care.keep(replace(page, offset=offset, state=state))
        if way.care.hurried():
            raise Interrupted("The copy was broken off.", item=spec.path)
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


def _adopt(way: _Way, job: CopyJob, entry: TargetEntry | None, refused: TargetExists | TargetChanged) -> Copied:
    """Settle a place that holds something else than expected: the new file by size and time is ours (an earlier try
    put it there and died before it could say so), anything else is not.

    A suspect file is ours as well, but believed only when it has the listed hash; else it is replaced. A file of
    unknown age is ours when it has the listed hash.
    """
    if entry is not None and has_same_bytes(way.target, job, entry):
        return Copied(_synced(job, entry.size, entry, Verification.READ_BACK), 0)
    if entry is None or not looks_copied(entry, job.item):
        raise refused
    suspect = _is_suspect(way.care, job)
    if (suspect or way.care.read_back) and not _holds_listed(way.target, job, entry, unknown=not suspect):
        if not suspect:
            raise refused
        return _copy_with_policy(way, replace(job, synced=None, overwrite=True, etag=entry.etag))
    return Copied(_synced(job, entry.size, entry, _adopted_as(way.care, job)), 0)


def _adopted_as(care: Care, job: CopyJob) -> Verification:
    proven = job.item.hash is not None and (care.read_back or _is_suspect(care, job))
    return Verification.READ_BACK if proven else Verification.ADOPTED


def _is_suspect(care: Care, job: CopyJob) -> bool:
    bookmark = care.find(job.item.id)
    return bookmark is not None and bookmark.suspect and bookmark.target_path == job.target_path


def _holds_listed(target: Target, job: CopyJob, entry: TargetEntry, *, unknown: bool = True) -> bool:
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
    return _holds_listed(target, job, entry, unknown=False)


def looks_copied(entry: TargetEntry, item: SourceItem) -> bool:
    """Say whether the file at the target has size and time of the source's: then it is taken for a copy of it."""
    close = entry.modified is not None and abs(entry.modified - item.modified) <= TIME_TOLERANCE
    return entry.kind is Kind.FILE and entry.size == item.size and close
