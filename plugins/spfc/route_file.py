"""Read ``routes.yaml``: the routes that can be used, and for each other entry what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import yaml

from spfc.errors import RouteInvalid
from spfc.route_yaml import ROUTES, parse_yaml
from spfc.routes import AnyRoute, lies_inside, parse_route


@dataclass(frozen=True, slots=True)
class BrokenRoute:
    """An entry of the route file that is no route, for reasons that stand in ``problems`` (at least one).

    ``position`` counts the entries of the file from 1 (0: unknown). ``schedule`` is what the entry says, if that is
    text.
    """

    name: str
    problems: tuple[RouteInvalid, ...]
    position: int = 0
    schedule: str | None = None

    @property
    def text(self) -> str:
        """All problems, one after another."""
        return " ".join(str(problem) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class RouteFile:
    """What a route file holds, by name and in its order: routes that can be used, and entries that cannot."""

    routes: Mapping[str, AnyRoute] = field(default_factory=dict)
    broken: Mapping[str, BrokenRoute] = field(default_factory=dict)

    def find(self, name: str) -> AnyRoute | None:
        """Return a route, None when there is no entry of this name. Raises RouteInvalid when the entry is broken."""
        if name in self.broken:
            raise _combined(self.broken[name].problems)
        return self.routes.get(name)

    def demand(self) -> dict[str, AnyRoute]:
        """Return all routes. Raises RouteInvalid, naming every problem, when there is a broken entry."""
        found = [problem for entry in self.broken.values() for problem in entry.problems]
        if found:
            raise _combined(found)
        return dict(self.routes)


def read_routes(path: Path) -> RouteFile:
    """Read a route file. Raises RouteInvalid, with a sentence a user can act on, only for the file as a whole."""
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RouteInvalid(
            f"The route file {path} cannot be read: {error.strerror}.",
            hint="Set SPFC_ROUTES to the path of your routes.yaml.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RouteInvalid(f"The route file {path} is not valid YAML: {error}.") from None


def load_routes(path: Path) -> dict[str, AnyRoute]:
    """Read a route file in which every entry has to be valid. Raises RouteInvalid naming every problem."""
    return read_routes(path).demand()


def parse_routes(document: object) -> dict[str, AnyRoute]:
    """Return all routes of a parsed route file. Raises RouteInvalid naming every problem."""
    return _sorted_out(document, {}).demand()


def _parse(text: str) -> RouteFile:
    document, repeated = parse_yaml(text)
    return _sorted_out(document, repeated)


def _sorted_out(document: object, repeated: Mapping[str, list[RouteInvalid]]) -> RouteFile:
    """Return the routes of a parsed file; an entry with any problem, or an overlap with another, is broken."""
    if not isinstance(document, Mapping) or set(document) != {ROUTES} or not isinstance(document[ROUTES], Mapping):
        raise RouteInvalid(
            "The route file must have exactly one top-level key, 'routes', holding one entry per route.",
            hint="See include/routes.yaml for an example.",
        )
    entries = {str(name): fields for name, fields in document[ROUTES].items()}
    routes: dict[str, AnyRoute] = {}
    problems: dict[str, list[RouteInvalid]] = {}
    for name, fields in entries.items():
        found = list(repeated.get(name, ()))
        try:
            routes[name] = _route(name, fields)
        except RouteInvalid as error:
            found.append(error)
        if found:
            problems[name] = found
    for pair, overlap in _shared_targets(routes.values()):
        for name in pair:
            problems.setdefault(name, []).append(overlap)
    return RouteFile(
        routes={name: route for name, route in routes.items() if name not in problems},
        broken={
            name: BrokenRoute(name, tuple(problems[name]), position, _schedule(fields))
            for position, (name, fields) in enumerate(entries.items(), 1)
            if name in problems
        },
    )


def _route(name: str, fields: object) -> AnyRoute:
    if not isinstance(fields, Mapping):
        raise RouteInvalid(f"Route {name!r} must be a mapping with 'source' and 'target'.")
    return parse_route(name, fields)


def _schedule(fields: object) -> str | None:
    found = fields.get("schedule") if isinstance(fields, Mapping) else None
    return found if isinstance(found, str) else None


def _shared_targets(routes: Iterable[AnyRoute]) -> Iterator[tuple[tuple[str, str], RouteInvalid]]:
    """Yield the pairs of routes that write into each other's folders. Neither may run: nobody knows whose they are."""
    for one, other in combinations(routes, 2):
        shared = [
            (service, a, b)
            for service, a in one.areas
            for other_service, b in other.areas
            if service == other_service and (lies_inside(a, b) or lies_inside(b, a))
        ]
        for service, a, b in shared[:1]:
            yield (
                (one.name, other.name),
                RouteInvalid(
                    f"Routes {one.name!r} and {other.name!r} write into the same place ({a} and {b} on {service}).",
                    hint="Give each route a place of its own, none inside another's; quarantine folders count too.",
                ),
            )


def _combined(problems: Iterable[RouteInvalid]) -> RouteInvalid:
    """Return one error that says everything; a problem that concerns two routes is said once."""
    found = list(dict.fromkeys(problems))
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"- {problem}" for problem in found)
    return RouteInvalid(f"The route file has {len(found)} problems:\n{listed}")
