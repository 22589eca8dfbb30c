"""Copy one file: try, judge what went wrong, and try again where that helps."""

from __future__ import annotations

import logging
from dataclasses import replace

from spfc.errors import IntegrityMismatch, ItemChanged, ItemGone, ServiceBusy, ServiceError, TargetChanged, TargetExists
from spfc.planning.difference import is_our_copy
from spfc.planning.model import TargetEntry, Verification
from spfc.sources.base import Source
from spfc.targets.base import Target
from spfc.transfer.adoption import adopted_as, has_same_bytes, holds_listed, is_suspect, looks_copied
from spfc.transfer.attempt import (
    BookmarkStaleError,
    NotAsSentError,
    UnexpectedBytesError,
    UploadVoidError,
    copy_once,
    is_big,
)
from spfc.transfer.bookmark import PLAIN, Bookmark, Care
from spfc.transfer.job import Copied, CopyJob, Count, Way, synced_of
from spfc.transfer.measure import Fingerprint

log = logging.getLogger("spfc.transfer")

FRESH_STARTS = 2
"""How often a file whose upload was lost is sent again from its beginning before the trouble is let out."""


def copy_file(source: Source, target: Target, job: CopyJob, count: Count, care: Care = PLAIN) -> Copied:
    """Bring one file over and return what was put there.

    Raises any :class:`~spfc.errors.ItemError` (this file only) or :class:`~spfc.errors.ServiceError`. Whatever is
    raised, no half file is visible at the target. A file that stands there already is adopted when size and time agree.
    """
    way = Way(source, target, count, care)
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


def _copy_with_policy(way: Way, job: CopyJob) -> Copied:
    """Apply the two-strike rule of reference 8.4 to files whose bytes are not what is listed."""
    try:
        return _copy_whole(way, job, None)
    except UnexpectedBytesError as strike:
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
    except UnexpectedBytesError as strike:
        raise IntegrityMismatch(
            f"The source lists {job.item.size} bytes, but served {first.size} and then {strike.found.size} that are "
            "neither the listed ones nor the same twice.",
            item=job.item.name,
            hint="Open the file in SharePoint and save it again; until then it is tried less and less often.",
        ) from None


def _copy_whole(way: Way, job: CopyJob, accept: Fingerprint | None) -> Copied:
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
            return copy_once(way, job, accept, start)
        except UploadVoidError as void:
            lost = void.error
        except NotAsSentError as bad:
            job = _suspected(way, job, bad.entry)
            lost = ServiceBusy(f"The target holds other bytes than were sent to it: {job.target_path}.")
            continue
        except (ItemGone, ItemChanged, BookmarkStaleError) as error:
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


def _bookmark(way: Way, job: CopyJob) -> Bookmark | None:
    """Return where an earlier process stopped to send this very version to this very place; others are forgotten."""
    if not is_big(way.target, job.item.size):
        return None
    found = way.care.find(job.item.id)
    if found is None or found.offset == 0:
        return None
    mine = (job.target_path, job.item.version, way.target.chunk_size)
    if (found.target_path, found.version, found.chunk_size) == mine:
        return found
    way.care.drop(job.item.id)
    return None


def _suspected(way: Way, job: CopyJob, entry: TargetEntry | None) -> CopyJob:
    """Return the job that replaces a file which is not as it was sent, and remember that nobody may believe it."""
    log.warning("%s: what was read back is not what was sent; it is sent again", job.target_path)
    way.care.keep(Bookmark(job.item.id, job.target_path, job.item.version, None, 0, 0, 0, {}, suspect=True))
    return replace(job, synced=None, overwrite=True, etag=entry.etag if entry else None)


def _adopt(way: Way, job: CopyJob, entry: TargetEntry | None, refused: TargetExists | TargetChanged) -> Copied:
    """Settle a place that holds something else than expected: the new file by size and time is ours (an earlier try
    put it there and died before it could say so), anything else is not.

    A suspect file is ours as well, but believed only when it has the listed hash; else it is replaced. A file of
    unknown age is ours when it has the listed hash.
    """
    if entry is not None and has_same_bytes(way.target, job, entry):
        return Copied(synced_of(job, entry.size, entry, Verification.READ_BACK), 0)
    if entry is None or not looks_copied(entry, job.item):
        raise refused
    suspect = is_suspect(way.care, job)
    if (suspect or way.care.read_back) and not holds_listed(way.target, job, entry, unknown=not suspect):
        if not suspect:
            raise refused
        return _copy_with_policy(way, replace(job, synced=None, overwrite=True, etag=entry.etag))
    return Copied(synced_of(job, entry.size, entry, adopted_as(way.care, job)), 0)
