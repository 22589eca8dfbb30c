"""Execute removals: keep, quarantine or delete, never an item that lives on elsewhere at the source."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from spfc.errors import Interrupted, ItemGone, SpfcError
from spfc.ledger.observations import load_source, load_synced
from spfc.ledger.outcomes import LineResult, has_misplaced_below, release_held
from spfc.ledger.plans import StoredLine, stored_lines
from spfc.planning.difference import owed
from spfc.planning.model import Action, Outcome, Reason, SyncedItem
from spfc.routes import RemovalPolicy
from spfc.steps.brakes import told_to_stop
from spfc.steps.context import RunContext
from spfc.steps.halting import Halt
from spfc.steps.leftovers import remove_leftover
from spfc.steps.placement import Placement
from spfc.steps.quarantine import forget_contents, quarantine
from spfc.steps.results import deferred, record, result_of_error
from spfc.transfer.interrupt import on_termination
from spfc.wording import plural

log = logging.getLogger("spfc.removals")


def apply_removals(run: RunContext, plan_id: str) -> dict[str, Any]:
    """Remove what the plan names, as the route's policy says. Returns counts by outcome.

    Raises :class:`~spfc.errors.Interrupted` on SIGTERM; the rest stays pending.
    """
    with run.reading() as connection:
        lines = list(stored_lines(connection, plan_id, actions=(Action.REMOVE,), outcomes=(Outcome.PENDING,)))
    placement = Placement(run)
    counts: dict[str, Any] = {}
    halt = Halt(run)
    with on_termination(halt.hurry):
        for number, stored in enumerate(lines):
            if halt.hurried:
                raise told_to_stop(plural(len(lines) - number, "removal"))
            result = remove(run, stored, placement, halt)
            if stored.detail:
                # Who approved it stays in the plan beside what became of it.
                result = replace(result, detail=f"{stored.detail}; {result.detail}")
            record(run, plan_id, [result])
            placement.forget()
            counts[result.outcome.value] = counts.get(result.outcome.value, 0) + 1
    log.info("Removals by policy %s: %s", run.route.policies.removals.value, counts or "none")
    return counts


def release_removals(run: RunContext, plan_id: str, who: str) -> int:
    """Release the removals that the guard holds, because ``who`` has approved them; return how many lines."""
    with run.writing() as connection:
        released = release_held(connection, plan_id, f"approved by {who}")
        run.renew(connection)
    log.info("%d held removals were approved by %s", released, who)
    return released


def remove(
    run: RunContext, stored: StoredLine, placement: Placement, halt: Halt, *, looking: bool = False
) -> LineResult:
    """Execute one removal and return how it ended. The outcome is not committed; what is below a folder that goes piece
    by piece is forgotten before, unless this is ``looking`` only, with a target that changes nothing.
    """
    route, item_id = run.route, stored.line.item_id
    with run.reading() as connection:
        synced = load_synced(connection, route.name, [item_id]).get(item_id)
        source = load_source(connection, route.name, [item_id]).get(item_id)
        misplaced = has_misplaced_below(connection, route.name, item_id)
    if synced is None:
        return LineResult(stored.seq, item_id, Outcome.DONE, detail="It was gone already.", removed=True)
    if misplaced:
        return deferred(stored, "holds_moved_items", "Something below it has yet to be moved to its new place.")
    if stored.line.reason is Reason.DELETED_AT_SOURCE and source is not None and not source.deleted \
            and not owed(source, synced):  # fmt: skip
        return LineResult(stored.seq, item_id, Outcome.SKIPPED, detail="It is back at the source.")
    try:
        if stored.line.reason is Reason.LEFT_BEHIND:
            path = placement.item(synced)
            return remove_leftover(run, stored, synced, path) if path else _lost(stored)
        return _by_policy(run, stored, synced, placement, halt, looking=looking)
    except Interrupted:
        raise  # the line stays open
    except SpfcError as error:
        return result_of_error(stored, error)


def _by_policy(
    run: RunContext, stored: StoredLine, synced: SyncedItem, placement: Placement, halt: Halt, *, looking: bool
) -> LineResult:
    line, policy = stored.line, run.route.policies.removals
    if policy is RemovalPolicy.KEEP:
        return LineResult(stored.seq, line.item_id, Outcome.SKIPPED, detail="Kept at the target, as the route says.")
    path = placement.item(synced)
    if path is None or path == "/":
        return _lost(stored)
    if not looking and (policy is RemovalPolicy.DELETE or run.target.piecemeal):
        forget_contents(run, synced)  # a disk, too, deletes file by file
    if policy is RemovalPolicy.DELETE:
        run.target.remove(path, synced.kind)
        return LineResult(stored.seq, line.item_id, Outcome.DONE, detail="deleted", removed=True)
    try:
        went = quarantine(run, line, synced, path, halt)
    except ItemGone:
        return LineResult(stored.seq, line.item_id, Outcome.DONE, detail="It was gone already.", removed=True)
    return LineResult(stored.seq, line.item_id, Outcome.DONE, detail=f"quarantined as {went}", removed=True)


def _lost(stored: StoredLine) -> LineResult:
    return deferred(stored, "place_unknown", "Its place at the target is not known.")
