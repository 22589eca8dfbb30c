"""The loopback HTTP server under every simulator: life cycle, journal, latency and faults."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from aiohttp import web

from simulators.common import actions, observers
from simulators.common.calls import CALL, FAULT, Call
from simulators.common.clock import Clock, SystemClock
from simulators.common.control import PREFIX, ControlEndpoint
from simulators.common.faults import FaultAction, FaultPlan, FaultRule
from simulators.common.journal import Journal, JournalEntry
from simulators.common.tls import TlsFiles, ensure_tls

HOST = "127.0.0.1"
_READ_AHEAD = 1 << 18
"""Bytes of a body that may wait for their handler: as much as the event loop reads at once, so it seldom pauses."""
_LOG = logging.getLogger("simulators")
FaultSource = FaultPlan | Path | Iterable[FaultRule | Mapping[str, Any]] | None


class SimulatorServer(ABC):
    """Base of the simulators. Subclasses give `classify` and `handle`.

    Serves on 127.0.0.1 only. `start`/`stop` (or `with`) run it in a thread with its own event loop;
    `serve` runs it in the current loop until cancelled. A stopped server can be started again; `port=0`
    picks a free port at each start. `latency_ms` is added to each request. Everything under `/_sim/` is
    for tests and never journalled. `tls_names` are further host names that its certificate is valid for, for clients
    that reach it by the real service's name, through a proxy.
    """

    listeners: tuple[str, ...] = ("main",)
    extra_fault_kinds: ClassVar[Mapping[str, frozenset[str]]] = {}

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int = 0,
        tls: bool = False,
        tls_names: Sequence[str] = (),
        latency_ms: float = 0,
        faults: FaultSource = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        extra_ports: Mapping[str, int] | None = None,
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self.state_dir = state_dir
        self.clock: Clock = clock or SystemClock()
        self.journal = journal or Journal(None, self.clock)
        self.faults = FaultPlan.load(faults, self.extra_fault_kinds)
        self.latency_ms = latency_ms
        self.date_skew_s = 0.0
        """Seconds by which the header `Date` is ahead of the machine's clock; streamed answers keep the true one."""
        self._tls: TlsFiles | None = ensure_tls(state_dir, tls_names) if tls else None
        self._wanted_ports = {"main": port, **(extra_ports or {})}
        self._ports: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._in_flight: Counter[str] = Counter()
        self._peak: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._quit: asyncio.Event | None = None
        self._control = ControlEndpoint(self.journal, self.metrics, lambda: self.faults, self.replace_faults)

    # -- for subclasses ------------------------------------------------------------------------------

    @abstractmethod
    def classify(self, request: web.BaseRequest) -> Call:
        """Name the service and operation of a request, cheaply and without reading its body."""

    @abstractmethod
    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request. `call_of(request)` may be completed, `fault_of(request)` is this call's fault."""

    def status_fault(self, request: web.BaseRequest, action: FaultAction) -> web.Response:
        """Answer a `status` fault; override to give the service's own error body."""
        body = json.dumps({"error": {"code": "fault", "message": "declared fault"}})
        return actions.status_response(action, body, "application/json")

    def xml_error(self, request: web.BaseRequest, message: str) -> web.Response:
        """Answer an `xml_error_200` fault; override to give the service's own shape."""
        return actions.default_xml_error(message)

    def metrics(self) -> dict[str, Any]:
        """Return what `/_sim/metrics` shows; override and extend."""
        return {
            "calls": self.journal.totals(),
            "peak_concurrency": dict(self._peak),
            "faults_unhit": self.faults.unhit(),
        }

    def replace_faults(self, rules: FaultSource) -> None:
        """Replace the fault plan; raises FaultPlanError and keeps the old one when it is refused."""
        self.faults = FaultPlan.load(rules, self.extra_fault_kinds)

    # -- addresses -----------------------------------------------------------------------------------

    @property
    def ca_file(self) -> Path | None:
        """The certificate authority to trust, or None without TLS."""
        return self._tls.ca_file if self._tls else None

    @property
    def port(self) -> int:
        """The port of the main listener; only while running."""
        return self.port_of("main")

    @property
    def url(self) -> str:
        """The root URL of the main listener, without a trailing slash; only while running."""
        return self.url_of("main")

    def port_of(self, listener: str) -> int:
        """Return the port of a listener; raises RuntimeError when the server is not running."""
        if listener not in self._ports:
            raise RuntimeError("the simulator is not running")
        return self._ports[listener]

    def url_of(self, listener: str) -> str:
        """Return the root URL of a listener, without a trailing slash."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port_of(listener)}"

    def listener_of(self, request: web.BaseRequest) -> str:
        """Return the name of the listener that a request came in by."""
        transport = request.transport
        name = transport.get_extra_info("sockname") if transport is not None else None
        return self._names.get(name[1], "main") if name else "main"

    # -- life cycle ----------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start in a background thread and return when the ports are open."""
        if self._thread is not None:
            raise RuntimeError("the simulator is already running")
        ready = threading.Event()
        problem: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._run_thread, args=(ready, problem), name=type(self).__name__, daemon=True
        )
        self._thread.start()
        ready.wait()
        if problem:
            self._thread.join()
            self._thread = None
            raise problem[0]
        return self

    def stop(self) -> None:
        """Stop the background thread; does nothing when it is not running."""
        if self._thread is None or self._loop is None or self._quit is None:
            return
        self._loop.call_soon_threadsafe(self._quit.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def serve(self, ready: asyncio.Event | None = None) -> None:
        """Serve in the current event loop until cancelled or stopped."""
        self._loop = asyncio.get_running_loop()
        self._quit = asyncio.Event()
        server = web.Server(
            self._dispatch, request_factory=self._make_request, access_log=None, read_bufsize=_READ_AHEAD
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await self._open(runner)
            if ready is not None:
                ready.set()
            await self._quit.wait()
        finally:
            transports = [c.transport for c in server.connections if c.transport is not None]
            await runner.cleanup()
            for transport in transports:
                # TLS would wait for the peer's goodbye long after the loop has gone.
                transport.abort()
            await asyncio.sleep(0)
            self._ports.clear()
            await self.closed()

    async def closed(self) -> None:  # noqa: B027 - most simulators have nothing to close
        """Called in the server's loop after the last request; override to close what was opened."""

    async def _open(self, runner: web.ServerRunner) -> None:
        context = self._tls.server_context() if self._tls else None
        for name in self.listeners:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((HOST, self._wanted_ports.get(name, 0)))
            except OSError:
                sock.close()
                raise
            await web.SockSite(runner, sock, ssl_context=context, backlog=512).start()
            self._ports[name] = sock.getsockname()[1]
        self._names = {port: name for name, port in self._ports.items()}

    def _run_thread(self, ready: threading.Event, problem: list[BaseException]) -> None:
        async def main() -> None:
            opened = asyncio.Event()
            task = asyncio.create_task(self.serve(opened))
            waiter = asyncio.create_task(opened.wait())
            await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            if not task.done():
                ready.set()
            await task

        try:
            asyncio.run(main())
        except Exception as error:  # noqa: BLE001 - handed over to the thread that called start
            problem.append(error)
            if ready.is_set():
                _LOG.exception("the simulator ended early")
        finally:
            ready.set()

    @staticmethod
    def _make_request(*parts: Any) -> web.BaseRequest:
        message, payload, protocol, writer, task = parts
        # 0 = no limit: uploads are streamed by the handlers, and each service has its own rule.
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=0)

    # -- one request ---------------------------------------------------------------------------------

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(PREFIX):
            return await self._control.handle(request)
        call = self.classify(request)
        call.start = self.clock.now()
        call.closer = functools.partial(self._record, request, call)
        rule = self.faults.hit(call.service, call.operation, request.raw_path)
        call.fault = rule.id if rule else None
        request[CALL] = call
        if rule is not None:
            request[FAULT] = rule.action
        self._in_flight[call.service] += 1
        self._peak[call.service] = max(self._peak[call.service], self._in_flight[call.service])
        status = 0
        try:
            response = await self._answer(request, rule)
            observers.tell(call, request, response)
            status = response.status
            if self.date_skew_s and not response.prepared:
                response.headers["Date"] = formatdate(time.time() + self.date_skew_s, usegmt=True)
            if call.bytes_out is None and isinstance(response, web.Response):
                body = response.body
                call.bytes_out = len(body) if isinstance(body, bytes | bytearray) else 0
            return response
        except actions.ConnectionCutError:
            return web.Response(status=500)
        finally:
            self._in_flight[call.service] -= 1
            call.close(status)

    async def _answer(self, request: web.BaseRequest, rule: FaultRule | None) -> web.StreamResponse:
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)
        if rule is None:
            return await self.handle(request)
        return await actions.execute(request, rule.action, self.handle, self.status_fault, self.xml_error)

    def _record(self, request: web.BaseRequest, call: Call, status: int) -> None:
        self.journal.record(
            JournalEntry(
                service=call.service,
                method=request.method,
                path=request.raw_path,
                operation=call.operation,
                params=call.params,
                item=call.item,
                status=status,
                bytes_in=call.bytes_in if call.bytes_in is not None else request.content_length or 0,
                bytes_out=call.bytes_out or 0,
                units=call.units,
                start=call.start,
                end=self.clock.now(),
                session=call.session,
                fault=call.fault,
                has_authorization="Authorization" in request.headers,
                user_agent=request.headers.get("User-Agent", ""),
            )
        )
