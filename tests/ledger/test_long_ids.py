"""The longest path that a source may use as an id fits into every key of the ledger."""

from __future__ import annotations

import random

from tests.planning.trees import synced

from spfc.ledger.database import Database
from spfc.ledger.observations import debt_row, load_source, load_synced, store_items
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.planning.model import Kind, SourceItem
from spfc.sources.filecloud_items import MAX_ID_BYTES, fits

ROUTE = "r" * 60


def noise(size: int) -> str:
    """Return text of ``size`` bytes that no database compresses to much less."""
    source = random.Random(7)
    return "".join(chr(source.randrange(0x4E00, 0x9FA5)) for _ in range(size // 3))


def test_the_longest_ids_fit(database: Database) -> None:
    parent = f"/{noise(MAX_ID_BYTES - 2)}/"[:500] + "/"
    name = noise(255)
    folder = SourceItem(parent, "/", name, Kind.FOLDER)
    long = parent[: (MAX_ID_BYTES - 255) // 3] + noise(255)
    assert fits(parent)
    assert fits(long)
    assert len(parent.encode()) > MAX_ID_BYTES - 10
    file = SourceItem(long, parent, name, Kind.FILE, version="1")
    with database.writing() as connection:
        store_items(connection, ROUTE, [folder, file], 1, 1.0)
        upsert(connection, synced_items, [synced_row(ROUTE, synced(item), "run", 1.0) for item in (folder, file)])
        upsert(connection, debt, [debt_row(ROUTE, long, 1.0)])
        assert load_source(connection, ROUTE, [long, parent]).keys() == {long, parent}
        assert load_synced(connection, ROUTE, [long, parent]).keys() == {long, parent}
