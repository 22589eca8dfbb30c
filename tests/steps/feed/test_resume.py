"""Feed catalogue: a first crawl that dies goes on at the page where it died, whatever it died of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.planning.trees import ROOT, file
from tests.steps.feed.catalogue import publish
from tests.steps.house import House

import spfc.steps.enumerate as step
from spfc.errors import ServiceBusy
from spfc.ledger.cursors import Cursor, load_cursor
from spfc.ledger.schema import source_items
from spfc.sources.base import ChangePage
from spfc.steps.enumerate import enumerate_source

PAGES = 12
PER_PAGE = 3


class Killed(Exception):
    """The process is gone."""


@pytest.fixture
def large(house: House) -> House:
    items = [ROOT, *(file(f"f{n}", "root", f"{n}.txt", str(n)) for n in range(PAGES * PER_PAGE - 1))]
    publish(house, [items[at : at + PER_PAGE] for at in range(0, len(items), PER_PAGE)])
    return house


def stored(house: House) -> Cursor | None:
    with house.database.reading() as connection:
        return load_cursor(connection, "house")


def known(house: House) -> int:
    """Count the items that the ledger has; a first enumeration owes them at its end, all at once."""
    with house.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(source_items)).scalar_one()


def source_dies_at(house: House, number: int) -> None:
    plain = house.source.changes

    def changes(cursor: str | None) -> ChangePage:
        if (cursor or "0") == str(number):
            house.source.changes = plain  # type: ignore[method-assign]
            raise ServiceBusy("the source broke")
        return plain(cursor)

    house.source.changes = changes  # type: ignore[method-assign]


def crawl(house: House) -> dict[str, Any]:
    run = house.context()
    try:
        return enumerate_source(run)
    finally:
        house.end(run)


@pytest.mark.parametrize("number", range(PAGES))
def test_a_crawl_whose_source_breaks_at_a_page_resumes_there(large: House, number: int) -> None:
    source_dies_at(large, number)
    with pytest.raises(ServiceBusy):
        crawl(large)
    assert large.source.counts["changes"] == number
    assert known(large) == number * PER_PAGE
    told = crawl(large)
    assert large.source.counts["changes"] == PAGES + 1, "each page once, and the question whether all is quiet"
    assert (told["pages"], told["generation"], told["full"]) == (PAGES - number + 1, 1, True)
    assert told["debt"] == PAGES * PER_PAGE


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
@pytest.mark.parametrize("number", [1, 5, PAGES])
def test_a_crawl_whose_ledger_fails_at_a_page_resumes_there(
    large: House, monkeypatch: pytest.MonkeyPatch, number: int, when: str
) -> None:
    """Page and cursor are stored together, so a page is either read again as a whole or not at all."""
    plain = step.store_cursor
    calls: Iterator[int] = iter(range(1, 10_000))

    def dies(connection: Any, route: str, cursor: Cursor) -> None:
        if next(calls) == number:
            if when == "after the commit":
                plain(connection, route, cursor)
                connection.commit()
            raise Killed
        plain(connection, route, cursor)

    monkeypatch.setattr(step, "store_cursor", dies)
    with pytest.raises(Killed):
        crawl(large)
    monkeypatch.setattr(step, "store_cursor", plain)
    kept = number if when == "after the commit" else number - 1
    cursor = stored(large)
    assert (cursor.link if cursor else "0") == str(kept)
    assert known(large) == kept * PER_PAGE
    told = crawl(large)
    again = number - kept
    assert large.source.counts["changes"] == PAGES + 1 + again
    assert (told["debt"], told["generation"]) == (PAGES * PER_PAGE, 1)


def test_a_crawl_that_dies_at_every_page_still_ends(large: House) -> None:
    for number in range(PAGES):
        source_dies_at(large, number)
        with pytest.raises(ServiceBusy):
            crawl(large)
    told = crawl(large)
    assert large.source.counts["changes"] == PAGES + 1
    assert told["debt"] == PAGES * PER_PAGE


def test_what_was_read_before_is_not_swept_when_the_crawl_goes_on(large: House) -> None:
    large.run()
    large.clock.now += 8 * 86_400
    pages = {None: "p1", "p1": "p2", "p2": "p3"}
    items = list(large.source.items.values())
    parts = {None: items[:10], "p1": items[10:20], "p2": items[20:]}
    broken: list[int] = [1]

    def changes(cursor: str | None) -> ChangePage:
        if cursor == "p3":
            return ChangePage((), "p3", True)
        if cursor == "p1" and broken:
            broken.pop()
            raise ServiceBusy("no")
        return ChangePage(tuple(parts[cursor]), pages[cursor], cursor == "p2")

    large.source.changes = changes  # type: ignore[method-assign]
    with pytest.raises(ServiceBusy):
        crawl(large)
    large.run()
    assert (large.manifest, large.enumeration["full"]) == ({}, True)
