"""What the FileCloud client must know before its first call, checked once and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spfc import __version__
from spfc.errors import ConfigurationError

MIB = 1024 * 1024


class DateStyle(StrEnum):
    """How the modification time of an upload is spelled (FileCloud reference 7.3)."""

    ISO_Z = "iso_z"
    """``2024-07-19T19:32:00Z``: says its own zone, so no server can read it differently. The default."""
    NAIVE_UTC = "naive_utc"
    """``2024-07-19 19:32:00`` in UTC: for servers that read zone-less times as UTC."""
    NAIVE_SERVER = "naive_server"
    """``2024-07-19 14:32:00`` in ``server_tz``: for servers that read zone-less times as their wall clock."""


class EntryTypes(StrEnum):
    """How listings spell what an entry is (FileCloud reference 3.3). Any other spelling is an unreadable answer."""

    PLAIN = "plain"
    """``dir`` and ``file``, as every documented server does. The default."""
    LEGACY = "legacy"
    """Older servers: ``dir``, ``directory`` or ``0`` for folders; ``file``, ``1`` or nothing at all for files."""


@dataclass(frozen=True, slots=True)
class FileCloudSettings:
    """Address, account and habits of one FileCloud client. All times are seconds, all sizes bytes.

    ``base_url`` may carry a path prefix, which is kept; a trailing ``/`` is cut (a double slash makes the server
    fail, reference 1). ``ca_file`` replaces the certificates that are trusted; ``verify=False`` trusts anybody.
    Raises :class:`~spfc.errors.ConfigurationError` for values that cannot work.
    """

    base_url: str
    user: str
    password: str = field(repr=False)
    verify: bool = True
    ca_file: str | None = None
    browser_compat: bool = False
    """Pose as a browser and echo the anti-CSRF cookie (reference 2.3)."""
    chunk_size: int = 20 * MIB
    """Bytes per upload chunk; the vendor's own clients use 20 MiB (reference 7.1)."""
    date_style: DateStyle = DateStyle.ISO_Z
    server_tz: str | None = None
    """IANA zone of the server; needed by ``naive_server``, and to read times of servers that list no true ones."""
    entry_types: EntryTypes = EntryTypes.PLAIN
    connect_timeout: float = 10.0
    """Reference 12, deadlines."""
    read_timeout: float = 60.0
    """Longest silence between two bytes of a reply (reference 12, deadlines)."""
    last_chunk_timeout: float = 600.0
    """Silence allowed after a last chunk, while the server assembles the file (reference 12, deadlines)."""
    user_agent: str = f"spfc/{__version__}"
    pool_size: int = 16
    """Connections kept open; more threads than this still work, but reconnect more."""
    attempts: int = 5
    """How often one call is tried in all when trouble is transient."""
    backoff_base: float = 0.5
    """First upper bound of the random wait between tries; doubles each time (reference 12)."""
    backoff_cap: float = 60.0
    """Upper bound of the random wait (reference 12)."""
    patience: float = 120.0
    """Longest ``Retry-After`` that is slept through here; a longer one is raised as Throttled."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _checked_url(self.base_url))
        object.__setattr__(self, "date_style", DateStyle(self.date_style))
        object.__setattr__(self, "entry_types", EntryTypes(self.entry_types))
        if not self.user:
            raise ConfigurationError("FileCloud settings: the user is empty.")
        if not self.password:
            raise ConfigurationError("FileCloud settings: the password is empty.")
        for name in ("chunk_size", "pool_size", "attempts"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"FileCloud settings: {name} must be at least 1.")
        if self.date_style is DateStyle.NAIVE_SERVER or self.server_tz:
            self.server_zone()

    def server_zone(self) -> ZoneInfo:
        """Return the zone of the server's wall clock. Raises ConfigurationError when it is unset or unknown."""
        if not self.server_tz:
            raise ConfigurationError("FileCloud settings: date_style naive_server needs server_tz.")
        try:
            return ZoneInfo(self.server_tz)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"FileCloud settings: unknown time zone {self.server_tz!r}.") from error

    @property
    def agent(self) -> str:
        """The User-Agent to send: our own, in browser mode behind the words every browser begins with."""
        return f"Mozilla/5.0 (compatible; {self.user_agent})" if self.browser_compat else self.user_agent

    @property
    def trust(self) -> bool | str:
        """What to verify TLS against: a file of certificates, the system's (True) or nothing (False)."""
        if not self.verify:
            return False
        return self.ca_file or True


def _checked_url(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("FileCloud settings: put user and password into their own fields, not the URL.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"FileCloud settings: {url!r} is no http or https address.")
    if parts.query or parts.fragment:
        raise ConfigurationError("FileCloud settings: the base URL takes no query and no fragment.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
