"""Quiet hours: spans over midnight, time zones, summer time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from spfc.errors import RouteInvalid
from spfc.routes import parse_route
from spfc.transfer.quiet import QuietHours

WORK = ("08:00-18:00",)
NIGHT = ("22:00-06:00",)


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("spans", "when", "until"),
    [
        ((), "2026-03-02T12:00", None),
        (WORK, "2026-03-02T07:59:59", None),
        (WORK, "2026-03-02T08:00", "18:00 Europe/Berlin"),
        (WORK, "2026-03-02T17:59:59", "18:00 Europe/Berlin"),
        (WORK, "2026-03-02T18:00", None),
        (NIGHT, "2026-03-02T23:30", "06:00 Europe/Berlin"),
        (NIGHT, "2026-03-03T05:59", "06:00 Europe/Berlin"),
        (NIGHT, "2026-03-03T06:00", None),
        (NIGHT, "2026-03-03T12:00", None),
        (("20:00-24:00", "12:00-13:00"), "2026-03-02T23:59", "24:00 Europe/Berlin"),
        (("20:00-24:00", "12:00-13:00"), "2026-03-03T00:00", None),
        (("20:00-24:00", "12:00-13:00"), "2026-03-03T12:30", "13:00 Europe/Berlin"),
    ],
)
def test_spans(spans: tuple[str, ...], when: str, until: str | None) -> None:
    assert QuietHours(spans, "Europe/Berlin").until(at(when)) == until


def test_the_wall_clock_counts_in_summer_and_winter() -> None:
    quiet = QuietHours(WORK, "Europe/Berlin")
    for day, offset in (("2026-01-15", 7), ("2026-07-15", 6)):
        assert quiet.until(at(f"{day}T{offset:02}:00", "UTC")) is not None
        assert quiet.until(at(f"{day}T{offset - 1:02}:59", "UTC")) is None


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"quiet_hours": ["8-18"]}, "quiet_hours"),
        ({"quiet_hours": ["08:00-25:00"]}, "quiet_hours"),
        ({"quiet_hours": ["08:00-08:00"]}, "all day or not at all"),
        ({"quiet_hours": ["00:00-24:00"]}, "all day or not at all"),
        ({"time_zone": "Mars/Olympus"}, "IANA"),
        ({"time_zone": "../etc/passwd"}, "IANA"),
        ({"mib_per_second": 0}, "mib_per_second"),
    ],
)
def test_what_a_route_may_not_say(limits: dict[str, object], sentence: str) -> None:
    place = {"source": {"hostname": "h", "site": "/s"}, "target": {"folder": "/t/m"}}
    with pytest.raises(RouteInvalid, match=sentence):
        parse_route("r", {**place, "limits": limits})
