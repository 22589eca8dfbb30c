"""Every raw value becomes a value of its column's type, exactly, or is said not to fit."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfc.records.convert import MISFIT, convert, convert_row, instant, raw_json, same
from spfc.records.model import Column, ColumnType, PlacedColumn

T, W, N, B, M, J = tuple(ColumnType)  # text, whole number, number, boolean, moment, JSON
EIGHT = datetime(2024, 3, 1, 8, tzinfo=UTC)
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("kind", "raw", "wanted"),
    [
        (T, "Straße", "Straße"),
        (T, "", ""),
        (T, " spaced ", " spaced "),
        (T, 12, "12"),
        (T, 1.5, "1.5"),
        (T, True, "true"),
        (W, 7, 7),
        (W, "7", 7),
        (W, " -7 ", -7),
        (W, 3.0, 3),
        (W, 2**63 - 1, 2**63 - 1),
        (W, str(-(2**63)), -(2**63)),
        (N, 12.5, 12.5),
        (N, 3, 3.0),
        (N, "1e3", 1000.0),
        (N, "-.5", -0.5),
        (N, 2**53, 2.0**53),
        (N, "0.1", 0.1),
        (B, True, True),
        (B, 0, False),
        (B, 1.0, True),
        (B, "Yes", True),
        (B, "FALSE", False),
        (B, "0", False),
        (M, "2024-03-01T08:00:00Z", EIGHT),
        (M, "2024-03-01T10:00:00+02:00", EIGHT),
        (M, "2024-03-01t02:30:00-05:30", EIGHT),
        (M, "2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        (M, "2024-03-01T08:00:00.1234567Z", EIGHT.replace(microsecond=123456)),
        (M, "0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        (M, "9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (J, {"a": [1, None]}, {"a": [1, None]}),
        (J, "text", "text"),
        (J, 10**40, 10**40),
    ],
)
def test_what_fits(kind: ColumnType, raw: object, wanted: object) -> None:
    found = convert(raw, kind)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (T, "a\x00b"),
        (T, "half \ud83d"),
        (T, ["a"]),
        (T, {}),
        (T, math.nan),
        (W, 2**63),
        (W, -(2**63) - 1),
        (W, "9223372036854775808"),
        (W, 3.5),
        (W, 1e300),
        (W, True),
        (W, "seven"),
        (W, "٣"),
        (W, ""),
        (W, math.inf),
        (N, math.nan),
        (N, math.inf),
        (N, "NaN"),
        (N, "inf"),
        (N, "1e999"),
        (N, "1_000"),
        (N, "1,5"),
        (N, 2**53 + 1),
        (N, 10**400),
        (N, False),
        (N, ""),
        (B, 2),
        (B, "maybe"),
        (B, []),
        (B, math.nan),
        (M, "2024-03-01T08:00:00"),
        (M, "2024-02-30T08:00:00Z"),
        (M, "2024-03-01T24:00:00Z"),
        (M, "2024-03-01T08:00:60Z"),
        (M, "0000-01-01T00:00:00Z"),
        (M, "0001-01-01T00:00:00+01:00"),
        (M, "9999-12-31T23:59:59-01:00"),
        (M, "2024-03-01T08:00:00+99:00"),
        (M, "01.03.2024"),
        (M, 1_700_000_000),
        (J, math.nan),
        (J, ["a\x00"]),
        (J, {"a\x00": 1}),
        (J, "half \udc00"),
        (J, DEEP),
        (J, b"bytes"),
    ],
)
def test_what_does_not_fit(kind: ColumnType, raw: object) -> None:
    assert convert(raw, kind) is MISFIT


@pytest.mark.parametrize("kind", list(ColumnType))
def test_nothing_stays_nothing(kind: ColumnType) -> None:
    assert convert(None, kind) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(raw=JSON, kind=st.sampled_from(ColumnType))
def test_it_never_raises_and_is_always_of_its_type(raw: object, kind: ColumnType) -> None:
    found = convert(raw, kind)
    if found is MISFIT or found is None:
        return
    types = {T: str, W: int, N: float, B: bool, M: datetime, J: object}
    assert isinstance(found, types[kind])
    if kind is W:
        assert isinstance(found, int)
        assert -(2**63) <= found < 2**63
    # What was converted once converts to itself.
    if kind is not M:
        assert convert(found, kind) == found


@given(values=st.dictionaries(st.text(), JSON, max_size=4))
def test_raw_values_are_always_kept_as_plain_json(values: dict[str, object]) -> None:
    text = raw_json(values)
    assert text.isascii()
    assert "\x00" not in text
    assert json.loads(text, parse_constant=pytest.fail).keys() == values.keys()


def test_a_row_has_every_column_and_its_misfits_apart() -> None:
    placed = [
        PlacedColumn(Column("Title", "Title", T), "title"),
        PlacedColumn(Column("Amount", "Amount", N), "amount"),
        PlacedColumn(Column("Left", "Left", B), "left"),
    ]
    typed, misfits = convert_row({"Title": "a", "Amount": "much", "Noise": 1}, placed)
    assert typed == {"title": "a", "amount": None, "left": None}
    assert misfits == {"Amount": "much"}


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (1, True, False),
        (True, True, True),
        ([1], [True], False),
        ({"a": [0]}, {"a": [False]}, False),
        (1e300, 10**300, True),
        ([{"a": 1e300}], [{"a": 10**300}], True),
        (10**400, 10**400, True),
        (10**400, 10**401, False),
        (1, 2, False),
        (1, 1.0, True),
        (None, None, True),
        (None, 0, False),
        ("1", 1, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        (EIGHT, EIGHT, True),
    ],
)
def test_sameness(one: object, other: object, wanted: bool) -> None:
    assert same(one, other) is wanted
    assert same(other, one) is wanted


def test_moments() -> None:
    assert instant(None) is None
    assert instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert instant(10**15) is None
    assert instant(-(10**15)) is None
