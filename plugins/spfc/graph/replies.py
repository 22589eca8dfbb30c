"""How an answer of Graph that is not a success is read: its codes, its wait, and the error it means."""

from __future__ import annotations

import json
import math
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
import urllib3

from spfc.errors import (
    AnswerUnreadable,
    AuthenticationRefused,
    PermissionMissing,
    RequestRefused,
    ServiceBusy,
    SpfcError,
    Throttled,
    Unreachable,
)

THROTTLED: Final = frozenset({429, 503, 509})
"""Graph reference 10.2: throttling, overload, bandwidth cap."""
OUTAGE_CEILING: Final = 600.0
"""A 503 is also sent for real outages: wait at most this, then look again (Graph reference 10.2)."""
_TEXT_LIMIT: Final = 300
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""What an error code looks like: anything else in its place may be an echo of what must not be shown."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with a status from 400 on, reduced to what matters and may be shown."""

    status: int
    codes: tuple[str, ...] = ()
    """Error codes from the outermost to the deepest (Graph reference 11)."""
    message: str = ""
    request_id: str = ""
    html: bool = False
    location: str | None = None
    infected: bool = False
    wait: float | None = None
    """Seconds that the service asks us to wait: the larger of Retry-After and RateLimit-Reset."""

    @property
    def code(self) -> str:
        """The deepest code, or an empty text."""
        return self.codes[-1] if self.codes else ""

    def has(self, *names: str) -> bool:
        """Say whether any level of the error carries one of these codes, whatever their case."""
        wanted = {name.lower() for name in names}
        return any(code.lower() in wanted for code in self.codes)

    def __str__(self) -> str:
        parts = [f"status {self.status}"]
        if self.codes:
            parts.append("/".join(self.codes))
        if self.message:
            parts.append(self.message)
        if self.request_id:
            parts.append(f"request-id {self.request_id}")
        return ", ".join(parts)


def read_refusal(response: requests.Response, *, now: datetime | None = None, graph: bool = True) -> Refusal:
    """Reduce a refused answer. The body is read; with ``graph`` False its free text is not kept."""
    headers = response.headers
    codes, message, body_id = _read_body(response)
    return Refusal(
        status=response.status_code,
        codes=codes,
        message=message if graph else "",
        request_id=headers.get("request-id") or body_id or headers.get("SPRequestGuid") or "",
        html="html" in headers.get("Content-Type", "").lower(),
        location=headers.get("Location"),
        infected="X-Virus-Infected" in headers or "malwaredetected" in (code.lower() for code in codes),
        wait=wait_of(headers, now=now),
    )


def _read_body(response: requests.Response) -> tuple[tuple[str, ...], str, str]:
    try:
        body = json.loads(response.content)
    except (ValueError, requests.RequestException):
        return (), "", ""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return (), "", ""
    message = " ".join(str(error.get("message") or "").split())[:_TEXT_LIMIT]
    codes: list[str] = []
    request_id = ""
    level: Any = error
    while isinstance(level, dict):
        code = level.get("code")
        if isinstance(code, str) and _CODE.fullmatch(code):
            codes.append(code)
        request_id = str(level.get("request-id") or request_id)
        level = level.get("innerError") or level.get("innererror")
    return tuple(codes), message, request_id


def wait_of(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the larger of Retry-After and RateLimit-Reset (Graph reference 10.2), or None."""
    waits = [_retry_after(headers.get("Retry-After"), now), _number(headers.get("RateLimit-Reset"))]
    return max((wait for wait in waits if wait is not None), default=None)


def rate_limit(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    """Return units left and seconds until the minute starts anew, None where the service does not say."""
    remaining = _number(headers.get("RateLimit-Remaining"))
    return (None if remaining is None else int(remaining)), _number(headers.get("RateLimit-Reset"))


def named_limit(headers: Mapping[str, str]) -> int | None:
    """Return the units per minute that the service says are ours, None where it does not say."""
    limit = _number(headers.get("RateLimit-Limit"))
    return int(limit) if limit else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def _retry_after(text: str | None, now: datetime | None) -> float | None:
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def error_of(refusal: Refusal, about: str) -> SpfcError:
    """Return the error that a refusal means when nobody knows better. ``about`` says what was asked for."""
    text = f"Microsoft Graph refused {about} ({refusal})."
    if refusal.status in THROTTLED:
        return Throttled(text, retry_after=refusal.wait)
    if refusal.status == 501:
        return RequestRefused(text, hint="This Microsoft cloud does not offer the call.")
    if refusal.status >= 500:
        return ServiceBusy(text, retry_after=refusal.wait)
    if refusal.status == 401:
        return AuthenticationRefused(text, hint="Check that the token is for this Graph and that the clock is right.")
    if refusal.status == 403:
        return PermissionMissing(
            text,
            hint="Grant the app Files.Read.All and Sites.Read.All (application), with admin consent.",
        )
    return RequestRefused(text)


def transport_error(error: Exception, about: str, host: str) -> SpfcError:
    """Return the error that a failed connection means. It names the host, never a URL or a cause's text."""
    text = f"No usable connection to {host} for {about}"
    chain = _causes(error)
    names = {type(cause).__name__ for cause in chain}
    if any(isinstance(cause, socket.gaierror | urllib3.exceptions.NameResolutionError) for cause in chain):
        return Unreachable(f"{text}: the name cannot be resolved.", hint="Check DNS, proxy and the address.")
    if isinstance(error, requests.exceptions.SSLError) or "SSLError" in names:
        return Unreachable(
            f"{text}: the TLS certificate or handshake was refused.",
            hint="Give the private certificate authority as ca_file, or check the proxy.",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Unreachable(f"{text}: the proxy does not let us through.", hint="Check the proxy settings.")
    if isinstance(error, requests.exceptions.ConnectTimeout) or "NewConnectionError" in names:
        return Unreachable(f"{text}: nobody answers there.", hint="Check address, port, firewall and proxy.")
    if isinstance(error, requests.exceptions.Timeout) or "ReadTimeoutError" in names:
        return ServiceBusy(f"{text}: the answer did not come in time.")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return AnswerUnreadable(f"{text}: the address is not usable.")
    return ServiceBusy(f"{text}: it broke before the answer was complete.")


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return found
