"""A driveItem on the wire becomes a SourceItem: tolerant of what services send, strict about what we keep."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from spfc.errors import AnswerUnreadable
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.quickxor import parse_hash

SELECT: Final = (
    "id,name,eTag,cTag,size,deleted,file,folder,package,root,parentReference,fileSystemInfo,"
    "lastModifiedDateTime,createdDateTime,malware,remoteItem,pendingOperations,webUrl"
)
"""Graph reference 5.2, without download links: bodies are asked for by id. ``deleted`` must be selected."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_YEAR: Final = 1
_EMPTY_HASH: Final = bytes(20)


def to_source_item(raw: Mapping[str, Any]) -> SourceItem:
    """Read one driveItem. Unknown properties are ignored; raises AnswerUnreadable when it has no id.

    A deleted item may lack anything but its id: its kind is then FILE, its name empty, its hash None. A live
    item without a facet that we know is a PACKAGE: it has no content that we could copy.
    """
    item_id = raw.get("id")
    if not isinstance(item_id, str) or not item_id:
        raise AnswerUnreadable("Microsoft Graph sent an item without an id.")
    deleted = raw.get("deleted") is not None
    is_root = raw.get("root") is not None
    kind = _kind(raw, deleted=deleted)
    is_file = kind is Kind.FILE
    size = _whole(raw.get("size")) if is_file else 0
    return SourceItem(
        id=item_id,
        parent_id=None if is_root else _text(_object(raw, "parentReference").get("id")) or None,
        name=_text(raw.get("name")),
        kind=kind,
        size=size,
        modified=_modified(raw),
        version=_text(raw.get("eTag")),
        content_version=_text(raw.get("cTag")) or None,
        hash=_hash(raw, size) if is_file and not deleted else None,
        flags=_flags(raw),
        is_root=is_root,
        deleted=deleted,
    )


def to_seconds(text: object) -> int | None:
    """Return whole seconds since 1970 UTC of an ISO 8601 time, rounded down; None for nonsense and year 1.

    Fractions and offsets are accepted, a missing offset means UTC (Graph reference 5.1).
    """
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.year == _NO_YEAR:
            return None
        when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        past = when - _EPOCH
    except (ValueError, OverflowError):
        return None
    return past.days * 86_400 + past.seconds


def _kind(raw: Mapping[str, Any], *, deleted: bool) -> Kind:
    # The order matters: a shortcut carries the facets of what it points to, a notebook may carry a folder
    # facet.
    if raw.get("remoteItem") is not None:
        return Kind.LINK
    if raw.get("package") is not None:
        return Kind.PACKAGE
    if raw.get("folder") is not None or raw.get("root") is not None:
        return Kind.FOLDER
    return Kind.FILE if deleted or raw.get("file") is not None else Kind.PACKAGE


def _modified(raw: Mapping[str, Any]) -> int:
    # The client-reported time is the one to mirror; the service's own is the second best (Graph reference
    # 5.1).
    reported = to_seconds(_object(raw, "fileSystemInfo").get("lastModifiedDateTime"))
    return reported if reported is not None else to_seconds(raw.get("lastModifiedDateTime")) or 0


def _hash(raw: Mapping[str, Any], size: int) -> str | None:
    text = _object(_object(raw, "file"), "hashes").get("quickXorHash")
    value = parse_hash(text) if isinstance(text, str) else None
    # The length is part of the hash, so only an empty file can have the all-zero one.
    if value is None or (value == _EMPTY_HASH and size):
        return None
    return base64.b64encode(value).decode("ascii")


def _flags(raw: Mapping[str, Any]) -> frozenset[Flag]:
    found = set()
    if raw.get("malware") is not None:
        found.add(Flag.MALWARE)
    if raw.get("restricted") is not None:
        found.add(Flag.RESTRICTED)
    if _object(raw, "pendingOperations").get("pendingContentUpdate") is not None:
        found.add(Flag.PENDING)
    return frozenset(found)


def _object(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    # Not the abstract type: this is asked ten times an item, and JSON knows no other mapping.
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    if isinstance(value, int | float | str):
        try:
            return max(0, int(value))
        except (ValueError, OverflowError):
            return 0
    return 0
