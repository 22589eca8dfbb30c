"""First step of a list's run: take the lease, read what changed, apply it page by page to the table."""

from __future__ import annotations

import logging
from typing import Any

from spfc.errors import Interrupted
from spfc.ledger.runs import update_run
from spfc.routes.options import ListRunMode
from spfc.steps.context import ListRun
from spfc.steps.records.beginning import begin, fence_of
from spfc.steps.records.reading import Reader, Stop
from spfc.steps.records.totals import HELD_TEXT, QUIET, counters
from spfc.targets.records import ListState, Stage
from spfc.transfer.pool import StopSignal

log = logging.getLogger("spfc.lists")

SECONDS_PER_DAY = 86_400.0


def box_of(run: ListRun) -> StopSignal:
    """Return the time box of a run: it stops between two pages; on SIGTERM call its ``hurry``."""
    return StopSignal(run.clock, run.now() + run.route.limits.time_box_minutes * 60)


def sync_list(run: ListRun, stop: Stop) -> dict[str, Any]:
    """Bring the table up to date with the list and return what that took (small, no secrets).

    Keys: ``fence`` (lease), ``quiet`` (everything was read; else the next run goes on at the page), ``stage``,
    ``generation``, ``requests``, ``units``, and the counters of :func:`spfc.steps.records.totals.counters`. May be
    repeated: what is committed is not done again, and the counters are of the run, not of the try.

    Raises SourceSuspicious, LeaseHeld, LeaseLost, RouteInvalid, TargetExists, Interrupted, and whatever source and
    table raise; the table and its state are consistent whatever is raised.
    """
    beginning = begin(run)
    reader = Reader(run, beginning.stored, beginning.binding, stop)
    if run.options.purge and reader.state is not None:
        done = run.target.purge(reader.state, fence_of(run), now=run.now(), run_id=run.run_id)
        log.info("%d marked rows were deleted for good", done.touched)
    asked = run.options.mode is ListRunMode.FULL and (beginning.anew or not reader.earlier.full)
    if reader.state is None or _full_is_due(run, reader.state, asked=asked):
        reader.start_reading()
    quiet = reader.read()
    result = _told(run, {QUIET: int(quiet), HELD_TEXT: reader.guard.text})
    if stop.hurried and not quiet:
        raise Interrupted("The task was told to stop.", hint="The next try goes on at the page where this one stopped.")
    state = reader.state
    return result if state is None else {**result, "stage": state.stage.value, "generation": state.generation}


def _full_is_due(run: ListRun, state: ListState, *, asked: bool) -> bool:
    """Say whether to begin a full reading; one that is under way is gone on with, not begun again."""
    if state.stage is Stage.READING:
        return False
    age = run.now() - (state.full_at or 0.0)
    return asked or age > run.route.limits.full_every_days * SECONDS_PER_DAY


def _told(run: ListRun, more: dict[str, Any]) -> dict[str, Any]:
    """Write down what the run has done so far, and return it."""
    totals = {**counters(run.target.tally(run.run_id)), **more}
    with run.writing() as connection:
        run.renew(connection)
        update_run(
            connection, run.route.name, run.run_id, error="",  # of an earlier try, which this one has made up for
            pages=totals["pages"], items_seen=totals["seen"], changed=totals["touched"], totals=totals,
        )  # fmt: skip
    spent = run.spending()
    return {**totals, "fence": run.fence, "requests": spent.requests, "units": spent.units}
