"""Whatever people do to a list, in whatever order the feed tells it: following it to quiet ends with the same rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.clients import client_of

from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from simulators.sharepoint.list_handle import ListHandle
from spfc.errors import CursorExpired
from spfc.sources.sharepoint_list import SharePointList

KNOBS = {
    "plain": SharePointKnobs(),
    "repeating": SharePointKnobs(delta_dup_rate=1.0, delta_order="parents-first", delta_deleted_page_size=2),
    "ragged": SharePointKnobs(delta_empty_pages=1, delta_dup_rate=0.5, delta_order="child-first"),
}
DEEDS = st.sampled_from(["add", "edit", "delete", "restore", "bounce", "page", "page", "page", "expire"])
STEPS = st.lists(st.tuples(DEEDS, st.integers(0, 1000)), max_size=40)
NUMBERS = itertools.count(1)


class Follower:
    """A reader that keeps rows by id and sweeps after a full reading, as the engine does."""

    def __init__(self, source: SharePointList) -> None:
        self.source = source
        self.rows: dict[int, object] = {}
        self.cursor: str | None = None
        self.shown: set[int] | None = set()
        """What the full reading has shown so far, None when none is under way."""

    def page(self) -> bool:
        """Read one page; say whether a round ended that told nothing."""
        try:
            page = self.source.changes(self.cursor)
        except CursorExpired as expired:
            self.cursor, self.shown = expired.restart, set()
            return False
        for record in page.records:
            if record.deleted:
                self.rows.pop(record.id, None)
            else:
                self.rows[record.id] = record.values["Title"]
        if self.shown is not None:
            self.shown |= {record.id for record in page.records}
            if page.complete:
                self.rows = {row_id: title for row_id, title in self.rows.items() if row_id in self.shown}
                self.shown = None
        self.cursor = page.cursor
        return page.complete and not page.records and self.shown is None


@pytest.fixture(scope="module", params=sorted(KNOBS))
def simulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharePointSimulator]:
    root: Path = tmp_path_factory.mktemp("lists")
    (root / "library").mkdir()
    with SharePointSimulator(root / "library", state_dir=root / "state", knobs=KNOBS[request.param]) as running:
        yield running


def _do(made: ListHandle, deleted: list[int], deed: str, number: int) -> None:
    living = sorted(made.rows())
    if deed == "add":
        made.add({"Title": f"added {number}"})
    elif deed == "restore" and deleted:
        made.restore(deleted.pop(number % len(deleted)))
    elif living and deed == "edit":
        made.update(living[number % len(living)], {"Title": f"edited {number}"})
    elif living and deed == "delete":
        deleted.append(living[number % len(living)])
        made.delete(deleted[-1])
    elif living and deed == "bounce":
        made.delete(living[number % len(living)])
        made.restore(living[number % len(living)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(0, 12), steps=STEPS, page_size=st.sampled_from([1, 3, 1000]))
def test_a_follower_ends_with_the_rows_of_the_list(
    simulator: SharePointSimulator, rows: int, steps: list[tuple[str, int]], page_size: int
) -> None:
    name = f"List {next(NUMBERS)}"
    made = simulator.lists.create(name, [], [{"Title": f"row {n}"} for n in range(rows)])
    source = SharePointList(
        client_of(simulator, page_size=page_size),
        hostname=simulator.site_hostname,
        site_path=simulator.site_path,
        list_name=made.id,
    )
    source.bind(None)
    follower, deleted = Follower(source), []
    for deed, number in steps:
        if deed == "page":
            follower.page()
        elif deed == "expire":
            simulator.replace_faults([{"id": "gone", "operation": "list_delta", "action": {"kind": "gone"}}])
        else:
            _do(made, deleted, deed, number)
    for _ in range(300):
        if follower.page():
            break
    else:
        raise AssertionError("the list never becomes quiet")
    assert follower.rows == {row_id: values["Title"] for row_id, values in made.rows().items()}
