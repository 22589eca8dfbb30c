from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.schema.watch import watching
from tests.simulators.filecloud_calls import Caller

from simulators.filecloud.simulator import FileCloudSimulator


@pytest.fixture(autouse=True)
def graph_fits_the_metadata() -> Iterator[None]:
    """Whatever the simulated Graph answers in these tests fits Microsoft's metadata."""
    with watching():
        yield


@pytest.fixture
def caller(sim: FileCloudSimulator) -> Iterator[Caller]:
    """A logged-in client of the simulator that the module's own ``sim`` runs."""
    with Caller(sim) as one:
        yield one
