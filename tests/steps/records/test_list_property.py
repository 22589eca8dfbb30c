"""Random histories of a list with runs between them: whatever happened, quiet runs make the table show the list."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, seed, settings
from hypothesis import strategies as st
from tests.steps.life import MortalDatabase
from tests.steps.records.life import TROUBLE, ListLife, Step, Turn

from spfc.records.model import PlacedColumn
from spfc.reporting.model import Verdict
from spfc.targets.records import RowAction, RowChange, Stage

pytestmark = pytest.mark.timeout(1200)

QUIET_RUNS = 5
DAY = 86_400.0
SEED = int(os.environ.get("SPFC_SEED", "0"))
EXAMPLES = int(os.environ.get("SPFC_EXAMPLES", "40"))

KINDS = ("add", "add", "add", "edit", "edit", "delete", "delete", "restore", "touch", "alter_quietly", "lose", "column",
         "forget", "noise")  # fmt: skip
NUMBER = st.integers(0, 99)
STEP: st.SearchStrategy[Step] = st.tuples(st.sampled_from(KINDS), NUMBER, NUMBER)
EARLY = st.integers(1, 12)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(({}, {}, {}, {"mode": "full"}, {"purge": True}))


def turns(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Turn]:
    return st.builds(
        Turn, steps=st.lists(STEP, max_size=12).map(tuple), page_size=st.integers(1, 4), repeats=st.booleans(), **more
    )


POLICIES = {
    "options": OPTIONS,
    "removals": st.sampled_from(("delete", "delete", "mark")),
    "tight": st.booleans(),
    "again": st.booleans(),
}
TROUBLED = {
    "disturbances": st.lists(st.tuples(EARLY, st.sampled_from(sorted(TROUBLE))), max_size=2).map(tuple),
    "interludes": st.lists(st.tuples(EARLY, STEP), max_size=4).map(tuple),
    "slow": st.booleans(),
}
CRASHES = {"crash": st.tuples(st.integers(0, 20), st.booleans(), st.sampled_from(("retry", "close", "vanish")))}

PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalDatabase]:
    built = MortalDatabase(f"sqlite:///{tmp_path_factory.mktemp('lists') / 'ledger.db'}")
    yield built
    built.close()


@seed(SEED)
@PROFILE
@given(history=st.lists(turns(), min_size=1, max_size=4))
def test_changes_alone(database: MortalDatabase, tmp_path: Path, history: list[Turn]) -> None:
    check(database, tmp_path, history)


@seed(SEED)
@PROFILE
@given(history=st.lists(turns(**POLICIES), min_size=1, max_size=4))
def test_policies_that_change(database: MortalDatabase, tmp_path: Path, history: list[Turn]) -> None:
    check(database, tmp_path, history)


@seed(SEED)
@PROFILE
@given(history=st.lists(turns(**TROUBLED, **POLICIES), min_size=1, max_size=4))
def test_trouble(database: MortalDatabase, tmp_path: Path, history: list[Turn]) -> None:
    check(database, tmp_path, history)


@seed(SEED)
@PROFILE
@given(history=st.lists(turns(**TROUBLED, **POLICIES, **CRASHES), min_size=1, max_size=4))
def test_crashes(database: MortalDatabase, tmp_path: Path, history: list[Turn]) -> None:
    check(database, tmp_path, history)


def check(database: MortalDatabase, folder: Path, history: list[Turn]) -> None:
    """Live through a history, then let quiet runs follow, and hold the engine to its promises all the way."""
    life = ListLife(database, folder)
    for turn in history:
        before = set(life.rows())
        life.live(turn)
        note(f"{turn}: {life.error}")
        after_run(life, before)
    runs = 0
    while runs < 2 or not settled(life):
        assert runs < QUIET_RUNS, f"not settled after {runs} quiet runs: {life.error}"
        life.clock.now += DAY
        before = set(life.rows())
        # The first may go on with a reading that is under way, and an item that this had shown may be gone since.
        options: dict[str, Any] = {"mode": "full"} if runs < 2 else {}
        life.turn(Turn(options=options if life.book.items else {**options, "purge": True}))
        note(f"quiet: {life.error} {life.result}")
        after_run(life, before)
        runs += 1
    event(f"{runs} quiet runs")
    nothing_is_lost(life)
    repeating_is_harmless(life)
    life.session.end()


def settled(life: ListLife) -> bool:
    return not life.error and bool(life.result.get("quiet"))


def after_run(life: ListLife, before: set[int]) -> None:
    """What holds after every run, however it ended."""
    rows, raw = life.rows(), life.raw()
    lines = life.log()
    # Nothing leaves without a line.
    gone = {line.id for line in lines if line.action in (RowAction.DELETED, RowAction.MARKED, RowAction.HELD)}
    assert before - set(rows) <= gone
    if not raw and life.table().load() is None:
        return
    # Counts that are kept along are those of the rows.
    standing = life.standing()
    assert (standing.living, standing.marked) == (len(rows), len(raw) - len(rows))
    # Nothing is invented.
    for number, row in rows.items():
        told = {(n, version) for n, version, _ in life.told_versions}
        assert (number, row["spfc_version"]) in told
    replay(life.every_line(), rows, raw)
    table = life.table()
    state = table.load()
    assert state is not None
    # Between rounds there is always a cursor; while reading there is none.
    assert (state.cursor is None) == (state.stage is Stage.READING)
    if life.closed is not None and life.error == "" and life.result.get("quiet"):
        assert life.closed.verdict is not Verdict.FAILED
        assert state.stage is Stage.FOLLOWING
        assert state.page is None
    table.close()


FROM = {
    RowAction.ADDED: {"none"},
    RowAction.UPDATED: {"living"},
    RowAction.RESTORED: {"marked"},
    RowAction.DELETED: {"living"},
    RowAction.MARKED: {"living"},
    RowAction.HELD: {"living"},
    RowAction.PURGED: {"marked"},
}
TO = {
    RowAction.ADDED: "living",
    RowAction.UPDATED: "living",
    RowAction.RESTORED: "living",
    RowAction.DELETED: "none",
    RowAction.MARKED: "marked",
    RowAction.HELD: "marked",
    RowAction.PURGED: "none",
}


def replay(lines: list[RowChange], rows: dict[int, dict[str, object]], raw: dict[int, dict[str, Any]]) -> None:
    """The change log tells the life of every row without a gap or a repetition, up to what is there now."""
    stands: dict[int, str] = {}
    for line in lines:
        # Rows of the very first reading have no line.
        known = stands.get(line.id)
        assert known is None or known in FROM[line.action], f"{line} after {known}"
        stands[line.id] = TO[line.action]
    for number, state in stands.items():
        found = "living" if number in rows else "marked" if number in raw else "none"
        assert found == state, f"row {number} is {found}, but the log says {state}"


def nothing_is_lost(life: ListLife) -> None:
    """The table shows the list."""
    table = life.table()
    placed = table._session.read(table._known).schema.current
    table.close()
    assert {p.column for p in placed} == set(life.book.columns_now)
    assert shown(life, placed) == life.wanted(placed)


def shown(life: ListLife, placed: tuple[PlacedColumn, ...]) -> dict[int, dict[str, object]]:
    names = {p.sql_name for p in placed} | {"spfc_version", "spfc_created_at", "spfc_modified_at"}
    return {
        number: {name: value for name, value in row.items() if name in names} for number, row in life.rows().items()
    }


def repeating_is_harmless(life: ListLife) -> None:
    """A run without changes asks once and writes no row."""
    before, calls = life.raw(), life.book.calls
    life.turn(Turn())
    assert not life.error
    assert life.book.calls == calls + 1
    assert life.raw() == before
    assert life.log() == []
