"""How Graph answers in JSON: contexts, page sizes, and links that carry the options of the first call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from aiohttp import web

from simulators.sharepoint.errors import GraphFailure
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.urls import Target


def top_of(target: Target, knobs: SharePointKnobs) -> int:
    """Return how much a page holds; raises GraphFailure 400 for nonsense."""
    asked = target.option("top")
    if asked is None:
        return knobs.page_size
    if not asked.isdecimal() or int(asked) < 1:
        raise GraphFailure(400, "invalidRequest", "Invalid value for $top.")
    return min(int(asked), knobs.max_page_size)


def link(address: str, target: Target, name: str = "", value: str = "") -> str:
    """Return a link that carries the query options of the first call (reference 5.2)."""
    kept = {f"${name}": target.option(name) for name in ("select", "top", "expand")}
    if "select" in target.query:
        kept["select"] = kept.pop("$select")
    query = {k: v for k, v in kept.items() if v is not None}
    if name:
        query[name] = value
    return f"{address}?{urlencode(query, quote_via=quote, safe='$')}" if query else address


def json_answer(base: str, context: str, value: Mapping[str, object]) -> web.Response:
    """Return a JSON answer; `base` is the root URL with version, `context` says what the value is."""
    body = json.dumps({"@odata.context": f"{base}/$metadata#{context}", **value}, ensure_ascii=False)
    # Without charset text: the type that the service announces, parameters included.
    kind = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false"
    return web.Response(body=body.encode(), headers={"Content-Type": f"{kind};charset=utf-8"})
