"""One try to stream a file: chunk by chunk, and the last one only when length and hash agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from spfc.errors import Disposition, Interrupted, PermissionMissing, ServiceError
from spfc.planning.model import SourceItem, TargetEntry, Verification
from spfc.quickxor import same_hash
from spfc.targets.base import PutSpec, Target
from spfc.transfer.adoption import is_suspect
from spfc.transfer.ahead import AheadReader
from spfc.transfer.bookmark import WORTH_KEEPING, Bookmark
from spfc.transfer.job import Copied, CopyJob, Way, synced_of
from spfc.transfer.measure import Fingerprint, Measure
from spfc.transfer.read_back import read_back
from spfc.transfer.reader import ResumingReader


class UnexpectedBytesError(Exception):
    """The stream ended with other bytes than listed; the upload was left incomplete."""

    def __init__(self, found: Fingerprint) -> None:
        super().__init__("unexpected bytes")
        self.found = found


class UploadVoidError(Exception):
    """The target lost the upload on its way: only a fresh start at offset 0 can help."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__("upload void")
        self.error = error


class NotAsSentError(Exception):
    """What the target holds after the last chunk is not what was sent."""

    def __init__(self, entry: TargetEntry | None) -> None:
        super().__init__("not as sent")
        self.entry = entry


class BookmarkStaleError(Exception):
    """The source serves another version than the one that was begun."""


def copy_once(way: Way, job: CopyJob, accept: Fingerprint | None, start: Bookmark | None) -> Copied:
    """Copy a file once, from its beginning or from a bookmark; the last chunk goes only when the bytes are proven.

    ``accept`` is what an earlier try has read: the same bytes once more are believed although they are not as listed.
    Raises one of this module's errors when another try may help, else what source or target raise.
    """
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
    return Copied(synced_of(job, spec.size, entry, proof), spec.size - (start.offset if start else 0))


@contextmanager
def _chunks(way: Way, job: CopyJob, start: Bookmark | None) -> Iterator[tuple[ResumingReader, AheadReader]]:
    chunk_size = way.target.chunk_size
    with ResumingReader(way.source, job.item, offset=start.offset if start else 0) as reader:
        if start and (reader.version, reader.size) != (start.stream_version, start.size):
            raise BookmarkStaleError
        with AheadReader(reader, chunk_size, Measure.from_state(start.state) if start else None) as chunks:
            yield reader, chunks


def _first_page(
    way: Way, job: CopyJob, spec: PutSpec, reader: ResumingReader, start: Bookmark | None
) -> Bookmark | None:
    """Return the bookmark to be moved on with each chunk, None for files that are not worth it."""
    if start is not None:
        page = replace(start, suspect=True)
        way.care.keep(page)  # before anything is sent: from here on two processes have had a hand in it
        return page
    if not is_big(way.target, spec.size):
        return None
    return Bookmark(
        job.item.id, job.target_path, job.item.version, reader.version, spec.size, way.target.chunk_size, 0, {},
        suspect=is_suspect(way.care, job),
    )  # fmt: skip


def _send_all_but_last(
    chunks: AheadReader, way: Way, spec: PutSpec, page: Bookmark | None, offset: int
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
            raise UploadVoidError(error) from error
        raise


def _prove(item: SourceItem, chunks: AheadReader, accept: Fingerprint | None, *, announced: int) -> Verification:
    """Say what proves that the stream, read to its end, is the item. Raises when nothing does."""
    found = chunks.fingerprint
    if found.size != announced:
        raise UnexpectedBytesError(found)
    if accept is not None:
        if found == accept:
            return Verification.MISMATCH
    elif item.hash is not None:
        if found.size == item.size and same_hash(item.hash, chunks.listed_hash):
            return Verification.HASH
    elif found.size == item.size:
        return Verification.SIZE
    raise UnexpectedBytesError(found)


def _check_arrived(way: Way, spec: PutSpec, sent: Fingerprint, entry: TargetEntry | None) -> None:
    """Read the whole file back. Raises NotAsSentError when it is not what was sent."""
    try:
        found = read_back(way.target, spec.path, size=spec.size)
    except PermissionMissing:
        if way.care.read_back:
            raise
        found = None  # an account that may write but not read cannot prove what two processes have put together
    if found is None or found.fingerprint != sent:
        raise NotAsSentError(entry)


def is_big(target: Target, size: int) -> bool:
    """Say whether a file of ``size`` bytes is worth a bookmark."""
    return size > WORTH_KEEPING * target.chunk_size
