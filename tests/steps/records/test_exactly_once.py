"""A run that is killed before or after any of its commits, and repeated, does what an undisturbed one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.steps.life import Crashed, MortalDatabase
from tests.steps.records.life import ListLife, Turn

from spfc.targets.records import RowAction

EFFECTS = 12
"""More side effects than any of these runs has, so that each is met."""

SCENES: dict[str, dict[str, Any]] = {
    "following": {},
    "full": {"mode": "full"},
    "purge": {"purge": True},
}


@dataclass(frozen=True)
class End:
    """What is left of a history: rows without times and run ids, the change log, the tally of the last run."""

    rows: dict[int, tuple[object, ...]]
    log: list[tuple[int, str, str]]
    tally: dict[str, object]
    effects: int


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalDatabase]:
    built = MortalDatabase(f"sqlite:///{tmp_path_factory.mktemp('once') / 'ledger.db'}")
    yield built
    built.close()


def prepared(database: MortalDatabase, folder: Path) -> ListLife:
    """A list that was read once, then marked and changed in every way."""
    life = ListLife(database, folder)
    for number in range(8):
        life.step("add", 0, number)
    life.turn(Turn(removals="mark"))
    life.book.delete(1)
    life.turn(Turn(removals="mark"))
    life.book.delete(2)
    life.book.delete(3)
    life.book.edit(4, Title="four")
    life.book.delete(8)
    life.book.silent = {7}
    life.book.delete(7)
    life.book.edit(5, Title="five")
    life.book.restore(1)
    life.book.add(Title="nine")
    life.book.add(Title="ten")
    life.perils.arm(0, after=False)
    life.run_id = "the-run"
    return life


def told(life: ListLife, options: dict[str, Any]) -> None:
    life.fields = {"policies": {"removal_guard": {"max_items": 2, "max_share": 0.5, "min_items": 1}}}
    life.sync(life.run_id, **options)


def end(life: ListLife) -> End:
    unlike = {"spfc_synced_at", "spfc_deleted_at"}
    rows = {
        number: tuple(value if name not in unlike else value is None for name, value in row.items())
        for number, row in life.raw().items()
    }
    log = [(line.id, line.action.value, line.evidence) for line in life.log("the-run")]
    counts = {action.value: life.result[action.value] for action in RowAction if action is not RowAction.UNCHANGED}
    effects = life.perils.effects
    life.session.end()
    return End(rows, log, counts, effects)


@pytest.fixture(scope="module")
def undisturbed(database: MortalDatabase, tmp_path_factory: pytest.TempPathFactory) -> dict[str, End]:
    ends = {}
    for name, options in SCENES.items():
        life = prepared(database, tmp_path_factory.mktemp(name))
        told(life, options)
        ends[name] = end(life)
    assert all(found.effects < EFFECTS for found in ends.values()), ends
    assert {action for _, action, _ in ends["full"].log} >= {"added", "updated", "restored", "held"}
    assert {action for _, action, _ in ends["following"].log} >= {"added", "updated", "restored", "deleted", "held"}
    assert {action for _, action, _ in ends["purge"].log} >= {"purged"}
    return ends


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, EFFECTS))
@pytest.mark.parametrize("scene", SCENES)
def test_killed_anywhere_and_repeated(
    database: MortalDatabase, tmp_path: Path, undisturbed: dict[str, End], scene: str, at: int, after: bool
) -> None:
    wanted = undisturbed[scene]
    life = prepared(database, tmp_path)
    life.perils.arm(at, after=after)
    if at <= wanted.effects:
        with pytest.raises(Crashed):
            told(life, SCENES[scene])
    life.perils.arm(0, after=False)
    told(life, SCENES[scene])
    found = end(life)
    assert found.rows == wanted.rows
    assert found.log == wanted.log
    assert found.tally == wanted.tally
