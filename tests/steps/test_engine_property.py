"""Random histories of a library with runs between them: whatever happened, quiet runs bring the target there."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, seed, settings
from hypothesis import strategies as st
from tests.steps import promises
from tests.steps.history import Step
from tests.steps.life import DISTURBANCES, REFUSALS, InlineCrew, InlineExecutor, Life, MortalDatabase, Turn

pytestmark = pytest.mark.timeout(1200)  # a failing history takes its time to shrink

QUIET_RUNS = 6
"""At most so many runs without a change until nothing is owed."""

DAY = 86_400.0
SEED = int(os.environ.get("SPFC_SEED", "0"))

KINDS = ("new_file", "new_file", "new_folder", "edit", "edit_back", "retag", "lie", "rename", "move", "nest", "lift",
         "cycle", "delete", "restore", "recreate")  # fmt: skip
NUMBER = st.integers(0, 999)
STEP: st.SearchStrategy[Step] = st.tuples(st.sampled_from(KINDS), NUMBER, NUMBER, NUMBER)
EARLY = st.integers(1, 25)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        {},
        {},
        {},
        {"mode": "full"},
        {"mode": "retry_failed"},
        {"max_documents": 1},
        {"paths": ("/a",)},
        {"dry_run": True},
    )
)
FILTERS = st.sampled_from(((), ("skip*",), ("a", "c*")))


def turns(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Turn]:
    return st.builds(Turn, steps=st.lists(STEP, max_size=8).map(tuple), **more)


POLICIES = {
    "options": OPTIONS,
    "exclude": FILTERS,
    "empty_folders": st.booleans(),
    "removals": st.sampled_from(("quarantine", "delete", "keep")),
    "again": st.sampled_from(((), (), ("enumerate", "plan", "structure", "transfer", "empty", "removals"), ("plan",))),
}
TROUBLE = {
    "refusals": st.lists(st.tuples(EARLY, st.sampled_from(sorted(REFUSALS)), st.booleans()), max_size=3).map(tuple),
    "disturbances": st.lists(st.tuples(EARLY, st.sampled_from(sorted(DISTURBANCES))), max_size=2).map(tuple),
    "interludes": st.lists(st.tuples(EARLY, STEP), max_size=3).map(tuple),
    "slow": st.booleans(),
}
CRASHES = {
    "crash": st.tuples(st.integers(0, 60), st.booleans(), st.sampled_from(("retry", "close", "vanish"))),
    "options": st.sampled_from(({}, {}, {"mode": "full"})),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalDatabase]:
    built = MortalDatabase(f"sqlite:///{tmp_path_factory.mktemp('lives') / 'ledger.db'}")
    yield built
    built.close()


@pytest.fixture(scope="module", autouse=True)
def one_after_the_other() -> Iterator[None]:
    """Threads would make a history that cannot be told again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spfc.transfer.pool.Crew", InlineCrew)
        patch.setattr("spfc.steps.structure.ThreadPoolExecutor", InlineExecutor)
        yield


NAMES = (f"life{number}" for number in itertools.count(1))

EXAMPLES = int(os.environ.get("SPFC_EXAMPLES", "100"))
"""Of each test; together with the planner's own (tests/planning/test_property.py) 2,000."""

PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(database: MortalDatabase, folder: Path, surprise: int, history: list[Turn], *, has_feed: bool = True) -> None:
    """Live through a history, then let quiet runs follow, and hold the engine to its promises all the way."""
    life = Life(database, next(NAMES), surprise, folder)
    life.library.has_feed = has_feed
    before = life.shot()
    for turn in history:
        life.live(turn)
        before = promises.after_run(life, before)
        _tell(life)
    last = history[-1]
    runs, least = 0, 1 if has_feed else 2  # without a feed, the first may only end what an earlier run began to list
    while runs < least or before.debt:
        assert runs < QUIET_RUNS, f"{before.debt} items are still owed after {runs} quiet runs"
        life.clock.now += DAY
        options = {} if runs else {"mode": "full"}
        life.run(Turn(exclude=last.exclude, empty_folders=last.empty_folders, removals=last.removals, options=options))
        before = promises.after_run(life, before)
        _tell(life)
        runs += 1
    event(f"{runs} quiet runs")
    promises.nothing_is_lost(life)
    promises.repeating_is_harmless(life)


def _tell(life: Life) -> None:
    note(f"{life.turn}: {life.error()}")
    for stored in life.lines():
        line = stored.line
        note(f"  {line.action} {line.reason} {line.item_id} {line.from_path or ''} -> {line.target_path} "
             f"{stored.outcome} {stored.code}")  # fmt: skip


SEEDS = st.integers(0, 2**16)


@seed(SEED)
@PROFILE
@given(surprise=SEEDS, history=st.lists(turns(), min_size=1, max_size=3))
def test_changes_alone(database: MortalDatabase, tmp_path: Path, surprise: int, history: list[Turn]) -> None:
    check(database, tmp_path, surprise, history)


@seed(SEED)
@PROFILE
@given(surprise=SEEDS, history=st.lists(turns(**POLICIES), min_size=1, max_size=3))
def test_policies_that_change(database: MortalDatabase, tmp_path: Path, surprise: int, history: list[Turn]) -> None:
    check(database, tmp_path, surprise, history)


@seed(SEED)
@PROFILE
@given(surprise=SEEDS, history=st.lists(turns(**TROUBLE), min_size=1, max_size=3))
def test_trouble_on_both_sides(database: MortalDatabase, tmp_path: Path, surprise: int, history: list[Turn]) -> None:
    check(database, tmp_path, surprise, history)


@seed(SEED)
@PROFILE
@given(surprise=SEEDS, history=st.lists(turns(**CRASHES), min_size=1, max_size=3))
def test_crashes(database: MortalDatabase, tmp_path: Path, surprise: int, history: list[Turn]) -> None:
    check(database, tmp_path, surprise, history)


@seed(SEED)
@settings(PROFILE, max_examples=max(10, EXAMPLES // 8))
@given(surprise=SEEDS, history=st.lists(turns(**POLICIES | TROUBLE | CRASHES), min_size=1, max_size=3))
def test_without_a_change_feed(database: MortalDatabase, tmp_path: Path, surprise: int, history: list[Turn]) -> None:
    """Each run enumerates everything, or goes on with the enumeration that broke off."""
    check(database, tmp_path, surprise, history, has_feed=False)
