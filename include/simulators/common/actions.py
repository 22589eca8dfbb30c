"""Executing the kinds of fault that do not depend on the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from xml.sax.saxutils import escape

from aiohttp import web

from simulators.common.faults import FaultAction
from simulators.common.streams import abort_connection, send_bytes, wait_for_disconnect

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Something went wrong.</body></html>"


class ConnectionCutError(Exception):
    """The connection was cut on purpose; there is nothing to answer."""


def status_response(action: FaultAction, default_body: str, default_type: str) -> web.Response:
    """Build the answer of a `status` fault; body text is sent as is, anything else as JSON."""
    body = action.get("body")
    headers = {str(k): str(v) for k, v in (action.get("headers") or {}).items()}
    if action.get("retry_after") is not None:
        headers["Retry-After"] = str(action.get("retry_after"))
    content_type = default_type
    if body is None:
        text = default_body
    elif isinstance(body, str):
        text = body
    else:
        text, content_type = json.dumps(body), "application/json"
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = content_type
    return web.Response(status=int(action.get("status")), body=text.encode(), headers=headers)


async def execute(
    request: web.BaseRequest,
    action: FaultAction,
    handle: Handler,
    status: Callable[[web.BaseRequest, FaultAction], web.Response],
    xml_error: Callable[[web.BaseRequest, str], web.Response],
) -> web.StreamResponse:
    """Answer one request under a declared fault; kinds unknown here go to `handle`.

    Raises ConnectionCutError when the connection was aborted.
    """
    kind = action.kind
    if kind == "status":
        return status(request, action)
    if kind == "html_200":
        return web.Response(text=action.get("body", _PAGE), content_type="text/html")
    if kind == "xml_error_200":
        return xml_error(request, str(action.get("message", "Internal error")))
    if kind in ("reset_before", "stall") and "bytes" not in action.options:
        if kind == "stall":
            await wait_for_disconnect(request)
        abort_connection(request)
        raise ConnectionCutError
    if kind == "delay":
        await asyncio.sleep(float(action.get("seconds")))
    response = await handle(request)
    if kind == "reset_after":
        abort_connection(request)
        raise ConnectionCutError
    if isinstance(response, web.Response) and not response.prepared:
        return await send_bytes(request, response)
    return response


def default_xml_error(message: str) -> web.Response:
    """Return a FileCloud-like failure with status 200 (FileCloud reference 3: commands/command)."""
    told = f"<result>0</result><message>{escape(message)}</message>"
    xml = f"<commands><command><type></type>{told}</command></commands>"
    return web.Response(body=xml.encode(), headers={"Content-Type": "text/xml;charset=utf-8"})
