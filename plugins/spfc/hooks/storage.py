"""A place and an Airflow connection become a target: a local folder, or a store of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, ObjectStoragePath
from airflow.sdk.exceptions import AirflowNotFoundException

from spfc.errors import ConnectionInvalid
from spfc.routes.places import LOCAL

if TYPE_CHECKING:
    from spfc.targets.base import Target
    from spfc.targets.storage.store import Store

MIB = 1 << 20

_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
"""Where Airflow's access to a kind of storage comes from."""
_TYPES = {"s3": "aws", "abfs": "wasb"}


def storage_target(service: str, folder: str, connection: str | None = None, *, chunk_size: int = 16 * MIB) -> Target:
    """Return the target at ``folder`` of a ``service``; nothing is asked of it yet.

    Both as a route says them: ``file`` and an absolute path; ``s3`` and ``/bucket/prefix``; ``abfs`` and
    ``/container/path``. ``connection``: an Airflow connection id; None means the worker's own identity (a role,
    environment variables). ``chunk_size``: bytes per part of an upload.

    Raises ConnectionInvalid when the connection is not there or does not fit.
    """
    if service == LOCAL:
        from spfc.targets.storage.local import LocalFolderTarget

        return LocalFolderTarget(folder, chunk_size=chunk_size)
    from spfc.targets.storage.object_store import ObjectStoreTarget

    return ObjectStoreTarget(
        store_of(service, _file_system(service, folder, connection)), folder, chunk_size=chunk_size
    )


def store_of(scheme: str, file_system: Any) -> Store:
    """Return the store behind a file system of fsspec."""
    if scheme == "s3":
        from spfc.targets.storage.s3 import S3Store

        return S3Store(file_system)
    from spfc.targets.storage.azure import AzureStore

    return AzureStore(file_system)


def _file_system(scheme: str, path: str, connection: str | None) -> Any:
    """Return Airflow's file system for a scheme. Raises ConnectionInvalid; no credential is told."""
    try:
        if connection is not None:
            BaseHook.get_connection(connection)  # the provider for S3 takes a missing one for an empty one
        return ObjectStoragePath(f"{scheme}:/{path}", conn_id=connection).fs
    except AirflowNotFoundException:
        kind = _TYPES[scheme]
        raise ConnectionInvalid(
            f"Airflow has no connection {connection!r}, or cannot read it.",
            hint=f"Add it with type {kind} under Admin, Connections, or as JSON in the environment variable "
            f"AIRFLOW_CONN_{str(connection).upper()}.",
        ) from None
    except ImportError:
        raise ConnectionInvalid(
            f"Airflow knows no storage for {scheme}:// on this worker.", hint=f"Install {_PACKAGES[scheme]} there."
        ) from None
    except Exception as error:  # noqa: BLE001 - providers raise whatever their clients have
        raise _unusable(scheme, connection, type(error).__name__) from None


def _unusable(scheme: str, connection: str | None, why: str) -> ConnectionInvalid:
    named = f"Connection {connection!r}" if connection else "What the worker has for credentials"
    return ConnectionInvalid(
        f"{named} cannot be used for {scheme}:// ({why}).",
        hint=f"See docs/object-storage.md for the fields that are needed, and whether {_PACKAGES[scheme]} is there.",
    )
