"""Where the installation keeps its things: route file, ledger, reports. Environment variables win over defaults."""

from __future__ import annotations

import os
from pathlib import Path

from spfc.errors import RouteInvalid
from spfc.routes import Route, load_routes

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


def find_route(name: str) -> Route:
    """Return one route of the route file. Raises :class:`~spfc.errors.RouteInvalid` naming those that exist."""
    routes = load_routes(routes_file())
    if name not in routes:
        raise RouteInvalid(
            f"There is no route {name!r}.",
            hint=f"{routes_file()} has: {', '.join(sorted(routes)) or 'none'}.",
        )
    return routes[name]
