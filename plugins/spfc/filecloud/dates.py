"""How a modification time is spelled for an upload (reference 7.3), and read from a wall clock (reference 3.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from spfc.filecloud.settings import DateStyle, FileCloudSettings


def spell_date(modified: int, settings: FileCloudSettings) -> str:
    """Spell ``modified``, seconds UTC, in the style that the settings ask for."""
    utc = datetime.fromtimestamp(modified, UTC)
    if settings.date_style is DateStyle.ISO_Z:
        return utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    if settings.date_style is DateStyle.NAIVE_SERVER:
        utc = utc.astimezone(settings.server_zone())
    return utc.strftime("%Y-%m-%d %H:%M:%S")


def utc_of_wall_clock(seconds: int, zone: ZoneInfo) -> int:
    """Return the true seconds UTC of a wall clock in ``zone`` that was read as if it were UTC.

    Of the two instants that share an hour in autumn, the first one: nothing in the answer tells them apart.
    """
    return int(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone).timestamp())
