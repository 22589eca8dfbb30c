"""The one way a request leaves for FileCloud: with deadlines, bounded retries and one shared pause."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies

from spfc.errors import ConnectionInvalid, ReplyLost, ServiceBusy, ServiceError, SpfcError, Throttled, Unreachable
from spfc.filecloud.failures import Failure, Sent, failure_of
from spfc.filecloud.settings import FileCloudSettings

_LOG = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass (reference 12)."""
NOT_DONE = frozenset({408, 425, 429, 503})
"""Those of them that say that nothing was carried out, so even a change may simply be sent again."""


class Body(Protocol):
    """A request body that knows its length, keeps no copy and can be sent twice."""

    content_type: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes | memoryview]: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it is to be sent. ``operation`` is the short name that counters and logs use.

    ``changes``: the call changes the server, so that when its reply is lost somebody must look before it is sent
    again; all others are simply repeated.
    """

    operation: str
    path: str
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = field(default=None, repr=False)
    changes: bool = False
    stream: bool = False
    read_timeout: float | None = None
    subject: str | None = None
    """The path this call is about, for error texts."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``body`` is complete, except for streams, which are read from ``stream``."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: requests.Response | None = None

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Wire:
    """Sends requests over pooled connections. Thread safe; holds no secret of its own.

    Raises Unreachable, ServiceBusy, Throttled when trouble outlasts ``settings.attempts``, ReplyLost at once when a
    change may have been carried out without its reply arriving, ConnectionInvalid when TLS cannot be verified.
    Redirects are never followed.
    """

    def __init__(
        self,
        settings: FileCloudSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if isinstance(settings.trust, str) and not Path(settings.trust).exists():
            # The HTTP library would say so with an error of no kind that anybody handles.
            raise ConnectionInvalid(
                f"The file of certificate authorities {settings.trust} is not there.",
                hint="Correct ca_file in the FileCloud connection: it is a path on the machine that runs the task.",
            )
        self._settings = settings
        self._sleep = sleep
        self._monotonic = monotonic
        self._jitter = jitter
        self._adapter = HTTPAdapter(pool_connections=2, pool_maxsize=settings.pool_size, max_retries=0)
        self._proxies = get_environ_proxies(settings.base_url, no_proxy=None)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._resume_at = 0.0
        self.refusals = 0
        """Times that nothing was carried out because the server did not want to just now, or was not reached."""

    @property
    def counts(self) -> Counter[str]:
        """Requests sent so far by operation, repetitions included; a copy."""
        with self._lock:
            return Counter(self._counts)

    @property
    def proxies(self) -> Mapping[str, str]:
        """The proxies on the way to the server, by scheme, as the environment names them."""
        return self._proxies

    def send(self, request: Request, jar: RequestsCookieJar, headers: Mapping[str, str]) -> Reply:
        """Send until an answer comes that is not transient trouble, and return it whatever its status."""
        attempt = 1
        while True:
            try:
                return self._once(request, jar, headers)
            except _Transient as trouble:
                if trouble.refused:
                    with self._lock:
                        self.refusals += 1
                if trouble.final or attempt >= self._settings.attempts:
                    raise trouble.error from trouble.__cause__
                _LOG.info("filecloud %s: %s; try %d follows", request.operation, trouble.error.message, attempt + 1)
                self._back_off(attempt, trouble)
                attempt += 1

    def rest(self, attempt: int) -> None:
        """Sleep a random while, longer with each ``attempt`` (from 1): exponential back-off with full jitter."""
        bound = min(self._settings.backoff_cap, self._settings.backoff_base * 2 ** (attempt - 1))
        self._sleep(bound * self._jitter())

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _back_off(self, attempt: int, trouble: _Transient) -> None:
        wait = trouble.error.retry_after
        if wait is not None:
            with self._lock:
                self._resume_at = max(self._resume_at, self._monotonic() + wait)
        elif not (trouble.stale and attempt == 1):  # an idle connection that the server dropped: no reason to wait
            self.rest(attempt)

    def _observe_pause(self) -> None:
        while True:
            with self._lock:
                left = self._resume_at - self._monotonic()
            if left <= 0:
                return
            self._sleep(left)

    def _once(self, request: Request, jar: RequestsCookieJar, headers: Mapping[str, str]) -> Reply:
        self._observe_pause()
        prepared = self._prepare(request, jar, headers)
        with self._lock:
            self._counts[request.operation] += 1
        begun = self._monotonic()
        try:
            response = self._adapter.send(
                prepared,
                stream=True,
                timeout=(self._settings.connect_timeout, request.read_timeout or self._settings.read_timeout),
                verify=self._settings.trust,
                proxies=self._proxies,
            )
            extract_cookies_to_jar(jar, prepared, response.raw)  # type: ignore[no-untyped-call]
            streamed = request.stream and response.status_code in (200, 206)
            body = b"" if streamed else response.content
        except requests.RequestException as error:
            raise self._transient(request, failure_of(error)) from error
        _LOG.debug(
            "filecloud %s: status %d, %d bytes, %.3f s",
            request.operation, response.status_code, len(body), self._monotonic() - begun,
        )  # fmt: skip
        if response.status_code in TRANSIENT:
            response.close()
            raise self._refused_for_now(request, response)
        return Reply(response.status_code, response.headers, body, response if streamed else None)

    def _prepare(
        self, request: Request, jar: RequestsCookieJar, headers: Mapping[str, str]
    ) -> requests.PreparedRequest:
        """Put the request together by hand: what requests would do to it besides costs more than sending it."""
        own = {"User-Agent": self._settings.agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        own |= {**headers, **request.headers}
        query = f"?{urlencode(request.query)}" if request.query else ""
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, f"{self._settings.base_url}{request.path}{query}"
        prepared.headers = CaseInsensitiveDict(own)
        prepared.hooks = default_hooks()
        if request.body is not None:
            prepared.headers["Content-Type"] = request.body.content_type
            prepared.headers["Content-Length"] = str(len(request.body))
            prepared.body = request.body  # type: ignore[assignment]  # anything iterable is sent piece by piece
        elif request.method != "GET":
            prepared.prepare_body(dict(request.form), None)
        prepared.prepare_cookies(jar)
        return prepared

    def _transient(self, request: Request, failure: Failure) -> _Transient:
        if failure.permanent is not None:
            return _Transient(failure.permanent, final=True)
        if failure.sent is Sent.NO:
            where = urlsplit(self._settings.base_url).netloc.rpartition("@")[2]
            hint = "Check the FileCloud connection's host and port, and that this machine may reach it."
            error = Unreachable(f"FileCloud at {where} cannot be reached: {failure.text}.", hint=hint)
            return _Transient(error, refused=True)
        if request.changes:
            return _Transient(_lost(request, failure.text), final=True)
        kind = ServiceBusy if failure.sent is Sent.ANSWERED else Unreachable
        broken = kind(f"FileCloud gave no whole answer to {request.operation}: {failure.text}.", item=request.subject)
        return _Transient(broken, stale=failure.stale)

    def _refused_for_now(self, request: Request, response: requests.Response) -> _Transient:
        status = response.status_code
        if request.changes and status not in NOT_DONE:
            return _Transient(_lost(request, f"status {status}"), final=True)
        wait = retry_after(response.headers.get("Retry-After"))
        text = f"FileCloud answered {request.operation} with status {status}."
        kind: type[ServiceError] = Throttled if status == 429 or wait is not None else ServiceBusy
        too_long = wait is not None and wait > self._settings.patience
        error = kind(text, retry_after=wait, item=request.subject)
        return _Transient(error, final=too_long, refused=status in NOT_DONE)


class _Transient(Exception):
    """Trouble that may pass. ``final``: not by repeating here. ``stale``: probably an old idle connection.

    ``refused``: the server did not want to just now, or was not reached.
    """

    def __init__(self, error: SpfcError, *, final: bool = False, stale: bool = False, refused: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.final = final
        self.stale = stale
        self.refused = refused


def _lost(request: Request, why: str) -> ReplyLost:
    return ReplyLost(f"The answer to {request.operation} never came: {why}.", item=request.subject)


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, seconds or a date, as seconds from now; None when absent or senseless."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
