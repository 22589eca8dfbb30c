"""An Airflow connection of type ``filecloud`` becomes a FileCloud client."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from spfc.errors import ConfigurationError, ConnectionInvalid, SpfcError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from spfc.filecloud import FileCloudClient, FileCloudSettings

_EXTRAS = frozenset(
    {"path_prefix", "ca_file", "verify", "browser_compat", "chunk_mib", "date_style", "server_tz", "entry_types"}
)
_YES, _NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
_MIB = 1024 * 1024


class FileCloudHook(BaseHook):
    """Makes clients out of a connection; nothing is looked up or sent before it is asked to.

    :param filecloud_conn_id: the connection: host, schema (``https`` or ``http``), port, login, password, and the
        extras that ``hooks/provider_info.py`` describes.
    """

    conn_name_attr = "filecloud_conn_id"
    default_conn_name = "filecloud_default"
    conn_type = "filecloud"
    hook_name = "FileCloud"

    def __init__(self, filecloud_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.filecloud_conn_id = filecloud_conn_id

    def get_settings(self) -> FileCloudSettings:
        """Read the connection. Raises ConnectionInvalid, naming the connection and the field."""
        return settings_of(self.get_connection(self.filecloud_conn_id))

    def get_client(self) -> FileCloudClient:
        """Return a new client, not logged in yet; the caller closes it. Raises ConnectionInvalid."""
        from spfc.filecloud import FileCloudClient

        return FileCloudClient(self.get_settings())

    def get_conn(self) -> FileCloudClient:
        """Return a new client, as :meth:`get_client` does."""
        return self.get_client()

    def test_connection(self) -> tuple[bool, str]:
        """Log in and out again; return whether that worked, and a sentence for the reader."""
        try:
            client = self.get_client()
            try:
                identity = client.identity()
            finally:
                client.close()
        except SpfcError as error:
            return False, str(error)
        if not identity.authenticated:
            return False, "FileCloud accepted the login but does not treat us as logged in."
        return True, f"Logged in at {client.settings.base_url} as {identity.profile or client.settings.user}."


def settings_of(connection: Connection) -> FileCloudSettings:
    """Turn a connection into settings. Raises ConnectionInvalid, naming the connection and the field."""
    from airflow.sdk.log import mask_secret

    from spfc.filecloud import DateStyle, EntryTypes, FileCloudSettings

    name = str(connection.conn_id)
    if connection.password:
        mask_secret(connection.password)
    extras = _extras(connection, name)
    values: dict[str, Any] = {
        "verify": _flag(extras, "verify", name, default=True),
        "browser_compat": _flag(extras, "browser_compat", name, default=False),
        "ca_file": extras.get("ca_file"),
        "server_tz": extras.get("server_tz"),
    }
    if "chunk_mib" in extras:
        values["chunk_size"] = _whole(extras["chunk_mib"], "chunk_mib", name) * _MIB
    if "date_style" in extras:
        values["date_style"] = _one_of(DateStyle, extras, "date_style", name)
    if "entry_types" in extras:
        values["entry_types"] = _one_of(EntryTypes, extras, "entry_types", name)
    try:
        return FileCloudSettings(
            base_url=_base_url(connection, extras, name),
            user=_needed(connection.login, "login", name),
            password=_needed(connection.password, "password", name),
            **values,
        )
    except ConnectionInvalid:
        raise
    except ConfigurationError as error:
        raise ConnectionInvalid(f"Connection {name!r}: {error.message}") from error


def _base_url(connection: Connection, extras: Mapping[str, Any], name: str) -> str:
    host = _needed(connection.host, "host", name).strip()
    if "/" in host or "@" in host:
        raise _invalid(name, "host", "takes a bare host name; scheme, port and path have fields of their own")
    scheme = (connection.schema or "https").lower()
    if scheme not in ("http", "https"):
        raise _invalid(name, "schema", f"is {scheme!r}; it must be https or http")
    port = f":{connection.port}" if connection.port else ""
    prefix = str(extras.get("path_prefix", "")).strip("/")
    return f"{scheme}://{host}{port}" + (f"/{prefix}" if prefix else "")


def _extras(connection: Connection, name: str) -> dict[str, Any]:
    extras = {key: value for key, value in connection.extra_dejson.items() if value not in (None, "")}
    unknown = sorted(set(extras) - _EXTRAS)
    if unknown:
        raise _invalid(name, "extra", f"holds unknown keys {unknown}; known are {sorted(_EXTRAS)}")
    return extras


def _needed(value: str | None, field: str, name: str) -> str:
    if not value:
        raise _invalid(name, field, "is empty")
    return value


def _flag(extras: Mapping[str, Any], field: str, name: str, *, default: bool) -> bool:
    text = str(extras.get(field, default)).strip().lower()
    if text not in _YES | _NO:
        raise _invalid(name, field, "must be true or false")
    return text in _YES


def _whole(value: Any, field: str, name: str) -> int:
    text = str(value).strip()
    if not text.isdecimal() or int(text) < 1:
        raise _invalid(name, field, "must be a whole number from 1")
    return int(text)


def _one_of(kinds: type[StrEnum], extras: Mapping[str, Any], field: str, name: str) -> str:
    value, known = extras[field], [kind.value for kind in kinds]
    if value not in known:
        raise _invalid(name, field, f"is {value!r}; known are {known}")
    return str(value)


def _invalid(name: str, field: str, what: str) -> ConnectionInvalid:
    return ConnectionInvalid(f"Connection {name!r}: field {field!r} {what}.")
