"""Knobs of the simulated FileCloud are read from plain data, and bad ones are refused."""

from __future__ import annotations

import pytest

from simulators.filecloud import FileCloudKnobs, KnobError


def test_knobs_from_plain_data() -> None:
    knobs = FileCloudKnobs.from_dict({"profile": "2024", "max_limit": 100, "team_folders": ["a"]})
    assert (knobs.etag, knobs.max_limit, knobs.team_folders) == (False, 100, ("a",))
    assert FileCloudKnobs() == FileCloudKnobs.profile("current")


@pytest.mark.parametrize(
    "bad",
    [
        {"colour": 1},
        {"profile": "2031"},
        {"csrf": "sometimes"},
        {"server_tz": "Mars/Base"},
        {"recycle": 1},
        {"max_limit": "7"},
        {"team_folders": [1]},
        {"session_ttl_s": True},
    ],
)
def test_bad_knobs_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(KnobError):
        FileCloudKnobs.from_dict(bad)
    if "colour" in bad:
        with pytest.raises(KnobError):
            FileCloudKnobs().but(**bad)
