"""A wall clock that was read as if it were UTC becomes the true time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spfc.filecloud.dates import utc_of_wall_clock

ZONES = ("America/Chicago", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_of_a_year_comes_back(zone: str) -> None:
    """But for the hour that comes twice, of which nothing in the answer tells: then it is the first one."""
    place = ZoneInfo(zone)
    moment = datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
    while moment.year == 2024:
        local = moment.astimezone(place)
        wall = int(local.replace(tzinfo=UTC).timestamp())
        found = utc_of_wall_clock(wall, place)
        if local.fold:
            assert moment - datetime.fromtimestamp(found, UTC) in (timedelta(hours=1), timedelta(minutes=30))
        else:
            assert found == int(moment.timestamp())
        moment += timedelta(hours=1)
