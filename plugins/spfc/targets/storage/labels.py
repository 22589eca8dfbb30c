"""Read and write what is kept beside the bytes of an object: its modification time, and who put it there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from spfc.targets.storage.store import Label

MTIME = "mtime"
"""The key under which other tools, rclone among them, look for a modification time."""
STAMP = "spfc"


def metadata_of(label: Label, *, iso: bool) -> dict[str, str]:
    """Return the metadata for a label; times as decimal seconds (the custom on S3) or by ISO 8601 (on Azure)."""
    found = {STAMP: label.stamp}
    if label.modified is not None:
        found[MTIME] = spelled(label.modified) if iso else str(label.modified)
    return found


def spelled(seconds: int) -> str:
    """Return a time by ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def modified_of(metadata: Mapping[str, str] | None) -> int | None:
    """Return whole seconds UTC out of metadata in either spelling, None when there is no time that can be read."""
    text = {key.lower(): value for key, value in (metadata or {}).items()}.get(MTIME)
    if text is None:
        return None
    try:
        return int(Decimal(text).to_integral_value(rounding="ROUND_FLOOR"))
    except (InvalidOperation, ValueError, OverflowError):
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(read.timestamp()) if read.tzinfo else None


def stamp_of(metadata: Mapping[str, str] | None) -> str | None:
    """Return the stamp out of metadata."""
    return {key.lower(): value for key, value in (metadata or {}).items()}.get(STAMP)
