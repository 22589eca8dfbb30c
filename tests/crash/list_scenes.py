"""What people do to a list that is kept in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.table import TableWorld

from simulators.sharepoint.list_handle import ListHandle

Deeds = Callable[[ListHandle], None]

COLUMNS = (
    {"name": "Amount", "displayName": "Amount", "number": {}},
    {"name": "Due", "displayName": "Due", "dateTime": {"displayAs": "default", "format": "dateTime"}},
    {"name": "Done", "displayName": "Done", "boolean": {}},
    {"name": "Kinds", "displayName": "Kinds", "choice": {"displayAs": "checkBoxes", "choices": ["a", "b"]}},
)
RISK = {"name": "Risk", "displayName": "Risk", "text": {}}


def row(number: int) -> dict[str, Any]:
    """Return the values of one more row; some have none for a column."""
    values = {"Title": f'row {number}, "quoted"\nÜ', "Amount": number / 4, "Done": number % 2 == 0, "Kinds": ["a"]}
    return values if number % 3 else {**values, "Due": f"2024-03-{number % 28 + 1:02}T08:00:00Z"}


@contextmanager
def in_a_file(tmp: Path) -> Iterator[str]:
    """Yield the address of an empty database that is a file."""
    yield f"sqlite:///{tmp / 'lists.db'}"


@dataclass(frozen=True)
class ListScene:
    """What a list holds and what people do to it before the run that is killed, and how the route is configured.

    Before each of ``turns`` there is an undisturbed run. With ``later`` people go on between the crash and the way
    back. ``options`` are those of the run that is killed and of the ones behind it, ``verdict`` is that of the last.
    ``database`` makes an empty one.
    """

    name: str
    turns: tuple[Deeds, ...] = ()
    later: Deeds | None = None
    options: dict[str, Any] = field(default_factory=dict)
    route: dict[str, Any] = field(default_factory=dict)
    sharepoint: dict[str, Any] = field(default_factory=dict)
    snapshot: bool = False
    verdict: str = "green"
    columns: tuple[dict[str, Any], ...] = COLUMNS
    rows: tuple[dict[str, Any], ...] = tuple(row(number) for number in range(1, 13))
    database: Callable[[Path], AbstractContextManager[str]] = in_a_file
    house: type[TableWorld] = TableWorld


def _a_busy_day(people: ListHandle) -> None:
    for number in (1, 5, 12):
        people.update(number, {"Amount": 1000.5 + number, "Due": "2025-01-01T00:00:00Z"})
    people.update(7, {"Title": None, "Kinds": ["a", "b"]})
    for number in (2, 3, 11):
        people.delete(number)
    for number in range(13, 17):
        people.add(row(number))


def _second_thoughts(people: ListHandle) -> None:
    people.restore(2)
    people.update(2, {"Title": "restored and edited"})
    people.restore(11)
    people.update(1, {"Amount": 1.0})
    people.update(14, {"Done": None})
    people.delete(4)
    people.add(row(17))
    people.delete(13)


def _another_column(people: ListHandle) -> None:
    people.add_column(RISK)
    for number in (1, 6):
        people.update(number, {"Risk": "high"})
    people.add({**row(13), "Risk": "low"})
    people.delete(9)


def _more_of_it(people: ListHandle) -> None:
    people.update(2, {"Risk": "none"})
    people.delete(6)
    people.restore(9)


_MARK = {"policies": {"removals": "mark"}}
_HELD = {"policies": {"removal_guard": {"max_items": 2}}}

LIST_SCENES = {
    scene.name: scene
    for scene in (
        ListScene("list_first", snapshot=True),
        ListScene("list_round", (_a_busy_day,), snapshot=True),
        ListScene("list_restored", (_a_busy_day, _second_thoughts), route=_MARK),
        ListScene("list_held", (_a_busy_day,), route=_HELD, verdict="attention"),
        ListScene("list_moving_on", (_a_busy_day,), later=_second_thoughts, snapshot=True),
        ListScene("list_column", (_another_column,)),
        ListScene("list_column_moving_on", (_another_column,), later=_more_of_it),
        ListScene("list_full", (_a_busy_day, _second_thoughts), options={"mode": "full"}, route=_MARK),
        ListScene(
            "list_purged", (_a_busy_day, lambda people: people.update(1, {"Amount": 2.0})), options={"purge": True},
            route=_MARK,
        ),
    )
}  # fmt: skip
