"""Bring a raw JSON value into the type of its column, or say that it does not fit: nothing is guessed or rounded."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from spfc.records.model import ColumnType, PlacedColumn

Typed: TypeAlias = object
"""None, str, int, float, bool, an aware datetime in UTC, or (for JSON) any JSON value."""


class Misfit:
    """The type of :data:`MISFIT`."""

    def __repr__(self) -> str:
        return "MISFIT"


MISFIT: Final = Misfit()
"""Says that a value is not of the type of its column."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2})))?",
    re.ASCII,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL keeps no NUL in a text, and no database keeps half a character."""


def convert(value: object, kind: ColumnType) -> Typed | Misfit:
    """Return ``value`` as a value of the column type ``kind``, or :data:`MISFIT`. Never raises.

    None stays None. Strict, with the leniencies that SharePoint's own habits ask for:

    * text: texts without NUL and half surrogates, as they are (an empty one stays empty); plain numbers and booleans
      as JSON writes them.
    * integer: whole numbers of 64 bits, also as text (lookup ids come so, Graph reference 7) or as ``3.0``.
    * number: finite numbers that a double holds exactly, also as decimal text (rounded as any decimal is).
    * boolean: true and false, 0 and 1, also as text, and yes and no; texts without regard to case.
    * timestamp: ISO 8601 with ``Z`` or an offset, years 1 to 9999, cut to microseconds; a date alone is its midnight
      in UTC. A time without an offset does not fit: nobody knows when it was.
    * JSON: anything that JSON and the databases can hold.
    """
    if value is None:
        return None
    try:
        return _CONVERTERS[kind](value)
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        return MISFIT


def convert_row(
    values: Mapping[str, object], columns: Sequence[PlacedColumn]
) -> tuple[dict[str, Typed], dict[str, object]]:
    """Return the values by SQL name (every column has one, None where it does not fit), and those that do not fit.

    The misfits come by internal name, raw.
    """
    typed: dict[str, Typed] = {}
    misfits: dict[str, object] = {}
    for placed in columns:
        raw = values.get(placed.column.name)
        fitting = convert(raw, placed.column.type)
        if fitting is MISFIT:
            misfits[placed.column.name] = raw
            fitting = None
        typed[placed.sql_name] = fitting
    return typed, misfits


def raw_json(values: Mapping[str, object]) -> str:
    """Return values as JSON of plain ASCII that every database keeps; what JSON cannot hold becomes a text."""
    return json.dumps({name: _storable(value) for name, value in values.items()}, separators=(",", ":"))


def same(one: Typed, other: Typed) -> bool:
    """Say whether two typed values are the same to a reader of the table.

    ``True`` is not 1. Numbers that are one double are the same however they are written: ``jsonb`` gives ``1e300`` back
    as 301 digits.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other or _as_double(one) == _as_double(other) is not None


def instant(seconds: float | None) -> datetime | None:
    """Return a moment given in seconds since 1970 UTC; None when unknown or outside the years 1 to 9999."""
    if seconds is None:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def _as_double(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def _storable(value: object) -> object:
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return f"{type(value).__name__}: {value!r:.1000}" if not isinstance(value, (dict, list)) else "not JSON"
    return value


def _text(value: object) -> Typed | Misfit:
    if isinstance(value, str):
        return MISFIT if _UNSTORABLE.search(value) else value
    return json.dumps(value, allow_nan=False) if isinstance(value, (bool, int, float)) else MISFIT


def _integer(value: object) -> Typed | Misfit:
    if isinstance(value, bool):
        return MISFIT
    if isinstance(value, str):
        value = int(value) if _WHOLE.fullmatch(value.strip()) else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) <= 2**53 else None
    return value if isinstance(value, int) and _LEAST <= value <= _MOST else MISFIT


def _number(value: object) -> Typed | Misfit:
    if isinstance(value, str):
        found = float(value) if _DECIMAL.fullmatch(value.strip()) else math.nan
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
        if found != value:  # also true of what is not a number
            return MISFIT
    else:
        return MISFIT
    return found if math.isfinite(found) else MISFIT


def _boolean(value: object) -> Typed | Misfit:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), MISFIT)
    return bool(value) if isinstance(value, (bool, int, float)) and value in (0, 1) else MISFIT


def _timestamp(value: object) -> Typed | Misfit:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return MISFIT
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC)
    if sign:
        away = timedelta(hours=int(hours), minutes=int(minutes))
        if int(minutes) > 59 or away > timedelta(hours=14):
            return MISFIT
        moment += -away if sign == "+" else away
    return moment.replace(microsecond=int((fraction or "0").ljust(6, "0")[:6]))


def _json(value: object) -> Typed | Misfit:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    return MISFIT if _UNSTORABLE.search(text) or "\\u0000" in text else value


_CONVERTERS: Mapping[ColumnType, Callable[[object], Typed | Misfit]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.JSON: _json,
}
