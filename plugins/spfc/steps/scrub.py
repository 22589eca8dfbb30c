"""Read a share of the old copies back, the longest unverified first, and treat what has changed as an audit does."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from spfc.errors import Disposition, ItemGone, SpfcError, TargetSuspicious
from spfc.ledger.drift import store_findings
from spfc.ledger.scrubs import count_scrubbable, forget_scrubs_of_gone, last_scrub, oldest_verified, store_verified
from spfc.ledger.uploads import UploadRow, store_upload
from spfc.planning.audit import Drift, Finding
from spfc.planning.difference import is_our_copy
from spfc.planning.model import SyncedItem, TargetEntry
from spfc.quickxor import same_hash
from spfc.routes import RunMode
from spfc.steps.context import RunContext
from spfc.steps.placement import Placement
from spfc.transfer.pool import StopSignal, run_jobs
from spfc.transfer.read_back import read_back

log = logging.getLogger("spfc.scrub")

WEEK = 7 * 86400.0
PAUSE = 3600.0
"""Seconds between two scrubs at least, so that a run every minute does not count the library each time."""
TIME_BOX = 600.0
"""Seconds that one run spends on it at most; what is not reached comes first in the next one."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One copy that was read back; ``finding`` None: it is as it was. ``error``: it could not be read."""

    item: SyncedItem
    path: str
    finding: Finding | None = None
    rotten: bool = False
    error: SpfcError | None = None


def scrub_share(run: RunContext) -> int:
    """Return how many copies this run should read back: the share of the time since the last scrub.

    0 costs nothing but two small reads of the ledger; the copies are counted only when a scrub may be due.
    """
    percent = run.route.policies.scrub_percent_per_week
    if not percent or run.options.dry_run or run.options.mode not in (RunMode.INCREMENTAL, RunMode.FULL):
        return 0
    with run.reading() as connection:
        last = last_scrub(connection, run.route.name)
        if last is None or run.now() - last < PAUSE:
            return 0
        return int(count_scrubbable(connection, run.route.name) * percent / 100 * min(run.now() - last, WEEK) / WEEK)


def scrub(run: RunContext) -> dict[str, int] | None:
    """Read back what is due; return counts (``read``, ``missing``, ``changed``, ``unread``), None when nothing is due.

    Copies that are missing or changed are owed from then on, so the plan of the same run repairs them as the policies
    say. One whose size and time are right although its bytes are not is nobody's edit: it is replaced in its place.
    Raises :class:`~spfc.errors.TargetSuspicious` and changes nothing when all copies looked at are missing.
    """
    share = scrub_share(run)
    if not share:
        return None
    with run.reading() as connection:
        oldest = oldest_verified(connection, run.route.name, share)
    placement = Placement(run)
    jobs = [(item, path) for item in oldest if (path := placement.item(item)) is not None]
    counts: Counter[str] = Counter(read=0, missing=0, changed=0, unread=0)
    stop = StopSignal(run.clock, run.now() + TIME_BOX)
    pending: list[_Look] = []
    for looks in run_jobs(jobs, lambda job: _look(run, *job), workers=run.route.limits.workers, stop=stop):
        for look in looks:
            counts[_kind(look)] += 1
        pending += looks
        if counts["read"] + counts["changed"]:  # before the first copy is seen, nobody knows that the target is there
            _store(run, pending)
            pending = []
    if counts["missing"] and not counts["read"] + counts["changed"] and len(jobs) > 1:
        raise TargetSuspicious(
            f"None of the {counts['missing']} copies that were to be read back is at {run.route.target.folder}.",
            hint="Check storage and permissions at the target, then run the route in mode audit. Nothing was changed.",
        )
    _store(run, pending)
    with run.writing() as connection:
        forget_scrubs_of_gone(connection, run.route.name)
    log.info("Of %d old copies that were due: %s", len(jobs), ", ".join(f"{n} {name}" for name, n in counts.items()))
    return dict(counts)


def _kind(look: _Look) -> str:
    if look.error is not None:
        return "unread"
    return "read" if look.finding is None else look.finding.drift.value


def _look(run: RunContext, item: SyncedItem, path: str) -> _Look:
    try:
        entry = run.target.stat(path)
        if entry is None:
            return _Look(item, path, Finding(Drift.MISSING, item))
        if not is_our_copy(item, entry):
            return _Look(item, path, Finding(Drift.CHANGED, item, entry))
        if _is_whole(run, item, path, entry):
            return _Look(item, path)
    except ItemGone:
        return _Look(item, path, Finding(Drift.MISSING, item))
    except SpfcError as error:
        if error.disposition is Disposition.STOP:
            raise
        return _Look(item, path, error=error)
    return _Look(item, path, Finding(Drift.CHANGED, item, entry), rotten=True)


def _is_whole(run: RunContext, item: SyncedItem, path: str, entry: TargetEntry) -> bool:
    found = read_back(run.target, path, size=entry.size)
    return found is not None and same_hash(item.hash or "", found.listed_hash)


def _store(run: RunContext, looks: list[_Look]) -> None:
    now, route = run.now(), run.route.name
    good = [look.item.id for look in looks if look.finding is None and look.error is None]
    bad = [look for look in looks if look.finding is not None]
    for look in looks:
        if look.error is not None:
            log.warning("%s could not be read back: %s", look.path, look.error)
        elif look.finding is not None:
            log.warning("%s at the target: %s%s", look.finding.drift.value, look.path,
                        " (its bytes are not those that were copied)" if look.rotten else "")  # fmt: skip
    with run.writing() as connection:
        store_findings(connection, route, now, [look.finding for look in bad if look.finding])
        for look in (look for look in bad if look.rotten):
            # Its looks are right: without this it would be taken for a copy that somebody has just made.
            row = UploadRow(look.item.id, look.path, "", None, 0, 0, 0, {}, suspect=True)
            store_upload(connection, route, now, row)
        store_verified(connection, route, now, good, [look.item.id for look in bad])
        run.renew(connection)
