"""Execute one batch of copies: many at once, outcomes written as they come, a clean stop at the time box."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from spfc.errors import QuotaFull, SpfcError
from spfc.ledger.cursors import load_cursor
from spfc.ledger.observations import load_source, load_synced
from spfc.ledger.outcomes import LineResult, newest_codes
from spfc.ledger.plans import StoredLine, begin_batch, stored_lines
from spfc.ledger.rows import chunks
from spfc.ledger.runs import load_run
from spfc.planning.difference import owed
from spfc.planning.model import Action, Outcome, SourceItem, SyncedItem
from spfc.steps.bookmarks import care_of
from spfc.steps.context import RunContext
from spfc.steps.copier import Copier, Job
from spfc.steps.halting import Halt, Halted
from spfc.steps.placement import Placement
from spfc.steps.results import deferred, name_holders, record, result_of_error, taken_by_another
from spfc.transfer.adoption import arrived
from spfc.transfer.breaker import QUOTA_STRIKES, Breaker
from spfc.transfer.interrupt import on_termination
from spfc.transfer.job import Copied, CopyJob
from spfc.transfer.pace import Pace
from spfc.transfer.pool import MOST_PER_WORKER, run_jobs
from spfc.transfer.progress import Progress
from spfc.wording import plural, size

log = logging.getLogger("spfc.transfer")


def transfer_batch(
    run: RunContext, plan_id: str, batch: int, show: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Copy the files of one batch and return counts by outcome, ``bytes`` and ``rate`` (bytes per second).

    May be repeated: only lines that are still pending are tried. Files that are not reached within the time box stay
    pending, and the report counts them as deferred; those that quiet hours or a long rest forbid are deferred at once.
    ``show`` gets a line about the progress every ten seconds.

    Raises :class:`~spfc.errors.Interrupted` on SIGTERM, when the chunks under way have arrived and all outcomes are
    written, and the ServiceError of the last file when a service fails for several files in a row: both leave the rest
    pending, for another try of the task or the next run.
    """
    if _is_closed(run):
        # A task of a run that has ended was cleared: its lines are closed, its lease is given back, and all is well.
        return {"files": 0, "left": 0, "bytes": 0, "rate": 0}
    with run.writing() as connection:
        run.renew(connection)  # whoever has lost the lease ends here, before the target is touched
        again = begin_batch(connection, plan_id, batch)
        lines = list(stored_lines(connection, plan_id, batch=batch, outcomes=(Outcome.PENDING,)))
        codes = newest_codes(connection, plan_id, QUOTA_STRIKES)
    bind_source(run)

    def speak(text: str) -> None:
        # One huge file may take longer than a lease lasts without a result: the moving bytes keep it alive.
        with run.writing() as connection:
            run.renew(connection)
        log.info("%s", text)
        show(text)

    workers = run.route.limits.workers
    pace = Pace(workers, run.refusals)
    progress = Progress(len(lines), sum(s.line.size for s in lines), run.clock, speak, lambda: pace.limit)
    stop = Halt(run)
    strikes = len(list(takewhile(lambda code: code == QuotaFull.code, codes)))
    copier = Copier(run, progress, pace, stop, Breaker(stop.ask, quota_strikes=strikes))
    counts: dict[str, Any] = {}
    ended: set[int] = set()
    # An earlier try of this task has died: what it was at may be there, and would become a second version.
    doubtful = {stored.seq for stored in lines[: in_flight(run)]} if again else set()

    def work(job: Job) -> LineResult | None:
        return (arrived_before(run, job) if job[0].seq in doubtful else None) or copier.execute(job)

    with on_termination(stop.hurry):
        for group in run_jobs(jobs_of(run, lines), work, workers=workers, stop=stop, pace=pace):
            results = [result for result in group if result is not None]
            record(run, plan_id, results)
            ended.update(result.seq for result in results)
            for result in results:
                progress.add_file()
                counts[result.outcome.value] = counts.get(result.outcome.value, 0) + 1
                if result.outcome is not Outcome.DONE:
                    log.warning("%s: %s (%s)", result.outcome.value, result.detail, result.code)
    rate = progress.bytes_done / progress.seconds
    log.info("Batch %d: %s, %s at %s/s", batch + 1, plural(progress.files_done, "file"), size(progress.bytes_done),
             size(rate))  # fmt: skip
    show(progress.line())
    left = [stored for stored in lines if stored.seq not in ended]
    copier.raise_if_cut_short(len(left))
    if left:
        _leave(run, plan_id, left, stop.reason, doubtful)
    return {
        **counts, "files": progress.files_done, "left": len(left), "bytes": progress.bytes_done, "rate": round(rate)
    }  # fmt: skip


