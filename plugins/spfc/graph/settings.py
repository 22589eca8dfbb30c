"""What a Graph client must know before its first request: who we are, where Graph is, how patient to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import spfc
from spfc.errors import ConnectionInvalid
from spfc.graph.governor import LONGEST_WAIT
from spfc.graph.tiers import NAMES, NONE, quota
from spfc.pacing import Quota

API_VERSION: Final = "v1.0"
LARGEST_PAGE: Final = 5000
"""What routes may ask for per page of a list (``limits.page_size``)."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Cloud:
    """Login host and Graph host of one Microsoft cloud."""

    authority: str
    graph: str


CLOUDS: Final[Mapping[str, Cloud]] = MappingProxyType(
    {
        "global": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com"),
        "usgov": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us"),
        "dod": Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        "china": Cloud("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    }
)
"""The clouds of Graph reference 15. ``global`` includes GCC, ``usgov`` is GCC High."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate: the path of a PEM or PKCS#12 file, or PEM text; key and certificate together.

    ``thumbprint`` (SHA-1, hex) is only for sign-in services that want it; ``passphrase`` opens an encrypted
    key.
    """

    path: Path | None = None
    pem: str | None = field(default=None, repr=False)
    thumbprint: str | None = None
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """Everything about one tenant and app. Secrets are left out of ``repr``.

    Times are seconds. Raises :class:`~spfc.errors.ConnectionInvalid` naming the field when it cannot work.
    """

    tenant: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    certificate: Certificate | None = None
    cloud: str = "global"
    authority: str | None = None
    """Base URL of the sign-in service, with or without the tenant; overrides ``cloud``."""
    graph_root: str | None = None
    """Base URL of Graph with its version (``https://graph.microsoft.com/v1.0``); overrides ``cloud``."""
    ca_file: Path | None = None
    """A private certificate authority to trust instead of the public ones."""
    verify: bool = True
    trust_env: bool = True
    """Take proxies and the CA bundle from environment variables (never from netrc)."""
    proxies: Mapping[str, str] | None = None
    user_agent: str = f"NONISV|spfc|spfc/{spfc.__version__}"
    """Decorated as Graph reference 10.3 asks: undecorated traffic is served last."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    pool_size: int = 32
    page_size: int = 1000
    """``$top`` of change feeds. Of a library's, 1000 is the most that was seen to be honoured (Graph reference 6.2); of
    a list's nobody knows, and asking for more than the service gives costs nothing."""
    units_per_minute: int | None = None
    """Own limit in resource units; None = that of ``tier``."""
    units_per_day: int | None = None
    """Own limit per day (UTC) in resource units; None = that of ``tier``."""
    tier: str = NONE
    """How large the tenant is: one of :data:`spfc.graph.tiers.NAMES`."""
    retries: int = 5
    """How often one request is repeated after a transient failure."""
    longest_wait: float = LONGEST_WAIT
    """A pause longer than this is handed to the caller as Throttled instead of being slept through."""

    def __post_init__(self) -> None:
        self._need("tenant", bool(self.tenant.strip()))
        self._need("client_id", bool(self.client_id.strip()))
        if self.client_secret and self.certificate:
            raise ConnectionInvalid("A client secret and a certificate are given: keep one of them.")
        self._need("client_secret or certificate", bool(self.client_secret) or self.certificate is not None)
        if self.cloud not in CLOUDS:
            raise ConnectionInvalid(f"Unknown cloud '{self.cloud}'.", hint=f"Known are: {', '.join(CLOUDS)}.")
        self._need(f"page_size between 1 and {LARGEST_PAGE}", 1 <= self.page_size <= LARGEST_PAGE)
        self._need("units_per_minute above 0", self.units_per_minute is None or self.units_per_minute > 0)
        self._need("units_per_day above 0", self.units_per_day is None or self.units_per_day > 0)
        if self.tier not in NAMES:
            raise ConnectionInvalid(f"Unknown tier '{self.tier}'.", hint=f"Known are: {', '.join(NAMES)}.")
        for name, url in (("authority", self.login_root), ("graph_root", self.root)):
            self._check_url(name, url)

    @staticmethod
    def _need(name: str, present: bool) -> None:
        if not present:
            raise ConnectionInvalid(f"The Graph settings need {name}.")

    @staticmethod
    def _check_url(name: str, url: str) -> None:
        parts = urlsplit(url)
        clear = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or clear) or parts.username or parts.query:
            raise ConnectionInvalid(
                f"The {name} is not a usable address.",
                hint="It must start with https:// (http:// only for this machine) and hold no user or query.",
            )

    @property
    def login_root(self) -> str:
        """Base URL of the sign-in service, without the tenant and without a trailing slash."""
        given = (self.authority or CLOUDS[self.cloud].authority).rstrip("/")
        return given.removesuffix(f"/{self.tenant}")

    @property
    def root(self) -> str:
        """Base URL of Graph with its version, without a trailing slash."""
        return (self.graph_root or f"{CLOUDS[self.cloud].graph}/{API_VERSION}").rstrip("/")

    @property
    def scope(self) -> str:
        """The scope of the token: the Graph host's default (Graph reference 3 and 15)."""
        parts = urlsplit(self.root)
        return f"{parts.scheme}://{parts.netloc}/.default"

    @property
    def shared_key(self) -> tuple[str, str, str, str]:
        """What the service meters by: one tenant and app at one Graph. No secret is in it."""
        return (self.login_root, self.root, self.tenant.lower(), self.client_id.lower())

    @property
    def quota(self) -> Quota:
        """What may be spent: the numbers that are given, else the tier's."""
        return quota(self.tier, self.units_per_minute, self.units_per_day)

    def is_graph(self, url: str) -> bool:
        """Say whether ``url`` is on the Graph host itself, so that our token may be sent there."""
        return origin(url) == origin(self.root)


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL; an unusable URL has an origin that equals no real one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", "", None)
    if parts.username is not None or not parts.hostname:
        return ("", "", None)
    return (parts.scheme, parts.hostname.lower(), port or {"https": 443, "http": 80}.get(parts.scheme))
