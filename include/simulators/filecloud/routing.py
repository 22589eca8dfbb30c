"""From a URL to the name of an operation (reference 1, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

_PREFIXES = ("/core/", "/app/explorer/", "/app/sync/")
_EXPLORER = frozenset({"createfolder", "renameormove", "copyfile", "getfolderproperties"})
_SYNC = frozenset({"getsyncfolderlist", "getsyncdelta"})
_CORE_ROOTS = frozenset({"/core", "/core/", "/"})


def operation_of(raw_path: str, mount_prefix: str, query: Mapping[str, str]) -> str:
    """Return the operation in lower case; empty where the form may still name it, "?..." when unknown.

    Paths match whatever their case. A double slash after the host is no path that the server knows.
    """
    path = unquote(raw_path.partition("?")[0])
    if mount_prefix:
        if not path.startswith(mount_prefix + "/"):
            return "?outside"
        path = path[len(mount_prefix) :]
    path = path.lower()
    if path == "/upload":
        return "upload"
    if path.startswith("/ui/"):
        return "ui"
    if path in _CORE_ROOTS:
        return query.get("op", "").lower()
    for prefix in _PREFIXES:
        name = path.removeprefix(prefix)
        if name != path and name and "/" not in name:
            return name if _known_under(prefix, name) else f"?{name}"
    return "?unknown"


def _known_under(prefix: str, name: str) -> bool:
    if prefix == "/core/":
        return name not in _SYNC
    return name in (_EXPLORER if prefix == "/app/explorer/" else _SYNC)
