from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.e2e.conftest import House

from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator

Tune = Callable[..., None]


@pytest.fixture
def tune(house: House) -> Iterator[Tune]:
    """Restart the simulated SharePoint at its old address and state, with these knobs."""

    def restart(**knobs: Any) -> None:
        old = house.sharepoint
        ports = {"port": old.port, "download_port": old.port_of("download")}
        old.stop()
        house.sharepoint = SharePointSimulator(
            house.library, state_dir=house.tmp / "sp", knobs=SharePointKnobs(**knobs), **ports
        ).start()

    first = house.sharepoint
    yield restart
    if house.sharepoint is not first:
        house.sharepoint.stop()


@pytest.fixture
def settings(house: House) -> Callable[..., None]:
    """Change settings of the Graph client, such as ``page_size`` and ``retries``."""
    plain = house.graph_settings

    def change(**fields: Any) -> None:
        house.graph_settings = lambda: replace(plain(), **fields)  # type: ignore[method-assign]

    return change
