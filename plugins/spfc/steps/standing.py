"""Notice when the configuration of a route has changed under a ledger that remembers the old one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from spfc.errors import RouteInvalid
from spfc.ledger.cursors import Cursor, store_cursor
from spfc.ledger.owing import owe_everything_changed, owe_everything_missing
from spfc.routes import BaseRoute, ListRoute, Route
from spfc.sources.base import IDENTITY

PLACE = "place"
"""Key of the binding under which the ledger remembers which pair of places it speaks of."""


def place_of(route: BaseRoute) -> str:
    """Return the pair of places that a route's ledger rows are about."""
    return " -> ".join(route.ends)


def check_place(route: BaseRoute, binding: Mapping[str, str]) -> None:
    """Refuse a route that was pointed elsewhere under its old name: the ledger would be wrong about the new place.

    Another address of the source may be a new name of the same place: :func:`check_source` tells when it was found.
    """
    known = binding.get(PLACE)
    same_target = known is not None and known.endswith(f" -> {route.ends[1]}")
    if known is not None and known != place_of(route) and not (same_target and binding.get(IDENTITY)):
        raise _elsewhere(route, known)


def check_source(route: BaseRoute, known: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Refuse a route whose new address leads to another source than its ledger is about; a renamed one is the same."""
    place = known.get(PLACE)
    if place is not None and place != place_of(route) and known.get(IDENTITY) != found.get(IDENTITY):
        raise _elsewhere(route, place)


def _elsewhere(route: BaseRoute, known: str) -> RouteInvalid:
    lists = isinstance(route, ListRoute)
    return RouteInvalid(
        f"Route {route.name!r} now says {place_of(route)}, but its {'table' if lists else 'ledger'} is about {known}.",
        hint="Set it back, or give the new pair a new route name"
        + (" and a table of its own." if lists else ": files that are there already are adopted."),
    )


def follow_filters(connection: Connection, route: Route, cursor: Cursor, now: float) -> Cursor:
    """When the filters of the route have changed, owe what was never copied, and copies that fell behind meanwhile."""
    scope = scope_digest(route)
    if cursor.scope == scope:
        return cursor
    if cursor.scope:
        owe_everything_missing(connection, route.name, now)
        owe_everything_changed(connection, route.name, now)
    moved = replace(cursor, scope=scope)
    store_cursor(connection, route.name, moved)
    return moved


def scope_digest(route: Route) -> str:
    """Return a digest of everything that decides which items of the source the route wants."""
    scope = [route.source.below, sorted(route.filters.exclude), route.policies.empty_folders]
    return hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:16]
