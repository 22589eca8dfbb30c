"""Clear up after runs that died without a word, or that begin again: their lines and their history get an end."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from spfc.ledger.outcomes import end_open_lines
from spfc.ledger.plans import discard_lines, new_plan_id
from spfc.ledger.runs import load_run, open_runs, reopen_run, update_run
from spfc.reporting.model import Verdict
from spfc.steps.context import AnyRun

log = logging.getLogger("spfc.wreckage")

DIED = "The run ended without a word (killed, out of memory, power cut); the next one went on from there."


def end_dead_runs(connection: Connection, run: AnyRun) -> None:
    """End all other runs of the route that have no end. Belongs into the transaction that took the lease.

    Whoever holds the lease is alone, so they are dead (or about to be refused, and then they say so themselves). Lines
    that they left open become *deferred*; lines of a plan that was never sealed are forgotten.
    """
    dead = open_runs(connection, run.route.name, but=run.run_id)
    if not dead:
        return
    # A dead run held the fence before ours: a lease that was given back properly has left nothing unsealed.
    discard_unsealed(connection, run.route.name, (run.fence or 0) - 1)
    for row in dead:
        log.warning("Run %s of this route never ended; its open lines stay owed.", row.run_id)
        if row.plan_id:
            end_open_lines(connection, row.plan_id, run.now())
        update_run(
            connection, row.route, row.run_id,
            ended_at=run.now(), verdict=Verdict.FAILED.value, error=row.error or DIED,
        )  # fmt: skip


def begin_again(connection: Connection, run: AnyRun) -> None:
    """Give a run whose tasks were cleared a new beginning; lines that its former plan left open become *deferred*.

    A run that waited for the route and was taken for dead meanwhile gets its beginning back, too. Belongs into the
    transaction that took the lease.
    """
    row = load_run(connection, run.route.name, run.run_id)
    if row is None or (row.plan_id is None and row.ended_at is None):
        return
    if row.plan_id:
        end_open_lines(connection, row.plan_id, run.now())
    reopen_run(connection, run.route.name, run.run_id, run.now())


def discard_unsealed(connection: Connection, route: str, fence: int) -> None:
    """Forget the lines that a lease has written for a plan it never sealed."""
    discard_lines(connection, new_plan_id(connection, route, fence))
