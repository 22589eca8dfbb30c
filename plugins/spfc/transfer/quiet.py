"""Quiet hours: the times of day in which a route begins no copy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo


class QuietHours:
    """Spans ``HH:MM-HH:MM`` of the wall clock of a time zone: the first minute is in, the last is out.

    One that ends before it begins goes over midnight. Summer time is the zone's affair: an hour that a day has twice is
    quiet twice.
    """

    def __init__(self, spans: Iterable[str], zone: str) -> None:
        self._spans = [tuple(span.split("-")) for span in spans]
        self._zone = zone

    def until(self, now: float) -> str | None:
        """Return when the quiet hours end that ``now`` (seconds since 1970) lies in, as text; None outside of them."""
        if not self._spans:
            return None
        # Texts of this form sort like the times they mean.
        time = datetime.fromtimestamp(now, ZoneInfo(self._zone)).strftime("%H:%M")
        ends = [end for begin, end in self._spans if _within(time, begin, end)]
        return f"{ends[0]} {self._zone}" if ends else None


def _within(time: str, begin: str, end: str) -> bool:
    return begin <= time < end if begin < end else time >= begin or time < end
