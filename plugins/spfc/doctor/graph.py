"""SharePoint, from the connection to the site: every call is one that a run makes, and nothing is kept."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

import requests

from spfc.doctor.credentials import claims_of, credential_is_good, grant_missing, roles_suffice
from spfc.doctor.network import Endpoint, clocks_agree, steps_to
from spfc.doctor.shape import Finding, Step, ok, skipped
from spfc.errors import PermissionMissing
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.places import Site
from spfc.graph.replies import transport_error
from spfc.graph.sessions import PinnedSession
from spfc.graph.settings import GraphSettings
from spfc.graph.wire import Wire
from spfc.pacing import LocalBank
from spfc.routes import SharePointList, SharePointSource
from spfc.wording import duration

PATIENCE = 30.0
"""Seconds: a pause that the service asks for and that is longer is reported instead of slept through."""
_PAGE_SIZE = 200


def default_governor(settings: GraphSettings) -> Governor:
    """Return a gate of this process alone, for when there is no ledger to share one."""
    return Governor(bank=LocalBank(settings.quota), longest_wait=settings.longest_wait)


@dataclass(frozen=True, slots=True)
class Line:
    """What is there once the connection has been read: nothing has been sent yet."""

    settings: GraphSettings
    tokens: TokenSource
    client: GraphClient
    wire: Wire


class GraphChecks(ABC):
    """The checks of a source at SharePoint, in order. What one finds the next ones use.

    ``load`` returns the settings of the connection, or raises. ``now`` is seconds since 1970.
    """

    def __init__(
        self,
        load: Callable[[], GraphSettings],
        place: SharePointSource | SharePointList,
        *,
        governor: Callable[[GraphSettings], Governor] = default_governor,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._load = load
        self.place = place
        self._make_governor = governor
        self._now = now
        self.skew = 0.0
        """Seconds by which Microsoft's clock is ahead of this machine's."""
        self.bytes_held: int | None = None
        """How much a first run would bring, as far as SharePoint says."""
        self._line: Line | None = None
        self._token = ""
        self._roles: frozenset[str] | None = None

    def steps(self) -> list[Step]:
        """Return all checks of the source."""
        connected = ("graph.connection",)
        return [
            Step("graph.connection", self._connection),
            *steps_to("signin", self._sign_in_service, connected, self._now),
            *steps_to("graph", self._graph, connected, self._now),
            Step("graph.clock", self._clock, ("signin.tls",)),
            Step("graph.token", self._sign_in, ("signin.tls",)),
            Step("graph.roles", self._check_roles, ("graph.token",)),
            Step("graph.site", self._find_site, ("graph.roles", "graph.tls")),
            *self.content_steps(("graph.site",)),
        ]

    @abstractmethod
    def content_steps(self, site: tuple[str, ...]) -> list[Step]:
        """Return the checks of what the route reads at the site; all of them need ``site``."""

    def secrets(self) -> list[str]:
        """Return what must not be shown."""
        if self._line is None:
            return []
        settings = self._line.settings
        passphrase = settings.certificate.passphrase if settings.certificate is not None else None
        return [settings.client_secret or "", self._token, passphrase or ""]

    def close(self) -> None:
        """Close all connections."""
        if self._line is not None:
            self._line.client.close()
            self._line.wire.close()

    @property
    def line(self) -> Line:
        """The way to SharePoint, once the connection has been read."""
        if self._line is None:
            raise RuntimeError("the connection has not been read")
        return self._line

    # -- the way there -------------------------------------------------------------------------------

    def _connection(self) -> Finding:
        settings = replace(self._load(), retries=1, longest_wait=PATIENCE, page_size=_PAGE_SIZE)
        tokens, governor = TokenSource(settings), self._make_governor(settings)
        client = GraphClient(settings, tokens=tokens, governor=governor)
        self._line = Line(settings, tokens, client, Wire(settings, tokens, governor))
        return credential_is_good(settings, now=self._now())

    def _sign_in_service(self) -> Endpoint:
        return self._endpoint("The sign-in service", self.line.settings.login_root)

    def _graph(self) -> Endpoint:
        return self._endpoint("Microsoft Graph", self.line.settings.root)

    def _endpoint(self, label: str, url: str) -> Endpoint:
        with PinnedSession(self.line.settings) as session:
            trust = session.verify
            return Endpoint(label, url, trust if isinstance(trust, bool) else str(trust), session.proxies_for(url))

    def _clock(self) -> Finding:
        settings = self.line.settings
        url = f"{settings.login_root}/{quote(settings.tenant, safe='')}/v2.0/.well-known/openid-configuration"
        with PinnedSession(settings) as session:
            begun = self._now()
            try:
                with session.fetch(url, {"Accept": "*/*"}) as response:
                    date = response.headers.get("Date")
            except requests.RequestException as error:
                raise transport_error(error, "the time of day", Endpoint("", url, True, {}).host) from None
        step = "Let this machine follow a time server (NTP): sign-ins and links are good for a limited time only."
        finding, self.skew = clocks_agree(date, (begun + self._now()) / 2, whose="Microsoft's clock", step=step)
        return finding

    # -- who we are ----------------------------------------------------------------------------------

    def _sign_in(self) -> Finding:
        self._token = self.line.tokens.get()
        claims = claims_of(self._token)
        if claims is None:
            return ok("Signed in.")
        roles = claims.get("roles")
        self._roles = frozenset(map(str, roles)) if isinstance(roles, list) else frozenset()
        left = float(claims.get("exp") or 0) - self._now() - self.skew
        return ok(f"Signed in; good for {duration(max(0.0, left))}, and renewed in time.")

    def _check_roles(self) -> Finding:
        if self._roles is None:
            return skipped("this sign-in service gives tokens that cannot be read; the calls below will tell")
        return roles_suffice(self._roles)

    # -- where it is ---------------------------------------------------------------------------------

    def _find_site(self) -> Finding:
        try:
            self.site: Site = self.line.client.site(self.place.hostname, self.place.site)
        except PermissionMissing as error:
            raise PermissionMissing(error.message, hint=grant_missing(self._roles) or error.hint) from None
        return ok(f"{self.site.name or self.place.site} at {self.site.web_url}.")
