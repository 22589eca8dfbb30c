"""Bring the synced tree in line with what an audit saw at the target, and owe what is to be repaired."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from spfc.ledger.observations import debt_row
from spfc.ledger.rows import SYNCED_COLUMNS, chunks, synced_item, upsert
from spfc.ledger.schema import debt, source_items, synced_items
from spfc.ledger.surroundings import subtree
from spfc.planning.audit import Drift, Finding
from spfc.planning.model import Kind, Reason, SyncedItem, Verification
from spfc.planning.names import fold


def synced_children(connection: Connection, route: str, folders: Collection[str]) -> dict[str, list[SyncedItem]]:
    """Return the synced items directly in each of ``folders``, by folder id; empty folders are in it too."""
    found: dict[str, list[SyncedItem]] = {folder: [] for folder in folders}
    for piece in chunks(folders):
        query = select(*SYNCED_COLUMNS).where(synced_items.c.route == route, synced_items.c.parent_id.in_(piece))
        for row in connection.execute(query):
            item = synced_item(row)
            found[item.parent_id or ""].append(item)
    return found


def synced_in_window(connection: Connection, route: str, start: float, end: float) -> dict[str, list[SyncedItem]]:
    """Return the synced files whose source was last modified in ``[start, end)``, by the folder they lie in."""
    query = (
        select(*SYNCED_COLUMNS)
        .join(source_items, (source_items.c.route == route) & (source_items.c.id == synced_items.c.id))
        .where(
            synced_items.c.route == route,
            source_items.c.kind == Kind.FILE.value,
            source_items.c.deleted.is_(False),
            source_items.c.modified >= start,
            source_items.c.modified < end,
        )
    )
    found: dict[str, list[SyncedItem]] = {}
    for row in connection.execute(query):
        item = synced_item(row)
        found.setdefault(item.parent_id or "", []).append(item)
    return found


def store_findings(connection: Connection, route: str, now: float, findings: Sequence[Finding]) -> None:
    """Write down what the target really holds. What is missing or changed is owed from now on.

    Repeating it changes nothing: a finding that was stored is no finding any more, a changed copy aside.
    """
    for finding in findings:
        if finding.drift is Drift.MISSING:
            forget_missing(connection, route, now, finding.item.id)
        else:
            _correct(connection, route, now, finding)


def forget_missing(connection: Connection, route: str, now: float, item_id: str) -> None:
    """Forget an item that is not at the target any more, with everything below it, and owe all of it."""
    tree = subtree(route, item_id)
    ids = list(connection.execute(select(tree.c.id)).scalars())
    for piece in chunks(ids):
        rows = [debt_row(route, each, now, Reason.MISSING_AT_TARGET.value) for each in piece]
        upsert(connection, debt, rows, update=("last_code", "next_try"))
        connection.execute(delete(synced_items).where(synced_items.c.route == route, synced_items.c.id.in_(piece)))


def _correct(connection: Connection, route: str, now: float, finding: Finding) -> None:
    values = _truth(finding)
    mine = (synced_items.c.route == route) & (synced_items.c.id == finding.item.id)
    connection.execute(update(synced_items).where(mine).values(values))
    if finding.drift is not Drift.RETAGGED:
        upsert(connection, debt, [debt_row(route, finding.item.id, now)], update=("next_try",))


def _truth(finding: Finding) -> dict[str, Any]:
    """Return what the synced row must say so that it describes the target."""
    entry = finding.entry
    if entry is None:
        raise ValueError(f"a finding of {finding.drift} needs what stands at the target")
    if finding.drift is Drift.RENAMED:
        # A name that the source does not have: the planner moves the item back to its own.
        return {"target_name": entry.name, "source_name": entry.name, "fold": fold(entry.name)}
    if finding.drift is Drift.RETAGGED:
        return {"target_etag": entry.etag}
    return {
        "size": entry.size,
        "modified": entry.modified or 0,
        "target_etag": entry.etag,
        "version": "",
        "content_version": None,
        "hash": None,
        "verification": Verification.FOREIGN.value,
    }
