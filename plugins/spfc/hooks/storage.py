"""A URL and an Airflow connection become a target: a local folder, or a store of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, ObjectStoragePath
from airflow.sdk.exceptions import AirflowNotFoundException

from spfc.errors import ConnectionInvalid, RouteInvalid
from spfc.targets.storage.places import LOCAL, scheme_of, service_path

if TYPE_CHECKING:
    from spfc.targets.base import Target
    from spfc.targets.storage.store import Store

MIB = 1 << 20
SMALLEST_S3_PART = 5 * MIB
"""S3 wants every part of an upload but the last to have this much."""

_S3 = frozenset({"s3", "s3a"})
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "s3a": "apache-airflow-providers-amazon[s3fs]",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
}
"""Where Airflow's access to a kind of storage comes from."""
_TYPES = {"s3": "aws", "s3a": "aws", "abfs": "wasb", "abfss": "wasb"}


def storage_target(url: str, connection: str | None = None, *, chunk_size: int = 16 * MIB) -> Target:
    """Return the target at ``url``; nothing is asked of it yet.

    ``url``: an absolute path or ``file:///path``; ``s3://bucket/prefix``; ``abfs://container/path``. ``connection``:
    an Airflow connection id; None means the worker's own identity (a role, environment variables). ``chunk_size``:
    bytes per part of an upload.

    Raises RouteInvalid for a bad URL or size, ConnectionInvalid when the connection is not there or does not fit.
    """
    scheme, path = scheme_of(url), service_path(url)
    if scheme == LOCAL:
        from spfc.targets.storage.local import LocalFolderTarget

        return LocalFolderTarget(path, chunk_size=chunk_size)
    if scheme not in _PACKAGES:
        raise RouteInvalid(
            f"There is no target for {scheme}://.",
            hint="Use an absolute path, s3:// or abfs://. Many other stores, Google's among them, speak S3 as well.",
        )
    if scheme in _S3 and chunk_size < SMALLEST_S3_PART:
        raise RouteInvalid("S3 takes no parts below 5 MiB.", hint="Set chunk_mib of the target to 5 or more.")
    from spfc.targets.storage.object_store import ObjectStoreTarget

    store = store_of(scheme, _file_system(scheme, path, connection))
    return ObjectStoreTarget(store, path, chunk_size=chunk_size)


def store_of(scheme: str, file_system: Any) -> Store:
    """Return the store behind a file system of fsspec."""
    if scheme in _S3:
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
        kind = _TYPES.get(scheme, "that fits")
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
