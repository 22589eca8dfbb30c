"""Understanding the URLs of Graph, with the tolerance that real clients need (Graph reference 17.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_DELTA = re.compile(r"^(?:microsoft\.graph\.)?delta(?:\((?:token='?([^')]*)'?)?\))?$")
VERSIONS = ("v1.0", "v2.0", "beta")


@dataclass(frozen=True, slots=True)
class Target:
    """What a Graph URL points at.

    kind: "site", "site_drive", "site_drives", "drive", "item", "children", "content", "delta", "batch" or
    "unknown". `site` and `drive` are the addresses as given; an item is an id (or "root") with names below.
    """

    kind: str
    version: str = "v1.0"
    site: str | None = None
    drive: str | None = None
    item: str | None = None
    names: tuple[str, ...] = ()
    token: str | None = None
    query: dict[str, str] = field(default_factory=dict)

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
    if rest[:1] == ["sites"] and len(rest) > 1:
        return _site(version, rest[1:], query)
    if rest[:1] == ["drives"] and len(rest) > 1:
        return _drive(version, None, rest[1], rest[2:], query)
    if rest == ["$batch"]:
        return Target("batch", version, query=query)
    return Target("unknown", version, query=query)


def _site(version: str, rest: list[str], query: dict[str, str]) -> Target:
    address, tail = _site_address(rest)
    if not tail:
        return Target("site", version, site=address, query=query)
    if tail == ["drives"]:
        return Target("site_drives", version, site=address, query=query)
    if tail[0] == "drive":
        return _drive(version, address, None, tail[1:], query)
    if tail[0] == "drives":
        return _drive(version, address, tail[1], tail[2:], query)
    return Target("unknown", version, site=address, query=query)


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
    base, tail = (tail[1], tail[2:]) if tail[0] == "items" and len(tail) > 1 else (tail[0], tail[1:])
    names: list[str] = []
    if base.endswith(":"):
        base = base[:-1]
        while tail:
            segment, tail = tail[0], tail[1:]
            closed = segment.endswith(":")
            names.append(segment[:-1] if closed else segment)
            if closed:
                break
    kind, token = _operation(tail)
    if token is None:
        token = query.get("token") or query.get("$token")
    return Target(kind, version, site, drive, base, tuple(names), token, query)


def _operation(tail: list[str]) -> tuple[str, str | None]:
    if not tail:
        return "item", None
    if len(tail) == 1:
        if tail[0] in ("children", "content"):
            return tail[0], None
        found = _DELTA.match(tail[0])
        if found:
            return "delta", found.group(1) or None
    return "unknown", None
