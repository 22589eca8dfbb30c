from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.schema.watch import watching


@pytest.fixture(autouse=True)
def graph_fits_the_metadata() -> Iterator[None]:
    """Whatever the simulated Graph answers in these tests fits Microsoft's metadata."""
    with watching():
        yield
