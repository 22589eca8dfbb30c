"""A folder on other storage than the rest of the mirror, and what a relocation out of it must have settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.ledger.schema import synced_items
from spfc.planning.leftovers import is_leftover
from spfc.planning.model import SourceItem

NET = {"/Net/a.txt": b"body a", "/Net/deep/b.txt": b"body b", "/Net/deep/empty": None, "/Net/deep": None}


def fill(house: House) -> House:
    """Sync a folder ``Net`` on other storage than the rest: a file, a folder with a file, an empty folder."""
    house.fields = {"limits": {"workers": 1}}
    house.publish([
        ROOT, folder("n", "root", "Net"), folder("h", "root", "Home"), folder("d", "n", "deep"),
        folder("e", "d", "empty"), house.file("1", "n", "a.txt", "body a"), house.file("2", "d", "b.txt", "body b"),
    ])  # fmt: skip
    house.target.network_folders = {"/Net"}
    house.run()
    assert house.target.tree() == {**NET, "/Net": None, "/Home": None}
    house.target.counts.clear()
    house.source.counts.clear()
    return house


def item(house: House, item_id: str, **changes: Any) -> SourceItem:
    return replace(house.source.items[item_id], version="v2", **changes)


def moved_lines(house: House) -> list[tuple[str, str, str, str]]:
    return [
        (stored.line.path, stored.outcome.value, stored.code, stored.detail)
        for stored in house.lines()
        if stored.line.action == "move"
    ]


def leftovers(house: House) -> list[str]:
    with house.database.reading() as connection:
        ids = connection.execute(select(synced_items.c.id)).scalars()
        return [item_id for item_id in ids if is_leftover(item_id)]


def settled(house: House, tree: dict[str, bytes | None]) -> None:
    """Assert that target and ledger are as they should be, and that a further run finds nothing to do."""
    assert house.target.tree() == tree
    assert house.debt() == 0
    assert leftovers(house) == []
    calls = house.target.calls
    house.run()
    assert (house.manifest, house.target.calls) == ({}, calls)


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call
