"""Copy single files of a batch, each to its outcome, and notice what they have in common when they fail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spfc.errors import Interrupted, SpfcError, TargetChanged
from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import StoredLine
from spfc.planning.model import Outcome
from spfc.steps.bookmarks import care_of
from spfc.steps.brakes import no_room, service_down, told_to_stop
from spfc.steps.conflicts import Settled, must_look, settle
from spfc.steps.context import RunContext
from spfc.steps.halting import Halt
from spfc.steps.results import deferred, result_of_error
from spfc.transfer.breaker import Breaker
from spfc.transfer.copy import copy_file
from spfc.transfer.job import CopyJob
from spfc.transfer.pace import Pace
from spfc.transfer.progress import Progress

Job = tuple[StoredLine, CopyJob | LineResult]
"""A line with what is to be copied, or with the reason why it cannot be tried now."""


@dataclass(frozen=True, slots=True)
class Copier:
    """What the copies of one batch share."""

    run: RunContext
    progress: Progress
    pace: Pace
    stop: Halt
    breaker: Breaker

    def execute(self, job: Job) -> LineResult | None:
        """Copy one file and return how that ended; None when it was broken off and is still to be done."""
        stored, copy = job
        if isinstance(copy, LineResult):
            return copy
        if self.stop.hurried:
            return None
        if self.breaker.full:
            return result_of_error(stored, no_room())
        try:
            result = self._bring(stored, copy)
        except Interrupted:
            return None
        except SpfcError as error:
            if self.stop.wants_rest(error):
                return deferred(stored, error.code, error.message)
            self.breaker.note(error)
            ended = result_of_error(stored, error)
            if self.breaker.down is not None and ended.outcome is Outcome.FAILED:
                return replace(ended, outcome=Outcome.DEFERRED)  # it is the service, not the file: no time to wait out
            return ended
        self.breaker.note(None)
        return result

    def raise_if_cut_short(self, left: int) -> None:
        """Raise the reason why files were left that somebody should hear about."""
        down = self.breaker.down
        if down is not None:
            raise service_down(self.run.route, down, f"{left} files")
        if self.stop.hurried and left:
            raise told_to_stop(f"{left} files")

    def _bring(self, stored: StoredLine, job: CopyJob) -> LineResult:
        """Copy one file; a copy that was edited at the target is settled first, or when the target says so."""
        policy, target = self.run.route.policies.conflicts, self.run.target
        where = self.run.route.target.product.removeprefix("the ")
        settled = settle(target, job, policy, where) if must_look(job, policy) else Settled(job)
        try:
            return self._copied(stored, settled)
        except TargetChanged:
            return self._copied(stored, settle(target, job, policy, where))

    def _copied(self, stored: StoredLine, settled: Settled) -> LineResult:
        item_id = stored.line.item_id
        if settled.job is None:
            return LineResult(stored.seq, item_id, Outcome.SKIPPED, detail=settled.note, synced=settled.kept)
        run = self.run
        care = care_of(run, lambda: self.stop.hurried)
        synced = copy_file(run.source, run.target, settled.job, self._count, care).synced
        detail = f"{synced.verification}. {settled.note}" if settled.note else synced.verification
        return LineResult(stored.seq, item_id, Outcome.DONE, detail=detail, synced=synced)

    def _count(self, size: int) -> None:
        self.progress.add_bytes(size)
        self.pace.moved(size)
