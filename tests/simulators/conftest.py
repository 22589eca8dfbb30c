from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.schema.watch import watching
from tests.simulators.filecloud_calls import NOW, Caller, simulator

from simulators.common import FixedClock
from simulators.filecloud.simulator import FileCloudSimulator


@pytest.fixture(autouse=True)
def graph_fits_the_metadata() -> Iterator[None]:
    """Whatever the simulated Graph answers in these tests fits Microsoft's metadata."""
    with watching():
        yield


@pytest.fixture
def clock() -> FixedClock:
    """What the FileCloud of this test takes for the time."""
    return FixedClock(NOW)


@pytest.fixture
def sim(tmp_path: Path, clock: FixedClock) -> Iterator[FileCloudSimulator]:
    """A FileCloud with an empty store; tests of other services have a ``sim`` of their own."""
    with simulator(tmp_path, clock=clock) as running:
        yield running


@pytest.fixture
def caller(sim: FileCloudSimulator) -> Iterator[Caller]:
    """A logged-in client of the simulator that ``sim`` is."""
    with Caller(sim) as one:
        yield one