def _is_closed(run: RunContext) -> bool:
    """Say whether the run has had its report; one that died and was ended by another one has not."""
    with run.reading() as connection:
        row = load_run(connection, run.route.name, run.run_id)
    return row is not None and bool(row.totals)


def _leave(
    run: RunContext, plan_id: str, left: Sequence[StoredLine], reason: Halted | None, doubtful: Collection[int]
) -> None:
    """Say why lines were not begun. At the time box they stay open, so that a further try of the task goes on; so do
    those that an earlier try may have done, because the next run looks at what is open.
    """
    if reason is None:
        log.warning("Stopped at the time box with %d files left; the next run goes on.", len(left))
        return
    log.warning("%s %d files are left; a later run goes on.", reason.sentence, len(left))
    for piece in chunks([stored for stored in left if stored.seq not in doubtful]):
        record(run, plan_id, [deferred(stored, reason.code, reason.sentence) for stored in piece])


def in_flight(run: RunContext) -> int:
    """Return how many copies of one batch may have been under way at any moment, counting from the first pending."""
    return MOST_PER_WORKER * run.route.limits.workers


def arrived_before(run: RunContext, job: Job) -> LineResult | None:
    """Return the result of a copy that an earlier try has completed (or of the failed look), None when it has not."""
    stored, copy = job
    if isinstance(copy, LineResult):
        return None
    try:
        copied = arrived(run.target, copy, care_of(run))
    except SpfcError as error:
        return result_of_error(stored, error)
    return None if copied is None else _done(stored, copied)


def bind_source(run: RunContext) -> None:
    """Tell the source where its library is, as ``enumerate`` found it: no request, and needed before any reading."""
    with run.reading() as connection:
        cursor = load_cursor(connection, run.route.name)
    run.source.bind(dict(cursor.binding) if cursor else None)


def jobs_of(run: RunContext, lines: list[StoredLine]) -> Iterator[Job]:
    """Turn lines into jobs in their order."""
    placement = Placement(run)
    for piece in chunks(lines):
        ids = [stored.line.item_id for stored in piece]
        with run.reading() as connection:
            source = load_source(connection, run.route.name, ids)
            synced = load_synced(connection, run.route.name, ids)
            taken = name_holders(connection, run.route.name, [stored.line for stored in piece])
        for stored in piece:
            item_id = stored.line.item_id
            yield (
                stored,
                taken_by_another(stored, taken) or _job(stored, source.get(item_id), synced.get(item_id), placement),
            )


def _job(
    stored: StoredLine, item: SourceItem | None, synced: SyncedItem | None, placement: Placement
) -> CopyJob | LineResult:
    line = stored.line
    above = placement.folder(line.parent_id)
    if item is None or above is None:
        return deferred(stored, "parent_missing", "The folder it belongs in is not in place yet.")
    path = f"{above}/{line.target_path.rpartition('/')[2]}"
    if synced is not None and placement.item(synced) != path:
        # Writing the new bytes there would make a second copy.
        return deferred(stored, "not_moved", "It has yet to be moved to its new place.")
    if synced is not None and not owed(item, synced):
        # It came along in its new version, when its folder could not be moved and was copied.
        return LineResult(stored.seq, line.item_id, Outcome.DONE, detail=synced.verification)
    job = CopyJob(item, line.parent_id, path, synced=synced)
    if synced is None and line.action is Action.UPDATE:
        etag = line.evidence.get("target_etag")
        return replace(job, overwrite=True, etag=None if etag is None else str(etag))
    return job


def _done(stored: StoredLine, copied: Copied) -> LineResult:
    return LineResult(
        stored.seq, stored.line.item_id, Outcome.DONE, detail=copied.synced.verification, synced=copied.synced
    )
