"""SharePoint, from the connection to the bytes of one file: every call is one that a run makes, and nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from urllib.parse import quote

import requests

from spfc.doctor.credentials import claims_of, credential_is_good, grant_missing, roles_suffice
from spfc.doctor.network import Endpoint, clocks_agree, steps_to
from spfc.doctor.shape import Finding, Step, Verdict, fail, ok, skipped, warn
from spfc.errors import ItemError, PermissionMissing, PlaceNotFound, SpfcError
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.places import Drive, Site
from spfc.graph.replies import Refusal, transport_error
from spfc.graph.sessions import PinnedSession
from spfc.graph.settings import GraphSettings
from spfc.graph.wire import Call, Wire
from spfc.pacing import LocalBank
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.quickxor import QuickXor, same_hash
from spfc.reporting.wording import count, duration, plural, size
from spfc.routes import SharePointSource

PATIENCE = 30.0
"""Seconds: a pause that the service asks for and that is longer is reported instead of slept through."""
_PAGES = 5
_PAGE_SIZE = 200
_SAMPLE = 4 << 20
"""Bytes: of a bigger file only a part is read, and its hash is not compared."""
_PART = 64 << 10
_TRIES = 3


def default_governor(settings: GraphSettings) -> Governor:
    """Return a gate of this process alone, for when there is no ledger to share one."""
    return Governor(bank=LocalBank(settings.quota), longest_wait=settings.longest_wait)


@dataclass(frozen=True, slots=True)
class _Line:
    """What is there once the connection has been read: nothing has been sent yet."""

    settings: GraphSettings
    tokens: TokenSource
    client: GraphClient
    wire: Wire


class GraphChecks:
    """The checks of one route's source, in order. What one finds the next ones use.

    ``load`` returns the settings of the connection, or raises. ``now`` is seconds since 1970.
    """

    def __init__(
        self,
        load: Callable[[], GraphSettings],
        place: SharePointSource,
        *,
        governor: Callable[[GraphSettings], Governor] = default_governor,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._load = load
        self._place = place
        self._make_governor = governor
        self._now = now
        self.skew = 0.0
        """Seconds by which Microsoft's clock is ahead of this machine's."""
        self.bytes_held: int | None = None
        """How much the mirrored folder holds, as far as SharePoint says."""
        self._line: _Line | None = None
        self._token = ""
        self._roles: frozenset[str] | None = None
        self._items: list[SourceItem] = []

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
            Step("graph.library", self._find_library, ("graph.site",)),
            Step("graph.folder", self._find_folder, ("graph.library",)),
            Step("graph.feed", self._read_feed, ("graph.library",)),
            Step("graph.download", self._download, ("graph.feed",)),
        ]

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
    def _on(self) -> _Line:
        if self._line is None:
            raise RuntimeError("the connection has not been read")
        return self._line

    # -- the way there -------------------------------------------------------------------------------

    def _connection(self) -> Finding:
        settings = replace(self._load(), retries=1, longest_wait=PATIENCE, page_size=_PAGE_SIZE)
        tokens, governor = TokenSource(settings), self._make_governor(settings)
        client = GraphClient(settings, tokens=tokens, governor=governor)
        self._line = _Line(settings, tokens, client, Wire(settings, tokens, governor))
        return credential_is_good(settings, now=self._now())

    def _sign_in_service(self) -> Endpoint:
        return self._endpoint("The sign-in service", self._on.settings.login_root)

    def _graph(self) -> Endpoint:
        return self._endpoint("Microsoft Graph", self._on.settings.root)

    def _endpoint(self, label: str, url: str) -> Endpoint:
        with PinnedSession(self._on.settings) as session:
            trust = session.verify
            return Endpoint(label, url, trust if isinstance(trust, bool) else str(trust), session.proxies_for(url))

    def _clock(self) -> Finding:
        settings = self._on.settings
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
        self._token = self._on.tokens.get()
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
            self._site: Site = self._on.client.site(self._place.hostname, self._place.site)
        except PermissionMissing as error:
            raise PermissionMissing(error.message, hint=grant_missing(self._roles) or error.hint) from None
        return ok(f"{self._site.name or self._place.site} at {self._site.web_url}.")

    def _find_library(self) -> Finding:
        self._drive: Drive = self._on.client.drive(self._site.id, self._place.library)
        return ok(f"{self._drive.name} at {self._drive.web_url}.")

    def _find_folder(self) -> Finding:
        folder = self._place.folder
        path = "".join(f"/{quote(part, safe='')}" for part in folder.split("/") if part)
        address = f"/drives/{quote(self._drive.id, safe='!')}/root{f':{path}' if path else ''}"
        call = Call(f"{address}?$select=id,name,size,folder,root", "item", 1, f"the folder {folder}", self._no_folder)
        found = self._on.wire.get_json(call)
        if found.get("folder") is None and found.get("root") is None:
            return fail(f"{folder} is not a folder.", "Set source.folder of the route to a folder of the library.")
        if isinstance(found.get("size"), int):
            self.bytes_held = int(found["size"])
        holds = "" if self.bytes_held is None else f" It holds {size(self.bytes_held)}."
        return ok(f"{'The whole library' if folder == '/' else folder} is mirrored.{holds}")

    def _no_folder(self, refusal: Refusal) -> SpfcError | None:
        if refusal.status != 404:
            return None
        return PlaceNotFound(
            f"The library has no folder {self._place.folder}.",
            hint="Correct source.folder of the route: the path below the library, without the library's own name.",
        )

    # -- what is in it -------------------------------------------------------------------------------

    def _read_feed(self) -> Finding:
        link, complete, pages = None, False, 0
        while not complete and pages < _PAGES and not self._samples():
            page = self._on.client.delta(self._drive.id, link)
            link, complete, pages = page.link, page.complete, pages + 1
            self._items += page.items
        seen = plural(len(self._items), "item")
        read = "the first page" if pages == 1 else f"the first {pages} pages"
        return ok(f"{seen} on {read}{'; that is all' if complete else '; more follow'}.")

    def _samples(self) -> list[SourceItem]:
        """Return files fit for a try, the smallest first; two bytes at least, so that there are two parts."""
        fit = (item for item in self._items if item.kind is Kind.FILE and item.size > 1 and not item.deleted)
        sound = (item for item in fit if not item.flags & {Flag.MALWARE, Flag.RESTRICTED, Flag.PENDING})
        return sorted(sound, key=lambda item: (item.hash is None, item.size))

    def _download(self) -> Finding:
        samples = self._samples()[:_TRIES]
        if not samples:
            return skipped("the first pages of the library show no file to try it with")
        for number, item in enumerate(samples, start=1):
            try:
                return self._read(item)
            except ItemError:
                if number == len(samples):
                    raise
        raise AssertionError("unreachable")

    def _read(self, item: SourceItem) -> Finding:
        half = item.size // 2
        whole, digest = item.size <= _SAMPLE, QuickXor()
        with closing(self._on.client.open(self._drive.id, item)) as stream:
            first = stream.read(half if whole else _PART)
        with closing(self._on.client.open(self._drive.id, item, offset=half)) as stream:
            second = stream.read(item.size if whole else _PART)
            skipped_bytes = stream.skipped
        digest.update(first)
        digest.update(second)
        told = f"{count(len(first) + len(second))} bytes of {item.name!r} in two parts"
        if skipped_bytes:
            return warn(
                f"{told}, but the server ignored Range and sent the whole file.",
                "Look for a proxy or filter that removes the header Range. Until then every broken download begins "
                "again at its first byte.",
            )
        if whole and item.hash is not None and not same_hash(digest.base64(), item.hash):
            return warn(
                f"{told}, but its bytes are not those that SharePoint lists.",
                "Nothing, if it is an Office or labelled file: spfc looks twice at those. Else look for a filter that "
                "changes downloads.",
            )
        proven = "; its hash is the listed one" if whole and item.hash is not None else ""
        return Finding(Verdict.OK, f"{told}, the second by Range{proven}.")
