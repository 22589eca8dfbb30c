"""Understanding the URLs of Graph, with the tolerance that real clients need (Graph reference 17.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote

_DELTA = re.compile(r"^(?:microsoft\.graph\.)?delta(?:\((?:token='?([^')]*)'?)?\))?$")
_SEARCH = re.compile(r"^(?:microsoft\.graph\.)?search\(q='(.*)'\)$")
_ALL_SITES = re.compile(r"^(?:microsoft\.graph\.)?getAllSites(?:\(\))?$")
_OF_A_SITE = {"drives": "site_drives", "drive": "site_drive", "lists": "lists", "sites": "subsites"}
_OF_A_LIST = {(): "list", ("drive",): "list_drive", ("items",): "list_items", ("columns",): "list_columns"}
VERSIONS = ("v1.0", "v2.0", "beta")


@dataclass(frozen=True, slots=True)
class Target:
    """What a Graph URL points at.

    kind: "site", "sites", "subsites", "site_drive", "site_drives", "drive", "item", "children", "content", "delta",
    "search", "versions", "version", "version_content", "permissions", "lists", "list", "list_drive", "list_items",
    "list_item", "list_delta", "list_columns", "me", "batch" or "unknown". `site`, `drive` and `list_address` are the
    addresses as given; an item is an id (or "root") with names below; `part` is the id (or the text) that a version,
    list item or search asks for; `me` says that it was asked for as the signed-in person's.
    """

    kind: str
    version: str = "v1.0"
    site: str | None = None
    drive: str | None = None
    item: str | None = None
    names: tuple[str, ...] = ()
    token: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    list_address: str | None = None
    part: str | None = None
    me: bool = False

    def option(self, name: str) -> str | None:
        """Return a system query option, given with or without the dollar sign."""
        value = self.query.get(f"${name}")
        return value if value is not None else self.query.get(name)

    @property
    def select(self) -> frozenset[str] | None:
        """The names of `$select`, or None for everything."""
        value = self.option("select")
        if value is None:
            return None
        names = {name.strip() for name in value.split(",") if name.strip()}
        if "select" not in self.query:
            # With the dollar sign the service loses the annotation (Graph reference 5.2).
            names.discard("@microsoft.graph.downloadUrl")
        return frozenset(names)


def split(raw_path: str) -> tuple[list[str], dict[str, str]]:
    """Return the decoded segments and query parameters of a raw path; empty segments are dropped."""
    path, _, query = raw_path.partition("?")
    # Semicolon-free and keeping blanks: tokens and names must survive as they are.
    params = dict(parse_qsl(query, keep_blank_values=True))
    return [unquote(s) for s in path.split("/") if s], params


def parse(raw_path: str) -> Target:
    """Say what a raw Graph path (with query) points at."""
    segments, query = split(raw_path)
    if not segments or segments[0] not in VERSIONS:
        return Target("unknown", query=query)
    version, rest = segments[0], segments[1:]
    if rest[:1] == ["sites"]:
        return _sites(version, rest[1:], query)
    if rest[:1] == ["me"]:
        return _me(version, rest[1:], query)
    if rest[:1] == ["drives"] and len(rest) > 1:
        return _drive(version, None, rest[1], rest[2:], query)
    if rest == ["$batch"]:
        return Target("batch", version, query=query)
    return Target("unknown", version, query=query)


def _me(version: str, tail: list[str], query: dict[str, str]) -> Target:
    if tail[:1] == ["drive"]:
        return replace(_drive(version, None, None, tail[1:], query), me=True)
    kind = {(): "me", ("drives",): "site_drives"}.get(tuple(tail), "unknown")
    return Target(kind, version, query=query, me=True)


def _sites(version: str, rest: list[str], query: dict[str, str]) -> Target:
    if not rest or _ALL_SITES.match(rest[0]):
        return Target("sites", version, query=query, part=query.get("search", query.get("$search")))
    address, tail = _site_address(rest)
    if len(tail) < 2:
        kind = _OF_A_SITE.get(tail[0], "unknown") if tail else "site"
        return Target(kind, version, site=address, query=query)
    if tail[0] == "drive":
        return _drive(version, address, None, tail[1:], query)
    if tail[0] == "drives":
        return _drive(version, address, tail[1], tail[2:], query)
    if tail[0] == "lists":
        return _list(version, address, tail[1], tail[2:], query)
    return Target("unknown", version, site=address, query=query)


def _list(version: str, site: str, address: str, tail: list[str], query: dict[str, str]) -> Target:
    if tail[:1] == ["drive"] and len(tail) > 1:
        return replace(_drive(version, site, None, tail[1:], query), list_address=address)
    if tail[:1] == ["items"] and len(tail) == 2:
        found = _DELTA.match(tail[1])
        if found is None:
            return Target("list_item", version, site, query=query, list_address=address, part=tail[1])
        token = found.group(1) or query.get("token") or query.get("$token")
        return Target("list_delta", version, site, token=token, query=query, list_address=address)
    kind = _OF_A_LIST.get(tuple(tail), "unknown")
    return Target(kind, version, site, query=query, list_address=address)


def _site_address(rest: list[str]) -> tuple[str, list[str]]:
    first = rest[0]
    if ":/" in first:
        # host%3A%2Fsites%2Fx: the whole address in one segment
        return first.rstrip(":"), rest[1:]
    if not first.endswith(":"):
        return first, rest[1:]
    names: list[str] = []
    for index, segment in enumerate(rest[1:], start=1):
        if segment.endswith(":"):
            names.append(segment[:-1])
            return f"{first}/{'/'.join(names)}", rest[index + 1 :]
        names.append(segment)
    return f"{first}/{'/'.join(names)}", []


def _drive(version: str, site: str | None, drive: str | None, tail: list[str], query: dict[str, str]) -> Target:
    if not tail:
        kind = "drive" if drive is not None else "site_drive"
        return Target(kind, version, site, drive, query=query)
    if _SEARCH.match(tail[0]):
        tail = ["root", *tail]  # of the whole drive
    base, tail = (tail[1], tail[2:]) if tail[0] == "items" and len(tail) > 1 else (tail[0], tail[1:])
    base, names, tail = _item_address(base, tail)
    kind, part = _operation(tail)
    token = (part or query.get("token") or query.get("$token")) if kind == "delta" else None
    return Target(kind, version, site, drive, base, tuple(names), token, query, part=part if kind != "delta" else None)


def _item_address(base: str, tail: list[str]) -> tuple[str, list[str], list[str]]:
    """Return an item's id (or "root"), the names below it, and what follows in the URL."""
    if ":/" in base:
        # items/root%3A%2Fa%2Fb%3A: the whole path in one segment, as SDKs write it that know only ids
        base, _, path = base.removesuffix(":").partition(":/")
        return base, [name for name in path.split("/") if name], tail
    if not base.endswith(":"):
        return base, [], tail
    names: list[str] = []
    for index, segment in enumerate(tail, start=1):
        if segment.endswith(":"):
            return base[:-1], [*names, segment[:-1]], tail[index:]
        names.append(segment)
    return base[:-1], names, []


def _operation(tail: list[str]) -> tuple[str, str | None]:
    """Return what is asked of an item, and the token, text or version that it is asked with."""
    if not tail:
        return "item", None
    if tail[0] == "versions" and len(tail) > 1:
        return {2: "version", 3: "version_content"}.get(len(tail), "unknown"), tail[1]
    if len(tail) > 1:
        return "unknown", None
    if tail[0] in ("children", "content", "versions", "permissions"):
        return tail[0], None
    for kind, pattern in (("delta", _DELTA), ("search", _SEARCH)):
        found = pattern.match(tail[0])
        if found:
            return kind, found.group(1) or None
    return "unknown", None
