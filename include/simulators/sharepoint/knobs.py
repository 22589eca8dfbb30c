"""How the simulated service behaves where real ones differ or misbehave (Graph reference 17.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "delta_order": ("random", "parents-first", "child-first"),
    "delete_shape": ("plain", "empty_state", "zero_hash", "year_0001", "no_parent"),
    "delete_markers": ("all", "folders", "top"),
    "gone_code": ("resyncChangesApplyDifferences", "resyncChangesUploadDifferences", "resyncRequired"),
    "gone_location": ("good", "bad", "none"),
    "url_expired_status": (401, 403, 404),
    "range_mode": ("ok", "ignored", "416"),
    "malware_shape": ("403_header", "403_html", "400"),
    "auth_on_download": ("ignore", "401", "403"),
    "restricted_status": (403, 404),
    "package_part_status": (404, 503),
    "lookup_ids": ("text", "number"),
}
_MISMATCHES = ("size", "hash", "both", "bytes")


class KnobError(ValueError):
    """A knob is unknown or has a value it cannot take."""


@dataclass(frozen=True, slots=True)
class SharePointKnobs:
    """Settings of the simulated service; patterns are globs over the path below the library root.

    Rows of lists have the path `Lists/<name>/<id>`; what is said of the feed holds for theirs too.

    Defaults are the service's normal behaviour by the Graph reference.
    """

    delta_order: str = "random"
    seed: int = 1
    delta_dup_rate: float = 0.0
    delta_empty_pages: int = 0
    delta_ancestors: bool = True
    delta_deleted_page_size: int = 7
    delta_omit_ctag: bool = True
    delta_omit_path: bool = True
    delete_shape: str = "plain"
    delete_markers: str = "folders"
    """Which items of a deleted folder get a marker: nested folders do, files may not (reference 6.5)."""
    silent_delete: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    """Items that the feed never shows, neither changed nor as an ancestor; by id they are there (reference 6.8)."""
    gone_after_s: float | None = None
    gone_after_calls: int | None = None
    gone_code: str = "resyncChangesApplyDifferences"
    gone_location: str = "good"
    page_size: int = 200
    max_page_size: int = 1000
    token_ttl_s: int = 3600
    url_ttl_s: int = 3600
    url_expired_status: int = 401
    range_mode: str = "ok"
    meta_mismatch: tuple[tuple[str, str], ...] = ()
    """(glob, "size" | "hash" | "both" | "bytes") pairs; bytes = each fetch differs (reference 8.4)."""
    hash_missing: tuple[str, ...] = ()
    malware: tuple[str, ...] = ()
    malware_shape: str = "403_header"
    locked: tuple[str, ...] = ()
    restricted: tuple[str, ...] = ()
    """Listed, but not served; the facet that says so is undocumented, and kept back by a `$select` without it."""
    restricted_status: int = 403
    pending: tuple[str, ...] = ()
    """Content not settled yet: `pendingOperations.pendingContentUpdate` (reference 5.1)."""
    packages: tuple[str, ...] = ()
    """Folders that are OneNote notebooks: no folder facet, and their parts are not served (reference 5.1, 8.3)."""
    package_part_status: int = 404
    shortcuts: tuple[str, ...] = ()
    """Files or folders that are shortcuts into another drive (reference 5.1)."""
    auth_on_download: str = "ignore"
    roles: tuple[str, ...] = ("Sites.Read.All",)
    """The application permissions that an administrator has agreed to; every token names them (reference 4.2)."""
    site_granted: bool = True
    """Whether an app with `Sites.Selected` only was granted the site; without it all is 403 (reference 4.2)."""
    download_listener: bool = True
    lookup_ids: str = "text"
    """Ids of looked-up rows and people come as text in Microsoft's samples (fieldValueSet); numbers were seen too."""
    lookup_limit: int | None = 12
    """Of more lookups and people in one list the rest is missing from answers about several rows, without a word."""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise KnobError(f"{name}: {getattr(self, name)!r} is not one of {list(allowed)}")
        for _, kind in self.meta_mismatch:
            if kind not in _MISMATCHES:
                raise KnobError(f"meta_mismatch: {kind!r} is not one of {list(_MISMATCHES)}")
        if self.delta_deleted_page_size < 1 or not 1 <= self.page_size <= self.max_page_size:
            raise KnobError("page sizes start at 1, and page_size is at most max_page_size")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SharePointKnobs:
        """Make knobs from plain values (lists become tuples); raises KnobError for unknown names."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise KnobError(f"unknown knobs {unknown}; known are {sorted(known)}")
        return replace(cls(), **{name: _freeze(value) for name, value in values.items()})


def _freeze(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_freeze(v) for v in value)
    if isinstance(value, Mapping):
        return tuple((k, _freeze(v)) for k, v in value.items())
    return value
