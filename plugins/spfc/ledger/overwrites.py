"""What the guard of overwrites asks of the ledger: how many copies have changed, and what an earlier plan held."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, and_, case, exists, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from spfc.ledger.debts import debt_row_of, owed_items
from spfc.ledger.rows import chunks
from spfc.ledger.schema import plan_lines, plans, source_items, synced_items
from spfc.planning.debt import DebtRow
from spfc.planning.guards import TOO_MANY_CHANGES
from spfc.planning.model import Action, Kind, Outcome, Verification


def _other_content() -> ColumnElement[bool]:
    """The opposite of :func:`~spfc.planning.difference.same_content`, in SQL."""
    source, synced = source_items.c, synced_items.c
    other_size = source.size != synced.size
    return case(
        (and_(source.hash.is_not(None), synced.hash.is_not(None)), (source.hash != synced.hash) | other_size),
        (
            and_(source.content_version.is_not(None), synced.content_version.is_not(None)),
            source.content_version != synced.content_version,
        ),
        else_=other_size | (source.modified != synced.modified),
    )


def _changed() -> ColumnElement[bool]:
    return and_(
        source_items.c.deleted.is_(False),
        source_items.c.kind == Kind.FILE.value,
        synced_items.c.kind == Kind.FILE.value,
        synced_items.c.verification != Verification.FOREIGN.value,  # edited at the target: not the source's doing
        _other_content(),
    )


def count_changed(connection: Connection, route: str) -> int:
    """Return how many copies differ from their live source file, wanted or not. Reads the debt, not the library."""
    return int(connection.execute(owed_items(route, _changed()).with_only_columns(func.count())).scalar_one())


def changed_rows(connection: Connection, route: str, size: int = 2000) -> Iterator[list[DebtRow]]:
    """Yield the owed rows that :func:`count_changed` counts, in pieces."""
    result = connection.execute(owed_items(route, _changed()), execution_options={"yield_per": size})
    for piece in result.partitions(size):
        yield [debt_row_of(row) for row in piece]


def count_synced_files(connection: Connection, route: str) -> int:
    """Return how many files of the route lie at the target."""
    query = select(func.count()).where(synced_items.c.route == route, synced_items.c.kind == Kind.FILE.value)
    return int(connection.execute(query).scalar_one())


def explain_held(connection: Connection, plan_id: str, detail: str, hint: str) -> int:
    """Write down why the overwrites of a new plan are held; return how many lines."""
    return connection.execute(
        update(plan_lines)
        .where(
            plan_lines.c.plan_id == plan_id,
            plan_lines.c.action == Action.UPDATE.value,
            plan_lines.c.outcome == Outcome.HELD.value,
        )
        .values(code=TOO_MANY_CHANGES, detail=detail, hint=hint)
    ).rowcount


def plan_is_known(connection: Connection, route: str, plan_id: str) -> bool:
    """Say whether a sealed plan of this id belongs to the route."""
    query = select(plans.c.plan_id).where(plans.c.plan_id == plan_id, plans.c.route == route)
    return connection.execute(query).first() is not None


def has_held(connection: Connection, plan_id: str) -> bool:
    """Say whether the guard of overwrites held any line of a plan."""
    held = exists().where(plan_lines.c.plan_id == plan_id, plan_lines.c.code == TOO_MANY_CHANGES)
    return bool(connection.execute(select(held)).scalar_one())


def held_versions(connection: Connection, plan_id: str, ids: Collection[str]) -> dict[str, str]:
    """Return the source version, by item, whose copying the guard held in a plan."""
    found: dict[str, str] = {}
    for piece in chunks(ids):
        query = select(plan_lines.c.item_id, plan_lines.c.evidence).where(
            plan_lines.c.plan_id == plan_id,
            plan_lines.c.code == TOO_MANY_CHANGES,
            plan_lines.c.item_id.in_(piece),
        )
        for item_id, evidence in connection.execute(query):
            found[item_id] = str(json.loads(evidence).get("new_version"))
    return found
