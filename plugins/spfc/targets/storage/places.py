"""What a URL of a target says: which kind of storage, and which absolute path there."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from spfc.errors import RouteInvalid
from spfc.targets.paths import checked

LOCAL = "file"


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case; ``file`` for an absolute path."""
    return LOCAL if url.startswith("/") else urlsplit(url).scheme.lower()


def service_path(url: str) -> str:
    """Return the absolute path at the service: ``/data/x`` of a file system, ``/bucket/prefix`` of a store.

    Raises RouteInvalid for anything but ``/path``, ``file:///path`` and ``scheme://container/path``. Places beside
    the target, such as its quarantine, are given as such paths, too.
    """
    if url.startswith("/"):
        return _plain(url, url)
    parts = urlsplit(url)
    if not parts.scheme or parts.query or parts.fragment:
        raise _invalid(url, "It must be an absolute path, or a URL such as s3://bucket/prefix without '?' and '#'.")
    if "@" in parts.netloc or ":" in parts.netloc:
        raise _invalid(url, "Account, host and credentials belong into the Airflow connection.")
    if scheme_of(url) == LOCAL:
        if parts.netloc not in ("", "localhost"):
            raise _invalid(url, "A file URL has three slashes: file:///data/mirror.")
        return _plain(url, unquote(parts.path))
    if not parts.netloc:
        raise _invalid(url, "It names no bucket or container.")
    return _plain(url, f"/{parts.netloc}{parts.path}")


def _plain(url: str, path: str) -> str:
    try:
        plain = checked(path.rstrip("/") or "/")
    except ValueError as error:
        raise _invalid(url, "Its path must be plain: no '//', '.' or '..'.") from error
    if plain == "/":
        raise _invalid(url, "The whole file system is no target.")
    return plain


def _invalid(url: str, why: str) -> RouteInvalid:
    shown = url.partition("?")[0].rpartition("@")[2]
    return RouteInvalid(f"The target URL {shown!r} cannot be used.", hint=why)
