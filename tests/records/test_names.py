"""Names of table columns are readable, plain, free, short, and never change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfc.records.model import Column, ColumnFate, ColumnType
from spfc.records.names import LONGEST, LONGEST_OF_ALL, RESERVED, free_name, key, plain_name
from spfc.records.schema import Schema, compare


@pytest.mark.parametrize(
    ("internal", "wanted"),
    [
        ("Title", "title"),
        ("Due_x0020_Date", "due_date"),
        ("_x00c4_mter", "ämter"),
        ("Größe", "größe"),
        ("数量", "数量"),
        ('a"; DROP TABLE x --', "a_drop_table_x"),
        ("100_x0025_", "c_100"),
        ("", "c"),
        ("_x002e_", "c"),
        ("spfc_id", "c_spfc_id"),
        ("SPFC_anything", "c_spfc_anything"),
        ("xmin", "c_xmin"),
        ("a__b", "a_b"),
        ("order", "order"),
    ],
)
def test_plain_names(internal: str, wanted: str) -> None:
    assert plain_name(internal) == wanted


@given(st.text())
def test_every_name_is_plain_and_short(internal: str) -> None:
    name = plain_name(internal)
    assert 0 < len(name.encode()) <= LONGEST
    assert not name.startswith("spfc_")
    assert not name[0].isdigit()
    assert name not in RESERVED
    assert all(letter.isalnum() or letter == "_" for letter in name) or not name.isascii()


def columns(*specs: tuple[str, ColumnType]) -> list[Column]:
    return [Column(name, name, kind) for name, kind in specs]


TYPES = st.sampled_from(ColumnType)
LISTS = st.lists(
    st.tuples(st.sampled_from(["A", "a", "A_x0020_", "B", "b_", "x" * 70, "X" * 70 + "y", "é" * 40]), TYPES),
    unique_by=lambda spec: spec[0],
    max_size=6,
)


@given(history=st.lists(LISTS, max_size=5))
def test_a_column_keeps_its_name_for_ever_and_shares_it_with_none(history: list[list[tuple[str, ColumnType]]]) -> None:
    schema, names = Schema(), {}
    present: list[str] | None = None
    for specs in history:
        compared = compare(schema, columns(*specs), present)
        schema = compared.schema
        assert [placed.column for placed in schema.current] == columns(*specs)
        taken = [key(placed.sql_name) for placed in schema.every]
        assert len(set(taken)) == len(taken)
        for placed in schema.every:
            known = names.setdefault((placed.column.name, placed.column.type), placed.sql_name)
            assert placed.sql_name == known
            assert len(placed.sql_name.encode()) <= LONGEST_OF_ALL
        present = [*(present or ()), *(placed.sql_name for placed in compared.to_make)]
        assert {placed.sql_name for placed in schema.every} <= set(present)
        assert len(set(map(key, present))) == len(present)
        again = compare(schema, columns(*specs), present)
        assert (again.schema, again.changes, again.to_make) == (schema, (), ())


def test_names_of_others_are_avoided() -> None:
    compared = compare(Schema(), columns(("Title", ColumnType.TEXT)), ["spfc_id", "TITLE"])
    assert compared.schema.current[0].sql_name == "title_2"


def test_a_column_that_was_dropped_by_hand_is_made_again_while_the_list_has_it() -> None:
    first = compare(Schema(), columns(("A", ColumnType.TEXT), ("B", ColumnType.TEXT)))
    again = compare(first.schema, columns(("A", ColumnType.TEXT), ("B", ColumnType.TEXT)), ["spfc_id", "b"])
    assert [placed.sql_name for placed in again.to_make] == ["a"]
    assert [(change.sql_name, change.fate) for change in again.changes] == [("a", ColumnFate.ADDED)]
    gone = compare(first.schema, columns(("A", ColumnType.TEXT)), ["spfc_id", "a"])
    assert gone.to_make == ()
    assert gone.schema.kept == ()


def test_a_name_is_cut_at_whole_characters() -> None:
    name = free_name("é" * 40, {key("é" * 27)}, "")
    assert len(name.encode()) <= LONGEST
    assert free_name("x" * 60, (), "__timestamp") == "x" * 52 + "__timestamp"
