"""Settle a copy that somebody edited at the target, as the policy of the route says."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from spfc.errors import TargetExists
from spfc.planning.difference import is_our_copy
from spfc.planning.model import Kind, SyncedItem, TargetEntry, Verification
from spfc.planning.names import shorten
from spfc.routes import ConflictPolicy
from spfc.targets.base import Target
from spfc.targets.paths import numbered
from spfc.transfer.adoption import has_same_bytes, looks_copied
from spfc.transfer.job import CopyJob

log = logging.getLogger("spfc.transfer")

MOST_VERSIONS = 20
"""How many set-aside versions of one file and one second are kept before we give up."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What to do about an edited copy: go on with ``job``, or leave theirs as described by ``kept``."""

    job: CopyJob | None
    note: str = ""
    kept: SyncedItem | None = None


def must_look(job: CopyJob, policy: ConflictPolicy) -> bool:
    """Say whether the target has to be looked at before the copy is overwritten.

    A known edit must be settled first; without an etag, the server cannot refuse to overwrite what it was not asked to.
    """
    if job.synced is None:
        return False
    foreign = job.synced.verification == Verification.FOREIGN
    return foreign or (job.synced.target_etag is None and policy is not ConflictPolicy.SOURCE_WINS)


def settle(target: Target, job: CopyJob, policy: ConflictPolicy, where: str) -> Settled:
    """Look at the place of a copy that may have been edited, and make it ready for the source's version.

    One call when nobody edited it. May be repeated: a version that was set aside is not there to be set aside again.
    ``where`` is what the name of such a version says of the place it was edited at.
    """
    entry = target.stat(job.target_path)
    if entry is not None and job.synced is not None and is_our_copy(job.synced, entry):
        # Asked first: a quick edit of equal length looks like both versions, and only copying it again is safe.
        return Settled(replace(job, etag=entry.etag))
    if entry is None or looks_copied(entry, job.item) or has_same_bytes(target, job, entry):
        # Gone, or an earlier try got as far as putting the new version there: copying adopts it.
        return Settled(_as_new(job))
    if policy is ConflictPolicy.TARGET_WINS and entry.kind is Kind.FILE:
        return Settled(None, "It was edited at the target and is left alone, as the route says.", _theirs(job, entry))
    if policy is ConflictPolicy.SOURCE_WINS and entry.kind is Kind.FILE:
        return Settled(replace(_as_new(job), overwrite=True, etag=entry.etag), "It replaced an edit at the target.")
    aside = _set_aside(target, job.target_path, entry, where)
    log.warning("%s was edited at the target; their version is kept as %s", job.target_path, aside)
    return Settled(_as_new(job), f"Their version is kept as {aside}.")


def _as_new(job: CopyJob) -> CopyJob:
    return replace(job, synced=None, overwrite=False, etag=None)


def _theirs(job: CopyJob, entry: TargetEntry) -> SyncedItem | None:
    """Return the synced row that says whose bytes lie at the target."""
    if job.synced is None:
        return None
    return replace(
        job.synced, size=entry.size, modified=entry.modified or 0, target_etag=entry.etag, version="",
        content_version=None, hash=None, verification=Verification.FOREIGN.value,
    )  # fmt: skip


def _set_aside(target: Target, path: str, entry: TargetEntry, where: str) -> str:
    """Rename their version within its folder; the name tells when it was made, so it is the same in every try."""
    folder, _, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    when = f"{datetime.fromtimestamp(entry.modified, UTC):%Y-%m-%d %H.%M.%S}" if entry.modified else "edited"
    wanted = f"{folder}/{shorten(f'{stem} ({when} {where}){dot}{extension}', path)}"
    for number in range(1, MOST_VERSIONS + 1):
        aside = numbered(wanted, number)
        try:
            target.move(path, aside)
        except TargetExists:
            continue
        return aside
    raise TargetExists(f"{MOST_VERSIONS} versions of this file were set aside already.", item=path)
