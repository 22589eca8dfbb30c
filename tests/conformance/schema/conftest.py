from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.schema.tour import make_tour
from tests.conformance.schema.watch import Watch

from simulators.common.observers import observed


@pytest.fixture(scope="package")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """Everything that the simulated Graph answered on a tour through all its states."""
    watch = Watch()
    with observed(watch.see):
        make_tour(tmp_path_factory.mktemp("tour"))
    yield watch
