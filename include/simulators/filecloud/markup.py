"""Response bodies: compact XML without declaration, or the JSON variant (reference 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from aiohttp import web

Field = tuple[str, str]
Record = Sequence[Field]
XML_TYPE = "text/xml;charset=utf-8"
JSON_TYPE = "application/json"
_SPECIAL = re.compile(r"[&<>\r]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def escape(text: str) -> str:
    """Escape text for an XML element. Characters that XML 1.0 forbids stay: reference 3.3 expects them."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _ESCAPES[found.group()], text)


def element(name: str, fields: Record) -> str:
    """Return one record as XML; empty values are empty elements."""
    inner = "".join([f"<{k}>{escape(v)}</{k}>" if v else f"<{k}></{k}>" for k, v in fields])
    return f"<{name}>{inner}</{name}>"


def command_xml(operation: str, result: int, message: str) -> str:
    """Return a command answer (reference 3.1)."""
    return element("commands", ()).replace(
        "><",
        ">" + element("command", (("type", operation), ("result", str(result)), ("message", message))) + "<",
        1,
    )


def command(operation: str, result: int, message: str, as_json: bool, refused: int = 400) -> web.Response:
    """Answer a command; in JSON mode a result of 0 carries HTTP status `refused` (reference 3.4)."""
    if not as_json:
        return xml(command_xml(operation, result, message))
    record = {"type": operation, "result": result, "message": message}
    return web.Response(
        status=refused if result == 0 else 200,
        body=json.dumps({"command": [record]}, ensure_ascii=False).encode(),
        headers={"Content-Type": JSON_TYPE},
    )


def xml(text: str, status: int = 200) -> web.Response:
    """Answer with an XML body."""
    return web.Response(status=status, body=text.encode("utf-8", "replace"), headers={"Content-Type": XML_TYPE})


def records(root: str, name: str, rows: Iterable[Record], as_json: bool, meta: Record | None = None) -> web.Response:
    """Answer with a list of records, optionally after a `meta` record (reference 3.2, 3.4)."""
    if as_json:
        data: dict[str, object] = {} if meta is None else {"meta": [dict(meta)]}
        data[name] = [dict(row) for row in rows]
        body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
        return web.Response(body=body, headers={"Content-Type": JSON_TYPE})
    head = "" if meta is None else element("meta", meta)
    return xml(f"<{root}>{head}{''.join([element(name, row) for row in rows])}</{root}>")


def html(text: str, status: int = 200) -> web.Response:
    """Answer with an HTML page around `text`."""
    page = f"<!DOCTYPE html><html><head><title>FileCloud</title></head><body>{escape(text)}</body></html>"
    return web.Response(status=status, text=page, content_type="text/html")
