"""Error answers in the shapes of Graph and of the login host (Graph reference 3 and 11)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from aiohttp import web

GRAPH_TYPE = "application/json"


class GraphFailure(Exception):
    """An error answer of Graph: status, codes and further headers."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.headers = dict(headers or {})
        self.body = body


def utc(seconds: float) -> str:
    """Return an instant as Graph writes it: UTC, whole seconds, ending in Z."""
    return _utc(int(seconds))


@lru_cache(maxsize=1 << 16)
def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error_body(code: str, message: str, now: float, request_id: str, client_id: str, inner: str | None = None) -> bytes:
    """Return the JSON error body of Graph."""
    deep = {"code": inner} if inner else {}
    detail = {**deep, "date": utc(now)[:-1], "request-id": request_id, "client-request-id": client_id}
    return json.dumps({"error": {"code": code, "message": message, "innerError": detail}}).encode()


def login_error(status: int, error: str, number: int, text: str, now: float) -> web.Response:
    """Return an error of the token endpoint, with its AADSTS number."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = utc(now).replace("T", " ")
    return web.json_response(
        {
            "error": error,
            "error_description": f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {stamp}",
            "error_codes": [number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
        },
        status=status,
    )


CODES_BY_STATUS: Mapping[int, tuple[str, str | None]] = {
    400: ("invalidRequest", None),
    401: ("InvalidAuthenticationToken", None),
    403: ("accessDenied", None),
    404: ("itemNotFound", None),
    409: ("nameAlreadyExists", None),
    410: ("resyncRequired", "resyncChangesApplyDifferences"),
    423: ("notAllowed", "resourceLocked"),
    429: ("activityLimitReached", "throttledRequest"),
    500: ("generalException", None),
    503: ("serviceNotAvailable", None),
    507: ("quotaLimitReached", None),
}
"""The code that a declared `status` fault carries when it brings no body (Graph reference 11)."""
