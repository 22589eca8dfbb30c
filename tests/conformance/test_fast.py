"""The quick part of the conformance runs, for CI: clients whose environment is made in less than a minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance.catalogue import CLIENTS, Client
from tests.conformance.perform import perform

WORKSPACE = Path(__file__).parents[2] / ".conformance"

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("client", [c for c in CLIENTS if c.fast], ids=lambda c: c.name)
def test_a_client_of_the_real_service_is_content(client: Client) -> None:
    result = perform(client, WORKSPACE)
    if result.absent:
        pytest.skip(result.why)
    assert result.troubles == []
    assert result.traffic.calls.total() > 0
