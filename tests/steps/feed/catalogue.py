"""Golden cases of the change feed: what comes in, which plan lines come out, and what then stands at the target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.house import House

from spfc.planning.model import Kind, SourceItem

Page = Iterable[SourceItem]
A, B, DEEP = folder("a", "root", "A"), folder("b", "root", "B"), folder("d", "b", "Deep")
ONE, TWO, THREE = file("1", "a", "one.txt", "1"), file("2", "a", "two.txt", "22"), file("3", "d", "three.txt", "333")
FOUR = file("4", "root", "four.txt", "4444")
START: tuple[SourceItem, ...] = (ROOT, A, B, DEEP, ONE, TWO, THREE, FOUR)
"""The library before each case. In all cases the content of a file is its length in digits."""
AT_START: Mapping[str, bytes | None] = {
    "/A": None, "/A/one.txt": b"1", "/A/two.txt": b"22", "/B": None, "/B/Deep": None, "/B/Deep/three.txt": b"333",
    "/four.txt": b"4444",
}  # fmt: skip


def gone(item_id: str, **more: Any) -> SourceItem:
    """What the feed says of a deleted item: nothing but its id (Graph reference 6.5)."""
    return SourceItem(item_id, None, "", Kind.FILE, deleted=True, **more)


def package(item_id: str, parent: str, name: str) -> SourceItem:
    return SourceItem(item_id, parent, name, Kind.PACKAGE)


def shortcut(item_id: str, parent: str, name: str) -> SourceItem:
    return SourceItem(item_id, parent, name, Kind.LINK)


@dataclass(frozen=True)
class Case:
    """One row of the table.

    ``rounds`` are rounds of pages that one run reads. ``lines`` are the plan's, as ``outcome action reason path``.
    ``minus`` are paths that the target loses and ``plus`` those that it gains, against :data:`AT_START`. ``debt`` is
    what stays owed. ``fields`` are settings of the route, from the start on. ``before`` is read by a run of its own.
    """

    name: str
    rounds: tuple[tuple[Page, ...], ...]
    lines: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    plus: Mapping[str, bytes | None] = field(default_factory=dict)
    debt: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Page, ...] = ()
    start: tuple[SourceItem, ...] = START
    refreshed: int = 0
    known: tuple[SourceItem, ...] = ()
    """Items that the source has but that its feed does not show."""


def pages(*one_round: Page) -> tuple[tuple[Page, ...], ...]:
    """A single round."""
    return (tuple(tuple(page) for page in one_round),)


def table(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def put(house: House, items: Page) -> list[SourceItem]:
    """Let the source hold the content of the files among ``items``; return the items as it lists them."""
    return [
        house.source.put(item, item.hash.encode())
        if item.kind is Kind.FILE and item.hash and not item.deleted
        else item
        for item in items
    ]


def publish(house: House, one_round: Iterable[Page]) -> None:
    house.publish(*[put(house, page) for page in one_round])


def told(house: House) -> list[str]:
    """Return the lines of the last plan as the tables write them."""
    if not house.manifest:
        return []
    lines = [(stored.outcome.value, stored.line) for stored in house.lines()]
    return sorted(f"{outcome} {line.action.value} {line.reason.value} {line.path}" for outcome, line in lines)


def begin(house: House, case: Case) -> None:
    house.fields = dict(case.fields)
    publish(house, [case.start])
    house.run()
    if case.before:
        publish(house, case.before)
        house.run()
    house.source.counts.clear()


def check(house: House, case: Case) -> None:
    """Run a case and compare everything; then a quiet run must change nothing more."""
    begin(house, case)
    put(house, case.known)
    house.source.items |= {item.id: item for item in case.known}
    for one_round in case.rounds:
        publish(house, one_round)
    house.run()
    expected = {path: body for path, body in AT_START.items() if path not in case.minus} | dict(case.plus)
    assert told(house) == sorted(case.lines)
    assert house.target.tree() == expected
    assert house.debt() == case.debt
    assert house.source.counts["refresh"] == case.refreshed
    counts = house.target.counts.copy()
    house.run()
    if case.debt == 0:
        assert house.manifest == {}
        assert house.target.counts == counts
    assert house.target.tree() == expected
