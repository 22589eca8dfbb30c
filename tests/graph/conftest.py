"""Two stub hosts (Graph with sign-in, and downloads), a clock that nobody waits for, and a client on them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.graph.stub import Answer, FakeClock, Stub, json_answer

from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings

SECRET = "planted-secret-value"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def graph() -> Iterator[Stub]:
    with Stub() as stub:
        tokens = [
            json_answer({"access_token": f"token-{n}", "expires_in": 3600, "token_type": "Bearer"}) for n in range(1, 9)
        ]
        stub.on("/contoso.test/oauth2/v2.0/token", *tokens)
        yield stub


@pytest.fixture
def host() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def settings_for(graph: Stub) -> Callable[..., GraphSettings]:
    def make(**changes: Any) -> GraphSettings:
        given: dict[str, Any] = {
            "tenant": "contoso.test",
            "client_id": "app-id",
            "client_secret": SECRET,
            "authority": graph.url,
            "graph_root": f"{graph.url}/v1.0",
            "trust_env": False,
            **changes,
        }
        return GraphSettings(**given)

    return make


@pytest.fixture
def make_client(clock: FakeClock, settings_for: Callable[..., GraphSettings]) -> Iterator[Callable[..., GraphClient]]:
    clients: list[GraphClient] = []

    def make(**changes: Any) -> GraphClient:
        settings = settings_for(**changes)
        governor = Governor(
            units_per_minute=settings.units_per_minute,
            now=clock.now,
            sleep=clock.sleep,
            rng=random.Random(7),
            longest_wait=settings.longest_wait,
        )
        client = GraphClient(settings, tokens=TokenSource(settings, now=clock.now), governor=governor)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., GraphClient]) -> GraphClient:
    return make_client()


__all__ = ["SECRET", "Answer"]
