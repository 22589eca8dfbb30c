"""Which FileCloud server the whole-run tests work with: ``SPFC_PROFILE=legacy`` or ``2024``, else ``current``."""

from __future__ import annotations

import os

import pytest

from simulators.filecloud.knobs import FileCloudKnobs

NAME = os.environ.get("SPFC_PROFILE", "current")
KNOBS = FileCloudKnobs.profile(NAME)

needs_times = pytest.mark.skipif(
    not KNOBS.utc_times,
    reason="a server that tells no times in UTC: what stands there is of unknown age, so it waits or is kept aside",
)
"""For tests whose outcome rests on comparing times with the target (FileCloud reference 17, profile legacy)."""
