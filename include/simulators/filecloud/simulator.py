"""The FileCloud server: from a request to an operation and back (reference 1, 2, 12)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from simulators.common import Call, Clock, Journal, SessionLabels, SimulatorServer, call_of, fault_of
from simulators.common.server import FaultSource
from simulators.filecloud import markup
from simulators.filecloud.errors import Malformed, Refused
from simulators.filecloud.exchange import Exchange, Operation, query_of, read_form, refuse_other_user
from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.operations import CLOSED, OPEN, download, upload
from simulators.filecloud.routing import operation_of
from simulators.filecloud.sessions import csrf_missing, parse_cookies
from simulators.filecloud.world import World

SERVICE = "filecloud"
_STREAMED = frozenset({"upload"})


class FileCloudSimulator(SimulatorServer):
    """A FileCloud server on loopback that stores into the folder `store`.

    The FileCloud path `/<account>/a/b` is `<store>/a/b`; a file's modification time on disk is the stored
    one. Everything else (versions, recycle bin, unfinished uploads, sessions) lies in `state_dir`, and
    survives a restart. Files put into or changed in the store by hand are seen at the next listing.
    Faults beyond the common kinds: `refuse` {message} in the operation's own shape, `locked_file`,
    `clock_jump` {seconds} (with a clock that can be advanced).
    """

    listeners: tuple[str, ...] = ("main", "storage")
    extra_fault_kinds: ClassVar[Mapping[str, frozenset[str]]] = {
        "refuse": frozenset({"message"}),
        "locked_file": frozenset(),
        "clock_jump": frozenset({"seconds"}),
    }

    def __init__(
        self,
        store: Path,
        *,
        state_dir: Path,
        port: int = 0,
        tls: bool = False,
        latency_ms: float = 0,
        faults: FaultSource = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        knobs: FileCloudKnobs | None = None,
        account: str = "spfc",
        password: str = "simulated",  # noqa: S107  the simulator's own, loopback only
        mount_prefix: str = "",
    ) -> None:
        super().__init__(
            state_dir=state_dir,
            port=port,
            tls=tls,
            latency_ms=latency_ms,
            faults=faults,
            journal=journal,
            clock=clock,
        )
        self.store = store
        self.account = account
        self.password = password
        self.root = f"/{account}"
        self._prefix = "/" + mount_prefix.strip("/") if mount_prefix.strip("/") else ""
        self.world = World(store, state_dir, self.clock, knobs or FileCloudKnobs(), account, password)
        self._labels = SessionLabels()
        self._links: dict[str, tuple[Path, str, str]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._cookies_at_storage = 0

    @property
    def knobs(self) -> FileCloudKnobs:
        """How the server behaves; may be replaced while it runs."""
        return self.world.knobs

    @knobs.setter
    def knobs(self, value: FileCloudKnobs) -> None:
        self.world.knobs = value

    @property
    def url(self) -> str:
        """The base URL for clients, with the mount prefix, without a trailing slash."""
        return super().url + self._prefix

    def metrics(self) -> dict[str, Any]:
        """Add the live sessions, and how many requests carried cookies to the storage host."""
        return {
            **super().metrics(),
            "sessions": len(self.world.sessions),
            "cookies_at_storage": self._cookies_at_storage,
        }

    def close(self) -> None:
        """Close the database; call it after the last `stop`."""
        self.world.state.close()

    # -- classify ------------------------------------------------------------------------------------

    def classify(self, request: web.BaseRequest) -> Call:
        """Name the operation by path, or by `op` in the query."""
        if self.listener_of(request) == "storage":
            return Call(SERVICE, "storage", query_of(request.raw_path))
        params = query_of(request.raw_path)
        call = Call(SERVICE, operation_of(request.raw_path, self._prefix, params), params)
        cookies = parse_cookies(request.headers.get("Cookie", ""))
        call.session = self._labels.label(cookies.get("tonido-login-hash"))
        return call

    # -- handle --------------------------------------------------------------------------------------

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; a client that went away in mid-body gets nothing and changes nothing."""
        try:
            return await self._handle(request)
        except ConnectionError:
            return web.Response(status=499)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = call_of(request)
        if call.operation == "storage":
            return await self._storage(request)
        self._play_state_faults(request)
        exchange = Exchange(self.world, request, call.operation, dict(call.params))
        try:
            if call.operation not in _STREAMED:
                exchange.params.update(await read_form(request))
                call.params = dict(exchange.params)
                _name_op(exchange, call)
            return await self._run(exchange)
        except Malformed as error:
            text = "bad request" if exchange.as_json else f"bad request: {error}"
            return exchange.refused(text, status=422)
        except Refused as refusal:
            return exchange.refused(str(refusal))

    async def _run(self, exchange: Exchange) -> web.StreamResponse:
        if exchange.operation in OPEN:
            return await OPEN[exchange.operation](exchange)
        operation = CLOSED.get(exchange.operation)
        if operation is None:
            return markup.html("Not Found", 404)
        turned_away = self._admit(exchange)
        if turned_away is not None:
            await _drain(exchange.request)
            return turned_away
        if not self.knobs.serialize_sessions:
            await asyncio.sleep(self.knobs.work_s)
            return await self._operate(exchange, operation)
        async with self._turns.setdefault(exchange.session.digest, asyncio.Lock()):
            await asyncio.sleep(self.knobs.work_s)
            return await self._operate(exchange, operation)

    def _admit(self, exchange: Exchange) -> web.Response | None:
        """Find the caller's session; return what to answer when there is none."""
        knobs, headers = self.knobs, exchange.request.headers
        cookies = parse_cookies(headers.get("Cookie", ""))
        session = self.world.sessions.find(cookies, knobs, self.clock.now())
        fault = exchange.fault
        mode = knobs.expired_session_mode
        if fault is not None and fault.kind == "drop_session":
            mode = fault.get("shape", mode)
            if session is not None:
                self.world.sessions.drop(session)
            session = None
        if session is None:
            return self._expired(exchange, mode)
        if csrf_missing(session, headers.get("X-XSRF-TOKEN"), headers.get("User-Agent", ""), knobs):
            return exchange.refused("Invalid or missing CSRF token")
        exchange.session = session
        return None

    def _expired(self, exchange: Exchange, mode: str) -> web.Response:
        """Answer without a session, in one of the five ways that real servers might (reference 2.4)."""
        if exchange.operation == "fileinfo" and self.knobs.dead_session_stat == "missing":
            return exchange.records("fileinfo", "entry", [])
        if mode == "http_401":
            return markup.html("Unauthorized", 401)
        if mode == "http_403":
            return markup.html("Forbidden", 403)
        if mode == "redirect_html":
            return web.Response(status=302, headers={"Location": f"{self.url}/ui/core/index.html"})
        if mode == "html_200":
            return markup.html("Please log in")
        return exchange.refused("Session expired. Please login again")

    async def _operate(self, exchange: Exchange, operation: Operation) -> web.StreamResponse:
        refusal = _declared_refusal(exchange)
        if exchange.operation in _STREAMED:
            if refusal is not None:
                await _drain(exchange.request)
                return upload.failure(exchange, refusal)
            return await operation(exchange)
        if refusal is not None:
            raise refusal
        refuse_other_user(exchange)
        redirect = self._redirect(exchange)
        return redirect if redirect is not None else await operation(exchange)

    def _play_state_faults(self, request: web.BaseRequest) -> None:
        fault = fault_of(request)
        if fault is None:
            return
        if fault.kind == "forget_staged":
            self.world.staging.drop_all()
        elif fault.kind == "clock_jump":
            advance = getattr(self.clock, "advance", None)
            if advance is None:
                raise TypeError("clock_jump needs a clock that can be advanced")
            advance(float(fault.get("seconds", 0)))

    def xml_error(self, request: web.BaseRequest, message: str) -> web.Response:
        """Answer an `xml_error_200` fault as a failed command of this operation."""
        return markup.xml(markup.command_xml(call_of(request).operation, 0, message))

    # -- object storage ------------------------------------------------------------------------------

    def _redirect(self, exchange: Exchange) -> web.Response | None:
        """Send a download to the storage host if the caller allows it and the knob is on."""
        wanted = exchange.operation == "downloadfile" and exchange.flag("redirect")
        if not (wanted and self.knobs.s3_redirect) or exchange.flag("checkonly"):
            return None
        try:
            place = exchange.place(exchange.need("filepath"))
            path, status = self.world.existing_file(place)
        except Refused:
            return None
        token = secrets.token_hex(16)
        etag = self.world.etag(place, self.world.contents.of(status))
        self._links[token] = (path, place.name, etag)
        return web.Response(status=302, headers={"Location": f"{self.url_of('storage')}/object?token={token}"})

    async def _storage(self, request: web.BaseRequest) -> web.StreamResponse:
        """Play the object storage behind the server: the link alone decides."""
        if "Cookie" in request.headers:
            self._cookies_at_storage += 1
        link = self._links.get(query_of(request.raw_path).get("token", ""))
        if link is None or not link[0].is_file():
            return markup.xml("<Error><Code>AccessDenied</Code></Error>", 403)
        return await download.send(self.world, request, *link)


def _name_op(exchange: Exchange, call: Call) -> None:
    """Take the operation from the form when neither path nor query named it (reference 1)."""
    if not call.operation and exchange.text("op"):
        call.operation = exchange.operation = exchange.text("op").lower()


def _declared_refusal(exchange: Exchange) -> Refused | None:
    """Return the refusal that a declared fault asks for, in the operation's own shape."""
    fault = exchange.fault
    if fault is None:
        return None
    if fault.kind == "refuse":
        return Refused(str(fault.get("message", "Operation failed")))
    if fault.kind == "locked_file":
        return Refused("The file is locked by another user", "CLFC-2005")
    if fault.kind == "quota_full":
        return Refused("Storage quota exceeded", "CLFC-5001")
    return None


async def _drain(request: web.BaseRequest) -> None:
    # A server reads the whole request before it answers; an early answer would reset the sender.
    while await request.content.readany():
        pass
