"""Turn names into things: a route's connections become source, target and ledger, when a task runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy import URL

from spfc.errors import ConnectionInvalid
from spfc.filecloud import FileCloudClient, FileCloudSettings
from spfc.graph.client import GraphClient
from spfc.graph.settings import GraphSettings
from spfc.hooks.filecloud import FileCloudHook
from spfc.hooks.graph import GraphHook
from spfc.ledger.database import Database
from spfc.pipeline.budgets import Budgets
from spfc.pipeline.settings import LEDGER_CONNECTION, default_ledger_url, find_file_route
from spfc.routes import (
    FileCloudSource,
    FileTarget,
    Limits,
    ObjectStorageTarget,
    Route,
    RunOptions,
    SharePointSource,
)
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.steps.context import RunContext
from spfc.targets.filecloud import FileCloudTarget
from spfc.targets.storage.local import MIB, LocalFolderTarget

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from spfc.sources.base import Source
    from spfc.targets.base import Target

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_DRIVER_OPTIONS = frozenset(
    {"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "connect_timeout", "application_name", "options"}
)
"""Extras of a connection of type postgres that are the driver's; the rest belongs to Airflow's own hook."""


def open_run(route_name: str, run_id: str, options: RunOptions, fence: int | None) -> RunContext:
    """Return the context of one task of one run. Nothing is asked of any service before a step needs it."""
    route = find_file_route(route_name)
    database = open_ledger()
    budgets = Budgets(database, beat=lambda: run.beat())
    run = RunContext(
        route=route,
        run_id=run_id,
        options=options,
        database=database,
        make_source=lambda: budgets.paced(make_source(route, budgets), route),
        make_target=lambda: make_target(route.target, route.limits.workers),
        clock=time.time,
        fence=fence,
        at_end=budgets.settle,
    )
    return run


def make_source(route: Route, budgets: Budgets) -> Source:
    """Return the source of a route, from its Airflow connection."""
    place = route.source
    if isinstance(place, FileCloudSource):
        client = FileCloudClient(filecloud_settings(place.connection, route.limits.workers))
        return FileCloudFolder(client, place.folder, change_feed=place.change_feed)
    settings = graph_settings(place, route.limits)
    graph = GraphClient(settings, governor=budgets.governor(settings))
    return SharePointLibrary(graph, hostname=place.hostname, site_path=place.site, library=place.library)


def make_target(place: FileTarget, workers: int) -> Target:
    """Return a target, from its Airflow connection; each worker may keep a connection of its own."""
    if isinstance(place, ObjectStorageTarget):
        return make_storage(place)
    return FileCloudTarget(FileCloudClient(filecloud_settings(place.connection, workers)), place.folder)


def make_storage(place: ObjectStorageTarget) -> Target:
    """Return a local folder or a folder of an object store, from its Airflow connection if it has one."""
    if not place.local:
        raise ConnectionInvalid(f"{place.url} cannot be reached yet.")
    return LocalFolderTarget(place.folder, chunk_size=place.chunk_mib * MIB)


def graph_settings(place: SharePointSource, limits: Limits) -> GraphSettings:
    """Return what the Airflow connection of a SharePoint source says; each worker may keep a connection of its own.

    Raises ConnectionInvalid.
    """
    with _named(place.connection, GraphHook.conn_type):
        settings = GraphHook(place.connection).get_settings()
    size = max(settings.pool_size, limits.workers)
    return replace(settings, page_size=limits.page_size, pool_size=size)


def filecloud_settings(connection: str, workers: int) -> FileCloudSettings:
    """Return what an Airflow connection to FileCloud says; each worker may keep a connection of its own.

    Raises ConnectionInvalid.
    """
    with _named(connection, FileCloudHook.conn_type):
        settings = FileCloudHook(connection).get_settings()
    return replace(settings, pool_size=max(settings.pool_size, workers))


def open_ledger() -> Database:
    """Return the ledger that the Airflow connection names, else the embedded one."""
    from airflow.sdk import BaseHook

    try:
        connection = BaseHook.get_connection(LEDGER_CONNECTION)
    except AirflowNotFoundException:
        return Database(default_ledger_url())
    return Database(ledger_url(connection))


def ledger_url(connection: Connection) -> str:
    """Return the database address of a connection of type ``postgres`` or ``sqlite``."""
    if connection.conn_type == "sqlite":
        path = connection.host or connection.schema
        if not path:
            raise ConnectionInvalid(f"Connection {LEDGER_CONNECTION!r} names no database file in its field 'host'.")
        return f"sqlite:///{path}"
    driver = _DRIVERS.get(connection.conn_type or "")
    if driver is None:
        raise ConnectionInvalid(
            f"Connection {LEDGER_CONNECTION!r} has type {connection.conn_type!r}.",
            hint="The ledger needs a connection of type postgres (production) or sqlite.",
        )
    url = URL.create(
        driver,
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={name: str(value) for name, value in connection.extra_dejson.items() if name in _DRIVER_OPTIONS},
    )
    return url.render_as_string(hide_password=False)


@contextmanager
def _named(conn_id: str, conn_type: str) -> Iterator[None]:
    """Say how to add a connection that is not there."""
    try:
        yield
    except AirflowNotFoundException:
        raise ConnectionInvalid(
            f"Airflow has no connection {conn_id!r}, or cannot read it.",
            hint=f"Add it with type {conn_type!r} under Admin, Connections, or as JSON in the environment variable "
            f"AIRFLOW_CONN_{conn_id.upper()}.",
        ) from None
