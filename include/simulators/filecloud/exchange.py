"""One request to an operation: its parameters, and the ways to answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from simulators.common import FaultAction, call_of, fault_of
from simulators.filecloud import markup
from simulators.filecloud.errors import Malformed, Refused
from simulators.filecloud.multipart import MultipartError, MultipartReader
from simulators.filecloud.places import Place
from simulators.filecloud.sessions import Session
from simulators.filecloud.world import World

LONGEST_FORM = 1 << 20


@dataclass(slots=True)
class Exchange:
    """A request being answered. `params` merges query and form (reference 1: read alike)."""

    world: World
    request: web.BaseRequest
    operation: str
    params: dict[str, str]
    session: Session = field(default_factory=lambda: Session("", "", "", 0.0))

    @property
    def as_json(self) -> bool:
        """Whether the caller asked for JSON (reference 3.4)."""
        return "application/json" in self.request.headers.get("Accept", "")

    @property
    def fault(self) -> FaultAction | None:
        """The fault declared for this request."""
        return fault_of(self.request)

    def text(self, name: str) -> str:
        """Return a parameter; absent and empty are equal (reference 1)."""
        return self.params.get(name, "")

    def need(self, name: str) -> str:
        """Return a parameter that must not be empty. Raises Malformed."""
        value = self.text(name)
        if not value:
            raise Malformed(f"parameter {name} is missing")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return a whole number. Raises Malformed."""
        value = self.text(name).strip()
        try:
            return int(value) if value else default
        except ValueError as error:
            raise Malformed(f"parameter {name} is not a number") from error

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a 0/1 parameter."""
        value = self.text(name)
        return value not in ("0", "false") if value else default

    def place(self, path: str) -> Place:
        """Return the place of a path and note it in the journal."""
        call_of(self.request).item = path or "/"
        return self.world.find(path)

    def child(self, folder_param: str, name_param: str) -> Place:
        """Return the place of the name in one parameter inside the folder in another."""
        folder, name = self.need(folder_param), self.need(name_param)
        call_of(self.request).item = f"{folder.rstrip('/')}/{name}"
        return self.world.child(folder, name)

    def done(self, message: str = "") -> web.Response:
        """Answer a command that was carried out."""
        return markup.command(self.operation, 1, message, self.as_json)

    def refused(self, message: str, result: int = 0, status: int = 400) -> web.Response:
        """Answer a command that was not carried out; `status` counts in JSON mode only."""
        return markup.command(self.operation, result, message, self.as_json, status)

    def records(
        self, root: str, name: str, rows: list[markup.Record], meta: markup.Record | None = None
    ) -> web.Response:
        """Answer with records."""
        return markup.records(root, name, rows, self.as_json, meta)


Operation = Callable[[Exchange], Awaitable[web.StreamResponse]]


def query_of(raw_path: str) -> dict[str, str]:
    """Return the decoded query of a raw request target; `+` is a space."""
    query = raw_path.partition("?")[2]
    return dict(parse_qsl(query, keep_blank_values=True)) if query else {}


async def read_form(request: web.BaseRequest) -> dict[str, str]:
    """Read a form body, urlencoded or multipart without large files. Raises Malformed if it is too long."""
    content_type = request.headers.get("Content-Type", "")
    if not request.can_read_body:
        return {}
    if content_type.lower().startswith("multipart/"):
        return await _read_multipart(request, content_type)
    body = b""
    while data := await request.content.readany():
        body += data
        if len(body) > LONGEST_FORM:
            raise Malformed("the form is too long")
    call_of(request).bytes_in = len(body)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def _read_multipart(request: web.BaseRequest, content_type: str) -> dict[str, str]:
    try:
        reader = MultipartReader(content_type, lambda piece: None)
        while data := await request.content.readany():
            reader.feed(data)
        reader.finish()
    except MultipartError as error:
        raise Malformed(str(error)) from error
    return reader.fields


def refuse_other_user(exchange: Exchange) -> None:
    """Raise Refused when a user asks to act for another (reference 5: `adminproxyuserid`)."""
    proxy = exchange.text("adminproxyuserid")
    if proxy not in ("", "None", exchange.session.user):
        raise Refused("Only administrators may act for another user", "CLFC-2007")
