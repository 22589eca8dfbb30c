"""Says what of a JSON value does not fit the type that it is said to have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.conformance.schema.exceptions import ANNOTATIONS, EXCEPTIONS, FREE, TEXTS, Deviation
from tests.conformance.schema.metadata import UnknownType, element, graph_type, members, short

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?Z")
_BITS: Mapping[str, int] = {"Edm.Int16": 16, "Edm.Int32": 32, "Edm.Int64": 64}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. ``deviation`` names the documented exception that allows it, if one does."""

    where: str
    problem: str
    deviation: Deviation | None = None


def check(value: Any, type_name: str, where: str) -> Iterator[Finding]:
    """Compare a value with a type by name, as the metadata spells it (``Edm.Int64``, ``graph.drive``, ``drive``)."""
    inside = element(type_name)
    if inside is not None:
        yield from _collection(value, inside, where)
    elif type_name.startswith("Edm."):
        if not _is_primitive(value, type_name):
            yield _finding(where, f"{value!r} is no {type_name}", value)
    elif (allowed := members(short(type_name))) is not None:
        if value not in allowed:
            yield Finding(where, f"{value!r} is no {type_name}")
    else:
        yield from _object(value, short(type_name), where)


def _collection(value: Any, inside: str, where: str) -> Iterator[Finding]:
    if not isinstance(value, list):
        yield Finding(where, f"{type(value).__name__} where a list of {inside} belongs")
        return
    for index, part in enumerate(value):
        yield from check(part, inside, f"{where}[{index}]")


def _object(value: Any, name: str, where: str) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(where, f"{type(value).__name__} where a {name} belongs")
        return
    try:
        known = graph_type(name)
    except UnknownType:
        yield Finding(where, f"{name} is not among the types that are kept here")
        return
    for key, part in value.items():
        place = f"{where}.{key}"
        if "@" in key:
            yield from _annotation(key, part, name, place)
        elif key in known.properties:
            yield from check(part, known.properties[key], place)
        elif key in known.navigation:
            yield from check(part, known.navigation[key], place)
        elif name not in FREE:
            yield _finding(place, f"{name} has no property {key}", part)
    if name == "driveItem":
        yield from _facets(value, where)


def _facets(item: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """Graph reference 5.1: one kind at most, and a link to bytes for files alone."""
    kinds = item.keys() & {"file", "folder", "package"}
    if len(kinds) > 1:
        yield Finding(where, f"is {sorted(kinds)} at once")
    unfit = item.keys() & {"folder", "package", "deleted"}
    if "@microsoft.graph.downloadUrl" in item and unfit:
        yield Finding(where, f"has a download link beside {sorted(unfit)}")


def _annotation(key: str, value: Any, name: str, where: str) -> Iterator[Finding]:
    if key == "@odata.type":
        if value != f"#microsoft.graph.{name}":
            yield Finding(where, f"{value!r} is not the name of {name}")
    elif name in FREE and key.endswith("@odata.type"):
        if value != TEXTS:
            yield Finding(where, f"{value!r} is no type that columns are known to have")
    elif (name, key) not in ANNOTATIONS:
        yield Finding(where, f"no annotation of {name}")
    elif not isinstance(value, str) or not value:
        yield Finding(where, f"{value!r} is no text")


def _is_primitive(value: Any, type_name: str) -> bool:
    if type_name == "Edm.String":
        return isinstance(value, str)
    if type_name == "Edm.Boolean":
        return isinstance(value, bool)
    if type_name in _BITS:
        limit = 1 << (_BITS[type_name] - 1)
        return type(value) is int and -limit <= value < limit
    if type_name == "Edm.Double":
        return type(value) in (int, float)
    return type_name == "Edm.DateTimeOffset" and isinstance(value, str) and is_time(value)


def is_time(text: str) -> bool:
    """Say whether a text is an instant in UTC that ends in Z (Graph reference 17.3)."""
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _finding(where: str, problem: str, value: Any) -> Finding:
    allowed = next((e for e in EXCEPTIONS if e.covers(where, value)), None)
    return Finding(where, problem, allowed)
