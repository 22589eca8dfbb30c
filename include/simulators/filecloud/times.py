"""Times as FileCloud shows and reads them: one true, three false (reference 3.3 "Time trap", 7.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOWEST = int((datetime(2, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_HIGHEST = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def server_offset(epoch: int, zone: str) -> int:
    """Return by how many seconds the server's wall clock is ahead of UTC at a true epoch second."""
    moment = _EPOCH + timedelta(seconds=min(max(epoch, _LOWEST), _HIGHEST))
    offset = moment.astimezone(_zone(zone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def shown_times(epoch: int, offset: int) -> tuple[str, str, str]:
    """Return (modified, modifiedepoch, modifiediso) of a true epoch second.

    All three are the server's wall clock: a display text, the wall clock read as if it were UTC, and the
    wall clock with a wrong +0000 (reference 3.3, from captured answers).
    """
    wall = _EPOCH + timedelta(seconds=min(max(epoch, _LOWEST), _HIGHEST) + offset)
    day = f"{_MONTHS[wall.month - 1]} {wall.day:02d}, {wall.year}"
    display = f"{day} {wall.hour % 12 or 12}:{wall.minute:02d} {'AM' if wall.hour < 12 else 'PM'}"
    iso = wall.replace(tzinfo=None).isoformat(timespec="seconds")
    return display, str(epoch + offset), f"{iso}+0000"


def parse_date(text: str, naive_zone: str) -> int | None:
    """Return the true epoch second of an upload's `date`, or None when it cannot be read.

    A zone in the text counts; a text without one is wall clock of `naive_zone` (reference 7.3).
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(naive_zone))
    try:
        return int((moment.astimezone(UTC) - _EPOCH) // timedelta(seconds=1))
    except OverflowError:
        return None


def display_size(size: int) -> str:
    """Return the display text of a size: bytes below 1024, else whole KB (reference 3.3)."""
    return f"{size} B" if size < 1024 else f"{round(size / 1024)} KB"


def display_time(epoch: int, zone: str) -> str:
    """Return the display text of a true epoch second on a server in `zone`."""
    return shown_times(epoch, server_offset(epoch, zone))[0]
