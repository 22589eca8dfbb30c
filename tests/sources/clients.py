"""Graph clients of tests: for a simulator, and never waiting by the clock."""

from __future__ import annotations

from typing import Any

from simulators.sharepoint import SharePointSimulator
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings


def client_of(simulator: SharePointSimulator, **changes: Any) -> GraphClient:
    """Return a client of the simulator's own app; ``changes`` are other settings."""
    given: dict[str, Any] = {
        "tenant": simulator.tenant_id,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "authority": simulator.authority,
        "graph_root": simulator.graph_root,
        "ca_file": simulator.ca_file,
        "trust_env": False,
        **changes,
    }
    settings = GraphSettings(**given)
    # Retries must not slow the tests down; pauses are taken off the clock, not slept.
    governor = Governor(sleep=lambda _: None)
    return GraphClient(settings, tokens=TokenSource(settings), governor=governor)
