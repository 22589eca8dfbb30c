"""What a route may ask for per page is what a client takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spfc.graph.settings import GraphSettings
from spfc.routes.lists import ListLimits
from spfc.routes.policies import Limits


@pytest.mark.parametrize("limits", [Limits, ListLimits])
def test_the_largest_page_of_a_route_is_taken(
    limits: type[Limits] | type[ListLimits], settings_for: Callable[..., GraphSettings]
) -> None:
    most = limits.model_json_schema()["properties"]["page_size"]["maximum"]
    assert settings_for(page_size=limits(page_size=most).page_size).page_size == most
