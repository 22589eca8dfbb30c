"""JSON batching: up to 20 requests in one, each judged by itself (Graph reference 13)."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.sharepoint.errors import GraphFailure

MAX_REQUESTS = 20


async def run_batch(text: str, one: Callable[[str, str], Awaitable[web.Response]]) -> web.Response:
    """Answer a batch body; `one(url, method)` answers each part. Raises GraphFailure 400 when malformed."""
    try:
        requests = json.loads(text)["requests"]
        parts = [(str(r["id"]), str(r["url"]), str(r["method"]).upper(), r) for r in requests]
    except (ValueError, KeyError, TypeError) as error:
        raise GraphFailure(400, "BadRequest", "Invalid batch payload format.") from error
    if not 1 <= len(parts) <= MAX_REQUESTS:
        raise GraphFailure(400, "BadRequest", f"A batch holds 1 to {MAX_REQUESTS} requests.")
    answers: dict[str, dict[str, Any]] = {}
    for part_id, url, method, raw in parts:
        needed = [str(n) for n in raw.get("dependsOn", [])]
        if any(answers.get(n, {"status": 424})["status"] >= 400 for n in needed):
            body = {"error": {"code": "FailedDependency", "message": "A request before it failed."}}
            answers[part_id] = {"id": part_id, "status": 424, "headers": {}, "body": body}
            continue
        answers[part_id] = _part(part_id, await one(url, method))
    return web.json_response({"responses": list(answers.values())})


def _part(part_id: str, response: web.Response) -> dict[str, Any]:
    raw = response.body if isinstance(response.body, bytes | bytearray) else b""
    part: dict[str, Any] = {"id": part_id, "status": response.status, "headers": dict(response.headers)}
    if raw:
        is_json = "json" in response.headers.get("Content-Type", "")
        part["body"] = json.loads(raw) if is_json else base64.b64encode(raw).decode()
    return part
