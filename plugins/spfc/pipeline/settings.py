"""Where the installation keeps its things: route file, ledger, reports. Environment variables win over defaults."""

from __future__ import annotations

import os
from pathlib import Path

from spfc.errors import RouteInvalid
from spfc.route_file import read_routes
from spfc.routes import AnyRoute, ListRoute, Route

ROUTES_VARIABLE = "SPFC_ROUTES"
"""Environment variable: path of the route file."""
LEDGER_CONNECTION = "spfc_ledger"
"""Airflow connection of the ledger; without it, an SQLite file below ``AIRFLOW_HOME``."""
DAG_PREFIX = "spfc_"
"""A route ``legal`` is the DAG ``spfc_legal``."""
UNATTENDED = "unattended"
"""Key of a run's configuration: nobody will be there to ask, so held removals stay held at once."""


def airflow_home() -> Path:
    """Return Airflow's home folder."""
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def routes_file() -> Path:
    """Return the path of the route file: ``SPFC_ROUTES``, else ``include/routes.yaml`` of this project."""
    given = os.environ.get(ROUTES_VARIABLE)
    return Path(given) if given else Path(__file__).parents[3] / "include" / "routes.yaml"


def default_ledger_url() -> str:
    """Return the address of the embedded ledger."""
    return f"sqlite:///{airflow_home() / 'spfc' / 'ledger.db'}"


def dag_id(route: str) -> str:
    """Return the DAG id of a route."""
    return DAG_PREFIX + route


def find_route(name: str) -> AnyRoute:
    """Return one route of the route file; what is wrong with other entries does not matter.

    Raises :class:`~spfc.errors.RouteInvalid` for a broken entry, and for none of this name, naming those that exist.
    """
    file = read_routes(routes_file())
    route = file.find(name)
    if route is None:
        raise RouteInvalid(
            f"There is no route {name!r}.",
            hint=f"{routes_file()} has: {', '.join(sorted({*file.routes, *file.broken})) or 'none'}.",
        )
    return route


def find_file_route(name: str) -> Route:
    """Return one route that copies files. Raises RouteInvalid as :func:`find_route` does, and for another kind."""
    route = find_route(name)
    if isinstance(route, Route):
        return route
    raise RouteInvalid(
        f"Route {name!r} keeps a list in a table, so it has no files.",
        hint="This works for routes that copy files; `spfc routes` says what each route does.",
    )


def find_list_route(name: str) -> ListRoute:
    """Return one route that keeps a list. Raises RouteInvalid as :func:`find_route` does, and for another kind."""
    route = find_route(name)
    if isinstance(route, ListRoute):
        return route
    raise RouteInvalid(f"Route {name!r} copies files and keeps no list.")
