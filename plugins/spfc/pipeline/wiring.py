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
from spfc.hooks.storage import MIB, storage_target
from spfc.ledger.database import Database
from spfc.pipeline.budgets import Budgets
from spfc.pipeline.settings import LEDGER_CONNECTION, default_ledger_url, find_file_route, find_list_route
from spfc.routes import (
    FileCloudSource,
    FileTarget,
    ListRoute,
    ListRunOptions,
    ObjectStorageTarget,
    Route,
    RunOptions,
)
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.sources.sharepoint_list import SharePointList
from spfc.steps.context import ListRun, RunContext
from spfc.targets.filecloud import FileCloudTarget
from spfc.targets.sql_table import SqlTable

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from spfc.sources.base import Source
    from spfc.sources.records import RecordSource
    from spfc.targets.base import Target
    from spfc.targets.records import RecordTable

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


def open_list_run(route_name: str, run_id: str, options: ListRunOptions, fence: int | None) -> ListRun:
    """Return the context of one task of one run of a list. Nothing is asked of any service before a step needs it."""
    route = find_list_route(route_name)
    database = open_ledger()
    budgets = Budgets(database, beat=lambda: run.beat())
    run = ListRun(
        route=route,
        run_id=run_id,
        options=options,
        database=database,
        make_source=lambda: make_record_source(route, budgets),
        make_target=lambda: make_table(route),
        clock=time.time,
        fence=fence,
        at_end=budgets.settle,
    )
    return run


def make_record_source(route: ListRoute, budgets: Budgets) -> RecordSource:
    """Return the list of a route, from its Airflow connection."""
    place = route.source
    settings = graph_settings(place.connection, page_size=route.limits.page_size)
    client = GraphClient(settings, governor=budgets.governor(settings))
    return SharePointList(client, hostname=place.hostname, site_path=place.site, list_name=place.list)


def make_table(route: ListRoute) -> RecordTable:
    """Return the table of a route, from its Airflow connection."""
    place = route.target
    with _named(place.connection, "postgres"):
        connection = _connection(place.connection)
    url = database_url(connection, place.connection)
    return SqlTable(url, route=route.name, table=place.table, schema=place.db_schema)


def make_source(route: Route, budgets: Budgets) -> Source:
    """Return the source of a route, from its Airflow connection."""
    place = route.source
    if isinstance(place, FileCloudSource):
        client = FileCloudClient(filecloud_settings(place.connection, route.limits.workers))
        return FileCloudFolder(client, place.folder, change_feed=place.change_feed)
    settings = graph_settings(place.connection, page_size=route.limits.page_size, workers=route.limits.workers)
    graph = GraphClient(settings, governor=budgets.governor(settings))
    return SharePointLibrary(graph, hostname=place.hostname, site_path=place.site, library=place.library)


def make_target(place: FileTarget, workers: int) -> Target:
    """Return a target, from its Airflow connection; each worker may keep a connection of its own."""
    if isinstance(place, ObjectStorageTarget):
        return make_storage(place)
    return FileCloudTarget(FileCloudClient(filecloud_settings(place.connection, workers)), place.folder)


def make_storage(place: ObjectStorageTarget) -> Target:
    """Return a local folder or a folder of an object store, from its Airflow connection if it has one."""
    return storage_target(place.service, place.folder, place.connection, chunk_size=place.chunk_mib * MIB)


def graph_settings(connection: str, *, page_size: int, workers: int = 1) -> GraphSettings:
    """Return what an Airflow connection to SharePoint says; each worker may keep a connection of its own.

    Raises ConnectionInvalid.
    """
    with _named(connection, GraphHook.conn_type):
        settings = GraphHook(connection).get_settings()
    return replace(settings, page_size=page_size, pool_size=max(settings.pool_size, workers))


def filecloud_settings(connection: str, workers: int) -> FileCloudSettings:
    """Return what an Airflow connection to FileCloud says; each worker may keep a connection of its own.

    Raises ConnectionInvalid.
    """
    with _named(connection, FileCloudHook.conn_type):
        settings = FileCloudHook(connection).get_settings()
    return replace(settings, pool_size=max(settings.pool_size, workers))


def open_ledger() -> Database:
    """Return the ledger that the Airflow connection names, else the embedded one."""
    try:
        connection = _connection(LEDGER_CONNECTION)
    except AirflowNotFoundException:
        return Database(default_ledger_url())
    return Database(database_url(connection, LEDGER_CONNECTION))


def database_url(connection: Connection, name: str) -> str:
    """Return the database address of a connection of type ``postgres`` or ``sqlite``, known as ``name``."""
    if connection.conn_type == "sqlite":
        path = connection.host or connection.schema
        if not path:
            raise ConnectionInvalid(f"Connection {name!r} names no database file in its field 'host'.")
        return f"sqlite:///{path}"
    driver = _DRIVERS.get(connection.conn_type or "")
    if driver is None:
        raise ConnectionInvalid(
            f"Connection {name!r} has type {connection.conn_type!r}.",
            hint="What spfc keeps needs a connection of type postgres (production) or sqlite.",
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


def _connection(name: str) -> Connection:
    from airflow.sdk import BaseHook

    return BaseHook.get_connection(name)


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
