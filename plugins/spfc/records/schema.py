"""Compare the columns of a list with those that its table was made for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from spfc.records.model import Column, ColumnChange, ColumnFate, PlacedColumn
from spfc.records.names import free_name, key, plain_name


@dataclass(frozen=True, slots=True)
class Schema:
    """The user's columns of a table: those that the list has now, in its order, and those it had before."""

    current: tuple[PlacedColumn, ...] = ()
    kept: tuple[PlacedColumn, ...] = ()

    @property
    def every(self) -> tuple[PlacedColumn, ...]:
        """All of them."""
        return self.current + self.kept


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the table is to become, what has changed, and which columns are yet to be made."""

    schema: Schema
    changes: tuple[ColumnChange, ...]
    to_make: tuple[PlacedColumn, ...]


def compare(known: Schema, columns: Sequence[Column], present: Collection[str] | None = None) -> Comparison:
    """Compare ``columns`` with what is known. ``present`` are the names that the table really has, None for no table.

    A column keeps its SQL name for ever, also one that was gone and comes back. One of another type gets a second
    column, ``<name>__<type>``; going back to the old type goes back to the old column. A column that somebody removed
    from the table is made again while the list has it. Columns that others have added to the table are left alone and
    their names avoided.
    """
    there = {key(name) for name in present or ()}
    taken = there | {key(placed.sql_name) for placed in known.every}
    last = {placed.column.name: placed for placed in (*known.kept, *known.current)}
    exact = {(placed.column.name, placed.column.type): placed for placed in known.every}
    current: list[PlacedColumn] = []
    changes: list[ColumnChange] = []
    before = {placed.sql_name for placed in known.current}
    for column in columns:
        old = exact.get((column.name, column.type))
        former = last.get(column.name)
        name = old.sql_name if old else _new_name(column, former, taken)
        taken.add(key(name))
        current.append(PlacedColumn(column, name))
        if name not in before or (present is not None and key(name) not in there):
            retyped = former is not None and former.column.type is not column.type
            changes.append(ColumnChange(column.name, name, ColumnFate.RETYPED if retyped else ColumnFate.ADDED))
    names = {placed.sql_name for placed in current}
    gone = tuple(placed for placed in known.current if placed.sql_name not in names)
    listed = {column.name for column in columns}
    changes += [ColumnChange(p.column.name, p.sql_name, ColumnFate.KEPT) for p in gone if p.column.name not in listed]
    kept = tuple(p for p in (*known.kept, *gone) if p.sql_name not in names and key(p.sql_name) in there)
    to_make = tuple(placed for placed in current if key(placed.sql_name) not in there)
    return Comparison(Schema(tuple(current), kept), tuple(changes), to_make)


def _new_name(column: Column, former: PlacedColumn | None, taken: Collection[str]) -> str:
    if former is None:
        return free_name(plain_name(column.name), taken)
    return free_name(former.sql_name.partition("__")[0], taken, f"__{column.type.value}")
