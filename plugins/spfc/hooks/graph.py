"""An Airflow connection of type ``msgraph`` becomes a Graph client.

The connection is Airflow's own (provider apache-airflow-providers-microsoft-azure), so one connection serves
its operators and spfc alike. Read from it:

=============================  =========================================================================
field                          meaning
=============================  =========================================================================
login                          client id of the app registration
password                       client secret; with a certificate the passphrase of its key
schema, host, port             Graph address without version; empty = the global cloud
``tenant_id``                  tenant id or domain
``certificate_path``           PEM or PKCS#12 file with key and certificate
``certificate_data``           the same PEM as text
``authority``                  sign-in host; default: the one that belongs to the Graph address
``api_version``                default ``v1.0``
``base_url``                   Graph address with version; wins over host
``proxies``                    mapping, or its JSON: ``http``, ``https``, ``no``
``verify``, ``trust_env``      check certificates; take proxies and CA bundle from the environment
=============================  =========================================================================

Extra fields of spfc: ``graph_root`` (as ``base_url``, wins over it), ``ca_file``, ``certificate_thumbprint``,
``cloud`` (global, usgov, dod, china), ``tier`` (see :mod:`spfc.graph.tiers`; default ``auto``),
``units_per_minute``, ``units_per_day``, ``user_agent``, ``page_size``. ``scopes`` is not read: the scope always
belongs to the Graph address. ``disable_instance_discovery`` is always on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from spfc.errors import ConnectionInvalid, SpfcError
from spfc.graph.client import GraphClient
from spfc.graph.settings import API_VERSION, CLOUDS, Certificate, GraphSettings
from spfc.graph.tiers import AUTO

if TYPE_CHECKING:
    from airflow.sdk import Connection

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


class GraphHook(BaseHook):
    """Gives a :class:`~spfc.graph.client.GraphClient`. No network before the client is used."""

    conn_name_attr = "conn_id"
    default_conn_name = "msgraph_default"
    conn_type = "msgraph"
    hook_name = "Microsoft Graph (spfc)"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id

    def get_client(self) -> GraphClient:
        """Return a new client; token and governor are shared with the other clients of this process.

        Raises ConnectionInvalid naming the field and the connection.
        """
        return GraphClient(self.get_settings())

    def get_conn(self) -> GraphClient:
        """Return the same as :meth:`get_client`, under the name that Airflow gives it."""
        return self.get_client()

    def get_settings(self) -> GraphSettings:
        """Read the connection. Raises ConnectionInvalid naming the field and the connection."""
        connection = self.get_connection(self.conn_id)
        for secret in (connection.password, connection.extra_dejson.get("certificate_data")):
            if secret:
                mask_secret(secret)
        try:
            return _Fields(connection).settings()
        except ConnectionInvalid as error:
            raise ConnectionInvalid(f"Connection '{self.conn_id}': {error.message}", hint=error.hint) from error

    def test_connection(self) -> tuple[bool, str]:
        """Sign in and ask Graph one question; return whether it went well, and one sentence for a person."""
        try:
            with self.get_client() as client:
                return True, client.check()
        except SpfcError as error:
            return False, str(error)


class _Fields:
    """Reads the fields of one connection, each with its own complaint."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._extra: Mapping[str, Any] = connection.extra_dejson

    def settings(self) -> GraphSettings:
        """Put the settings together."""
        certificate = self._certificate()
        root = self._root()
        verify, ca_file = self._verify()
        optional: dict[str, Any] = {
            "cloud": self._text("cloud"),
            "user_agent": self._text("user_agent"),
            "page_size": self._number("page_size"),
            "units_per_minute": self._number("units_per_minute"),
            "units_per_day": self._number("units_per_day"),
            "tier": self._text("tier") or AUTO,
        }
        return GraphSettings(
            tenant=self._required(self._text("tenant_id") or self._text("tenantId"), "tenant_id (extra)"),
            client_id=self._required(self._connection.login, "login (client id)"),
            client_secret=None if certificate else self._secret(),
            certificate=certificate,
            authority=self._authority(root),
            graph_root=root,
            ca_file=ca_file,
            verify=verify,
            trust_env=self._flag("trust_env", default=True),
            proxies=self._proxies(),
            **{name: value for name, value in optional.items() if value is not None},
        )

    def _secret(self) -> str:
        return self._required(
            self._connection.password, "password (client secret), or certificate_path or certificate_data"
        )

    def _certificate(self) -> Certificate | None:
        path, data = self._text("certificate_path"), self._text("certificate_data")
        if path and data:
            raise ConnectionInvalid("certificate_path and certificate_data are both given: keep one of them.")
        if not path and not data:
            return None
        return Certificate(
            path=Path(path) if path else None,
            pem=data,
            thumbprint=self._text("certificate_thumbprint"),
            passphrase=self._connection.password or None,
        )

    def _root(self) -> str | None:
        given = self._text("graph_root") or self._text("base_url")
        if given:
            return given.rstrip("/")
        host = (self._connection.host or "").strip().rstrip("/")
        version = self._text("api_version")
        if not host and not version:
            return None
        if not host:
            host = CLOUDS[self._cloud()].graph
        if "://" not in host:
            host = f"{self._connection.schema or 'https'}://{host}"
        port = self._connection.port
        if port and port not in (80, 443) and urlsplit(host).port is None:
            host = f"{host}:{port}"
        return f"{host}/{version or API_VERSION}"

    def _cloud(self) -> str:
        cloud = self._text("cloud") or "global"
        if cloud not in CLOUDS:
            raise ConnectionInvalid(f"Unknown cloud '{cloud}'.", hint=f"Known are: {', '.join(CLOUDS)}.")
        return cloud

    def _authority(self, root: str | None) -> str | None:
        given = self._text("authority")
        if given:
            return given if "://" in given else f"https://{given}"
        if root is not None:
            host = urlsplit(root).hostname
            for cloud in CLOUDS.values():
                if urlsplit(cloud.graph).hostname == host:
                    return cloud.authority
        return None

    def _verify(self) -> tuple[bool, Path | None]:
        ca_file = self._text("ca_file")
        value = self._extra.get("verify")
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _TRUE | _FALSE:
            # The provider hands `verify` to its HTTP library, where the path of a CA file is legal too.
            return True, Path(ca_file or value.strip())
        return self._flag("verify", default=True), Path(ca_file) if ca_file else None

    def _proxies(self) -> Mapping[str, str] | None:
        value = self._extra.get("proxies")
        if isinstance(value, str) and value.strip():
            try:
                value = json.loads(value)
            except ValueError:
                value = ()
        if not value and not isinstance(value, tuple):
            return None
        if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
            raise ConnectionInvalid("proxies is not a mapping of texts (or its JSON).")
        return {"no_proxy" if name == "no" else str(name): part for name, part in value.items()}

    def _text(self, name: str) -> str | None:
        value = self._extra.get(name)
        if value is not None and not isinstance(value, str):
            raise ConnectionInvalid(f"{name} (extra) is not a text.")
        return value.strip() or None if value is not None else None

    def _number(self, name: str) -> int | None:
        value = self._extra.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not str(value).strip().isdigit():
            raise ConnectionInvalid(f"{name} (extra) is not a whole number.")
        return int(str(value))

    def _flag(self, name: str, *, default: bool) -> bool:
        value = self._extra.get(name)
        if value is None or value == "":
            return default
        text = str(value).strip().lower()
        if text not in _TRUE | _FALSE:
            raise ConnectionInvalid(f"{name} (extra) is neither true nor false.")
        return text in _TRUE

    @staticmethod
    def _required(value: str | None, name: str) -> str:
        if not value or not value.strip():
            raise ConnectionInvalid(f"{name} is missing.")
        return value.strip()
