"""Microsoft's published types (graph-types-v1.json, its ``source`` says of when), with inheritance resolved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("graph-types-v1.json")
_SHORT, _LONG = "graph.", "microsoft.graph."
ENTITY_SETS: Mapping[str, str] = {
    "sites": "site", "drives": "drive", "subscriptions": "subscription", "users": "user",
}  # fmt: skip
"""Where an ``@odata.context`` may begin, and what type that is."""


@dataclass(frozen=True, slots=True)
class GraphType:
    """A type: its short name, and what its properties and navigation properties hold, inherited ones included."""

    name: str
    properties: Mapping[str, str]
    navigation: Mapping[str, str]


class UnknownType(LookupError):
    """The metadata, or the part of it that is kept here, has no type of that name."""


def short(name: str) -> str:
    """Return ``driveItem`` for ``graph.driveItem``; names of other spaces (``Edm.String``) stay."""
    for prefix in (_LONG, _SHORT):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def element(name: str) -> str | None:
    """Return what a collection holds, None when the type is no collection."""
    return short(name[len("Collection(") : -1]) if name.startswith("Collection(") else None


@cache
def graph_type(name: str) -> GraphType:
    """Return a type by its short name. Raises UnknownType."""
    raw = _types().get(_LONG + name)
    if raw is None:
        raise UnknownType(name)
    base = graph_type(short(raw["base"])) if raw["base"] else GraphType("", {}, {})
    return GraphType(name, {**base.properties, **raw["props"]}, {**base.navigation, **raw["nav"]})


@cache
def members(name: str) -> frozenset[str] | None:
    """Return the values of an enumeration by its short name, None when it is none."""
    found = _document()["enums"].get(_LONG + name)
    return None if found is None else frozenset(found)


@lru_cache(maxsize=1)
def _document() -> dict[str, dict[str, list[str]]]:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _types() -> dict[str, dict]:
    return _document()["types"]
