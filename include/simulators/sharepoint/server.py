"""The simulated SharePoint Online: puts login, Graph and download host behind loopback ports."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from simulators.common import actions
from simulators.common.calls import Call, call_of, fault_of
from simulators.common.clock import Clock
from simulators.common.faults import FaultAction
from simulators.common.journal import Journal, SessionLabels
from simulators.common.metering import UnitMeter
from simulators.common.server import FaultSource, SimulatorServer
from simulators.sharepoint.batch import run_batch
from simulators.sharepoint.delta import Delta
from simulators.sharepoint.download import DownloadHost
from simulators.sharepoint.errors import CODES_BY_STATUS, GRAPH_TYPE, GraphFailure, error_body
from simulators.sharepoint.feed import Feed
from simulators.sharepoint.generated import Blueprint, GeneratedLibrary, folders_of
from simulators.sharepoint.graph import GraphHost, units_of
from simulators.sharepoint.ids import LibraryIds
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library import Library
from simulators.sharepoint.library_log import LibraryLog
from simulators.sharepoint.list_host import ListHost
from simulators.sharepoint.lists import Lists
from simulators.sharepoint.login import REFRESH, LoginHost
from simulators.sharepoint.places import Places
from simulators.sharepoint.store import Store
from simulators.sharepoint.tokens import Signer
from simulators.sharepoint.urls import VERSIONS, Target, parse, split
from simulators.sharepoint.wire import Writer

_LOG = logging.getLogger("simulators")
_SEE_SITES = frozenset({"Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All"})
_SEE_FILES = frozenset({"Files.Read.All", "Files.ReadWrite.All"})
"""Application permissions that open sites, and those that open drives only (reference 4.2)."""
_TARGET: web.RequestKey[Target] = web.RequestKey("target", Target)
_IDS: web.RequestKey[tuple[str, str]] = web.RequestKey("ids", tuple[str, str])


@dataclass(slots=True)
class _Services:
    library: Library
    lists: Lists
    signer: Signer
    login: LoginHost
    graph: GraphHost
    download: DownloadHost


class SharePointSimulator(SimulatorServer):
    """Publishes `library`, an ordinary folder on disk, as a document library of a SharePoint site.

    `lists` is a folder whose files are published as lists (docs/simulators.md). State (ids, change log, open rounds)
    lives in `state_dir`, by default a hidden folder beside the library. A `Blueprint` instead of a folder publishes a
    library that is generated (`generated`), which needs a `state_dir`. `units_per_minute` None counts units without a
    limit. `public_clients` are the ids of programs that come with a person's `refresh_token` instead of a secret.
    `download_origin` is the root URL under which clients reach the download host, where that is not its own address.
    Metrics, journal, fault plan and `tls_names` are described at the base class. Addresses are known while it runs.
    """

    def __init__(
        self,
        library: Path | Blueprint,
        *,
        state_dir: Path | None = None,
        port: int = 0,
        download_port: int = 0,
        tls: bool = False,
        latency_ms: float = 0,
        units_per_minute: int | None = None,
        faults: FaultSource = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        knobs: SharePointKnobs | None = None,
        tenant_domain: str = "contoso.test",
        tenant_id: str = "72f3c1de-0a6b-4d57-8a34-9d1f0b0c5e11",
        client_id: str = "3f0c9c63-6d3c-4f51-9a0e-5b1f5d8e7a21",
        client_secret: str = "simulated-client-secret",  # noqa: S107 - a door of paper
        site_hostname: str = "contoso.sharepoint.test",
        site_path: str = "/sites/demo",
        site_title: str = "Demo",
        library_name: str = "Documents",
        lists: Path | None = None,
        public_clients: Iterable[str] = (),
        download_origin: str | None = None,
        tls_names: Sequence[str] = (),
    ) -> None:
        self.knobs = knobs or SharePointKnobs()
        state, self.library_path = folders_of(library, state_dir)
        self._blueprint = library if isinstance(library, Blueprint) else None
        super().__init__(
            state_dir=state,
            port=port,
            tls=tls,
            tls_names=tls_names,
            latency_ms=latency_ms,
            faults=faults,
            journal=journal,
            clock=clock,
            extra_ports={"download": download_port},
        )
        self.listeners = ("main", "download") if self.knobs.download_listener else ("main",)
        self.tenant_domain, self.tenant_id = tenant_domain, tenant_id
        self.client_id, self.client_secret = client_id, client_secret
        self.site_hostname, self.site_path = site_hostname, "/" + site_path.strip("/")
        self.site_title, self.library_name = site_title, library_name
        self.public_clients = frozenset(public_clients)
        self._download_origin = download_origin
        self.meter = UnitMeter(self.clock, units_per_minute)
        self.ids = LibraryIds.derive(site_hostname, tenant_id, self.site_path, library_name)
        self.lists_path = lists
        self._labels = SessionLabels("app")
        self._open_services: _Services | None = None
        self._opening = threading.Lock()

    # -- addresses -------------------------------------------------------------------------------------

    @property
    def graph_root(self) -> str:
        """The Graph root URL, ending in /v1.0."""
        return f"{self.url}/v1.0"

    @property
    def authority(self) -> str:
        """The login authority with the tenant, as msal wants it."""
        return f"{self.url}/{self.tenant_id}"

    @property
    def download_root(self) -> str:
        """The root URL of the download host, as it stands in download links."""
        return self._download_origin or self.url_of("download" if "download" in self.listeners else "main")

    @property
    def drive_id(self) -> str:
        """The id of the library's drive."""
        return self.ids.drive_id

    @property
    def scans(self) -> int:
        """How often the folder was looked at since the start; 0 when stopped."""
        services = self._open_services
        return services.library.scanner.scans if services is not None else 0

    @property
    def generated(self) -> GeneratedLibrary:
        """The generated library, to be changed by tests; only while it runs, and only with a blueprint."""
        library = self._services.library
        if not isinstance(library, GeneratedLibrary):
            raise TypeError("this library is a folder on disk: change it there")
        return library

    @property
    def lists(self) -> Lists:
        """The site's lists, for tests to make and change some by call; get them anew after a restart."""
        return self._services.lists

    # -- life cycle ------------------------------------------------------------------------------------

    @property
    def _services(self) -> _Services:
        with self._opening:  # tests ask, and so does the loop: two sets would sign with two secrets
            if self._open_services is None:
                self._open_services = self._make_services()
            return self._open_services

    def _make_services(self) -> _Services:
        library = self._make_library()
        signer = Signer(library.store.secret)
        site_url = f"https://{self.site_hostname}{quote(self.site_path)}"
        library_url = f"{site_url}/{quote(self.library_name)}"
        writer = Writer(library, self.knobs, library_url, self._make_link)
        places = Places(library, self.site_path, self.site_title, self.library_name, site_url, library_url)
        lists = Lists(self.lists_path, self.state_dir, self.ids.site_id, self.clock)
        return _Services(
            library,
            lists,
            signer,
            LoginHost(
                self.tenant_id,
                self.tenant_domain,
                self.client_id,
                self.client_secret,
                signer,
                self.knobs.token_ttl_s,
                self.knobs.roles,
                self.public_clients,
            ),
            GraphHost(
                library,
                self.knobs,
                writer,
                Delta(Feed(LibraryLog(library, self.knobs), self.knobs), self.knobs, self.clock),
                places,
                ListHost(lists, places, self.knobs, self.clock),
            ),
            DownloadHost(library, signer, self.knobs, self.clock),
        )

    def _make_library(self) -> Library:
        if self._blueprint is not None:
            return GeneratedLibrary(self._blueprint, self.ids, self.state_dir, self.clock)
        return Library(self.library_path, self.ids, Store(self.state_dir), self.clock)

    async def closed(self) -> None:
        """Write the state and let go of the file."""
        services, self._open_services = self._open_services, None
        if services is not None:
            services.library.close()
            services.lists.close()

    def _make_link(self, item: Item) -> str:
        expires = self.clock.now() + self.knobs.url_ttl_s
        tempauth = self._services.signer.tempauth(item.guid, expires)
        return (
            f"{self.download_root}{quote(self.site_path)}/_layouts/15/download.aspx"
            f"?UniqueId={item.guid}&Translate=false&tempauth={tempauth}&ApiVersion=2.0"
        )

    def refresh_token(self) -> str:
        """Return what a person's sign-in in a browser would have left with a program; only while it runs."""
        return self._services.login.refresh_token(self.clock.now())

    def rename_library(self, name: str) -> None:
        """Give the library another title, as its owner may: its address and its drive id stay (reference 2)."""
        self.library_name = name
        self._services.graph.places.library_name = name

    # -- requests --------------------------------------------------------------------------------------

    def classify(self, request: web.BaseRequest) -> Call:
        """Name service and operation by the path alone."""
        segments, query = split(request.raw_path)
        if segments[:1] and segments[0] in VERSIONS:
            target = parse(request.raw_path)
            request[_TARGET] = target
            if target.token and "token" not in query:
                query["token"] = target.token
            return Call("graph", target.kind, query, item=target.item)
        if segments[-1:] == ["download.aspx"]:
            return Call("download", "download", query)
        return Call("login", LoginHost.operation(segments) or ("unknown" if segments else "home"), query)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request on any of the three hosts."""
        call = call_of(request)
        fault = fault_of(request)
        if fault is not None and fault.kind == "expire_links":
            self._services.signer.expire("link")
        if call.service == "download":
            return await self._services.download.handle(request, call)
        if call.service == "graph":
            return await self._graph(request, call, fault)
        if call.operation in ("unknown", "home"):
            # Some clients look whether the host is there before they begin (reference 17.1).
            return web.Response(status=200 if call.operation == "home" or request.method == "HEAD" else 404)
        segments, _ = split(request.raw_path)
        base = self._base(request)
        return await self._services.login.handle(request, call, segments, base, self.clock.now())

    def _base(self, request: web.BaseRequest) -> str:
        return f"{'https' if self.ca_file else 'http'}://{request.host}"

    async def _graph(self, request: web.BaseRequest, call: Call, fault: FaultAction | None) -> web.Response:
        target = request[_TARGET]
        if fault is not None and fault.kind == "expire_tokens":
            self._services.signer.expire("access")
        try:
            self._authorize(self._authenticate(request, call), target)
            if target.kind == "batch":
                response = await self._batch(request, target)
            else:
                response = await self._answer_graph(target, call, request, fault)
        except GraphFailure as failure:
            response = self._failure(request, failure)
        except OSError as error:
            _LOG.error("the library folder cannot be read: %s", error.strerror)
            outage = GraphFailure(503, "serviceNotAvailable", "The library cannot be read.")
            response = self._failure(request, outage)
        return self._with_ids(request, response)

    async def _answer_graph(
        self, target: Target, call: Call, request: web.BaseRequest, fault: FaultAction | None
    ) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise GraphFailure(405, "notAllowed", "The simulator's library is read only.")
        headers = self._charge(target, call)
        base = f"{self._base(request)}/{target.version}"
        response = self._at_once(target, call, base, request.headers)
        if response is None:
            response = await asyncio.to_thread(self._services.graph.answer, target, call, base, request.headers, fault)
        response.headers.update(headers)
        return response

    def _at_once(self, target: Target, call: Call, base: str, headers: Mapping[str, str]) -> web.Response | None:
        """Answer here what needs no look at the disk: a detour through a thread costs more than such an answer."""
        if target.kind != "content":
            return None
        with self._services.library.at_hand() as ready:
            return self._services.graph.answer(target, call, base, headers, None) if ready else None

    def _authenticate(self, request: web.BaseRequest, call: Call) -> dict[str, Any]:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = None
        if kind.lower() == "bearer":
            call.session = self._labels.label(token)
            claims = self._services.signer.read_access_token(token, self.clock.now())
        if claims is None or claims["aud"] == REFRESH:
            text = "Access token is missing, not valid or has expired."
            headers = {"WWW-Authenticate": 'Bearer realm=""'}
            raise GraphFailure(401, "InvalidAuthenticationToken", text, headers=headers)
        return claims

    def _authorize(self, claims: dict[str, Any], target: Target) -> None:
        """Refuse what the token's roles do not allow (reference 4.2); one refusal for all that was not granted."""
        person = str(claims.get("scp", "")).split()
        if target.me and not person:
            text = "/me request is only valid with delegated authentication flow."
            raise GraphFailure(400, "BadRequest", text)
        roles = {*claims["roles"], *person}
        everywhere = bool(roles & _SEE_SITES)
        if target.kind == "sites":
            seen = everywhere  # a search never works with Sites.Selected (reference 4.1)
        else:
            seen = everywhere or ("Sites.Selected" in roles and self.knobs.site_granted)
            seen = seen or (target.site is None and bool(roles & _SEE_FILES))
        if not seen:
            raise GraphFailure(403, "accessDenied", "Access denied")

    def _charge(self, target: Target, call: Call) -> dict[str, str]:
        call.units = call.units + units_of(target)
        verdict = self.meter.charge(f"{self.tenant_id}/{self.client_id}", target.kind, units_of(target))
        if verdict.allowed:
            return dict(verdict.headers)
        raise GraphFailure(
            429,
            "activityLimitReached",
            "The request has been throttled",
            inner="throttledRequest",
            headers=verdict.headers,
        )

    async def _batch(self, request: web.BaseRequest, target: Target) -> web.Response:
        call = call_of(request)

        async def one(url: str, method: str) -> web.Response:
            part = parse(f"/{target.version}/{url.lstrip('/')}")
            try:
                if method != "GET" or part.kind == "batch":
                    raise GraphFailure(405, "notAllowed", "Only GET is served in a batch.")
                return await self._answer_graph_part(part, call, request)
            except GraphFailure as failure:
                return self._failure(request, failure)

        return await run_batch(await request.text(), one)

    async def _answer_graph_part(self, part: Target, call: Call, request: web.BaseRequest) -> web.Response:
        headers = self._charge(part, call)
        base = f"{self._base(request)}/{part.version}"
        response = await asyncio.to_thread(self._services.graph.answer, part, call, base, {}, None)
        response.headers.update(headers)
        return response

    # -- answers ---------------------------------------------------------------------------------------

    def _failure(self, request: web.BaseRequest, failure: GraphFailure) -> web.Response:
        body = error_body(
            failure.code,
            failure.message,
            self.clock.now(),
            *_ids(request),
            failure.inner,
        )
        return web.Response(status=failure.status, body=body, headers={"Content-Type": GRAPH_TYPE, **failure.headers})

    def _with_ids(self, request: web.BaseRequest, response: web.Response) -> web.Response:
        # Graph reference 17.3: on every response.
        request_id, response.headers["client-request-id"] = _ids(request)
        response.headers["request-id"] = response.headers["SPRequestGuid"] = request_id
        return response

    def status_fault(self, request: web.BaseRequest, action: FaultAction) -> web.Response:
        """Answer a declared status with Graph's error body, unless the plan brings its own."""
        status = int(action.get("status"))
        code, inner = CODES_BY_STATUS.get(status, ("generalException", None))
        body = error_body(code, "declared fault", self.clock.now(), *_ids(request), inner)
        if call_of(request).service == "login":
            body = json.dumps({"error": "temporarily_unavailable", "error_description": "fault"}).encode()
        return self._with_ids(request, actions.status_response(action, body.decode(), GRAPH_TYPE))

    def metrics(self) -> dict[str, Any]:
        """Add units, downloads and scans to the common metrics (Graph reference 17.4)."""
        services = self._open_services
        own: dict[str, Any] = {"units": self.meter.snapshot()}
        if services is not None:
            download = services.download
            own |= {
                "auth_on_download": download.auth_seen,
                "download_bytes": download.bytes_sent,
                "repeated_ranges": download.repeated,
                "scans": services.library.scanner.scans,
                "skipped_entries": services.library.scanner.skipped,
                "unreadable_lists": dict(services.lists.problems),
            }
        return {**super().metrics(), **own}


def _ids(request: web.BaseRequest) -> tuple[str, str]:
    """Return the service's id of a request and the client's, which is the service's when the client gave none."""
    if _IDS not in request:
        own = str(uuid.uuid4())
        request[_IDS] = own, request.headers.get("client-request-id", own)
    return request[_IDS]
