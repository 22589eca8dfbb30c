"""How lines ended: outcome, synced row and debt change together, in the caller's fenced transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, exists, func, literal, select, update

from spfc.ledger.bulk import outcome_statement
from spfc.ledger.debts import strike_off
from spfc.ledger.observations import debt_row, load_source, load_synced
from spfc.ledger.plans import OPEN
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, plan_lines, source_items, synced_items
from spfc.ledger.surroundings import subtree
from spfc.ledger.uploads import forget_uploads
from spfc.planning.backoff import wait_after
from spfc.planning.difference import owed
from spfc.planning.model import Action, Kind, Outcome, SyncedItem

HELD_HEAD_START = 2
"""Failures in a row that a refusal counts for: it waits as long as something that failed so often before."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """How one line ended.

    ``synced`` is what now lies at the target for the item, ``removed`` says that nothing does any more (nor anything
    below it). Neither: the target is as it was. ``code`` is an error code, empty when all is well.
    """

    seq: int
    item_id: str
    outcome: Outcome
    code: str = ""
    detail: str = ""
    hint: str = ""
    synced: SyncedItem | None = None
    removed: bool = False


def record_results(
    connection: Connection, *, route: str, plan_id: str, run_id: str, now: float, results: Sequence[LineResult]
) -> None:
    """Write outcomes down with what they mean for the synced tree and for debt. Repeating it changes nothing."""
    ended = [(r.outcome._value_, r.code, r.detail, r.hint, now, plan_id, r.seq) for r in results]
    if ended:
        connection.exec_driver_sql(outcome_statement(connection.dialect.name), ended)
    upsert(connection, synced_items, [synced_row(route, r.synced, run_id, now) for r in results if r.synced])
    forget_uploads(connection, route, [r.item_id for r in results if r.synced and r.synced.kind is Kind.FILE])
    for result in results:
        if result.removed:
            _forget_tree(connection, route, result.item_id)
    _settle(connection, route, now, results)


def _forget_tree(connection: Connection, route: str, item_id: str) -> None:
    """Drop the synced rows of a removed tree, and the debt that spoke of them."""
    tree = subtree(route, item_id)
    alive = exists().where(
        source_items.c.route == route, source_items.c.id == debt.c.id, source_items.c.deleted.is_(False)
    )
    ids = select(tree.c.id)
    connection.execute(delete(debt).where(debt.c.route == route, debt.c.id.in_(ids), ~alive))
    connection.execute(delete(synced_items).where(synced_items.c.route == route, synced_items.c.id.in_(ids)))


def _settle(connection: Connection, route: str, now: float, results: Sequence[LineResult]) -> None:
    """Strike off what is no longer owed; let what failed wait."""
    ids = [result.item_id for result in results]
    source, synced = load_source(connection, route, ids), load_synced(connection, route, ids)
    paid: set[str] = set()
    for result in results:
        item = source.get(result.item_id)
        removed = result.removed and result.outcome is Outcome.DONE
        skipped = result.outcome is Outcome.SKIPPED
        copy = synced.get(result.item_id)
        # Without a source item, a copy that is still there (such as a leftover of a move) is owed its removal.
        still = copy is not None if item is None else owed(item, copy)
        if removed or skipped or not still:
            paid.add(result.item_id)
    strike_off(connection, route, sorted(paid))
    for result in results:
        if result.item_id in paid:
            continue
        if result.outcome is Outcome.FAILED:
            _wait(connection, route, now, result, 0)
        elif result.outcome is Outcome.HELD and result.code:
            # Somebody must change something first: asking again in every run would only cost requests.
            _wait(connection, route, now, result, HELD_HEAD_START)
        elif result.code:
            connection.execute(
                update(debt).where(debt.c.route == route, debt.c.id == result.item_id).values(last_code=result.code)
            )


def _wait(connection: Connection, route: str, now: float, result: LineResult, head_start: int) -> None:
    upsert(connection, debt, [debt_row(route, result.item_id, now)], update=())
    mine = (debt.c.route == route) & (debt.c.id == result.item_id)
    attempts = connection.execute(select(debt.c.attempts).where(mine)).scalar_one() + 1
    connection.execute(
        update(debt)
        .where(mine)
        .values(attempts=attempts, last_code=result.code, next_try=now + wait_after(attempts + head_start))
    )


def has_misplaced_below(connection: Connection, route: str, item_id: str) -> bool:
    """Say whether something that lives elsewhere at the source still lies in this target tree: it must move first."""
    tree = subtree(route, item_id)
    query = (
        select(literal(1))
        .select_from(synced_items)
        .join(source_items, (source_items.c.route == route) & (source_items.c.id == synced_items.c.id))
        .where(
            synced_items.c.route == route,
            synced_items.c.id.in_(select(tree.c.id)),
            synced_items.c.id != item_id,  # that it moved out of scope itself may be why it is to be removed
            source_items.c.deleted.is_(False),
            source_items.c.parent_id != synced_items.c.parent_id,
            exists().where(debt.c.route == route, debt.c.id == synced_items.c.id),
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def count_outcomes(connection: Connection, plan_id: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Return for each (action, outcome) the number of lines and the bytes they stand for."""
    query = (
        select(plan_lines.c.action, plan_lines.c.outcome, func.count(), func.sum(plan_lines.c.size))
        .where(plan_lines.c.plan_id == plan_id)
        .group_by(plan_lines.c.action, plan_lines.c.outcome)
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3] or 0)) for row in connection.execute(query)}


def newest_codes(connection: Connection, plan_id: str, most: int) -> list[str]:
    """Return the codes of the copies of a plan that ended last, the newest first; empty ones ended well."""
    copies = plan_lines.c.action.in_([Action.UPLOAD.value, Action.UPDATE.value])
    query = (
        select(plan_lines.c.code)
        .where(plan_lines.c.plan_id == plan_id, copies, plan_lines.c.ended_at.is_not(None))
        .order_by(plan_lines.c.ended_at.desc(), plan_lines.c.seq.desc())
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def release_held(connection: Connection, plan_id: str, why: str) -> int:
    """Make the held removals of a plan executable, noting why; return how many lines."""
    held = (plan_lines.c.action == Action.REMOVE.value) & (plan_lines.c.outcome == Outcome.HELD.value)
    return connection.execute(
        update(plan_lines)
        .where(plan_lines.c.plan_id == plan_id, held)
        .values(outcome=Outcome.PENDING.value, detail=why)
    ).rowcount


NOT_REACHED = "The run ended before this line was reached; it stays owed."
REPLACED = "Another plan of the same run took the place of this one; it stays owed."


def end_open_lines(connection: Connection, plan_id: str, now: float, why: str = NOT_REACHED) -> int:
    """Give every line that nobody finished the outcome *deferred*; return how many. Part of closing a run."""
    return connection.execute(
        update(plan_lines)
        .where(plan_lines.c.plan_id == plan_id, plan_lines.c.outcome == Outcome.PENDING.value)
        .values(
            outcome=Outcome.DEFERRED.value,
            code=case((plan_lines.c.code == "", OPEN), else_=plan_lines.c.code),
            detail=why,
            ended_at=now,
        )
    ).rowcount
