"""Ten minutes at a service that counts units: how much of its allowance is used, and how often it must refuse."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.libraries import SEED, library, small_files
from tests.bench.virtual_time import VirtualTime

from simulators.sharepoint.server import SharePointSimulator
from spfc.errors import Throttled
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.planning.model import Kind, SourceItem

MINUTES = 10
_START = 1_800_000_000.0
_REQUEST_SECONDS = 0.15
"""What one download takes in simulated time: two requests at 50 ms and some work."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What ten minutes came to. ``allowed`` is what the service would have allowed; ``useful`` what brought a file."""

    limit: int
    own_limit: int | None
    workers: int
    allowed: int
    asked: int
    useful: int
    refused: int
    refused_later: int
    while_fenced: int

    @property
    def share(self) -> float:
        """Share of the allowance that brought a file."""
        return self.useful / self.allowed


def ten_minutes(workspace: Path, *, limit: int, own_limit: int | None = None, workers: int = 32) -> Metered:
    """Download for ten simulated minutes with ``workers`` threads; ``own_limit`` is ``units_per_minute`` of the route.

    The product's own client, governor and patience against the simulator's meter, all by one simulated clock.
    """
    clock = VirtualTime(_START)
    files = library(workspace, "tiny", small_files(50, 10))
    state = workspace / "libraries" / "tiny.sharepoint"
    with SharePointSimulator(files.folder, state_dir=state, clock=clock, units_per_minute=limit) as service:
        governor = Governor(
            units_per_minute=own_limit, now=clock.now, sleep=clock.sleep, rng=random.Random(SEED), longest_wait=3600
        )
        client = GraphClient(_settings(service, workers), governor=governor)
        items = [item for item in client.delta(service.drive_id, None).items if item.kind is Kind.FILE]
        done = [0] * (MINUTES + 1)
        refused_first = [0]
        ends = _START + 60 * MINUTES

        def work(item: SourceItem) -> None:
            while clock.now() < ends:
                try:
                    stream = client.open(service.drive_id, item)
                except Throttled:
                    continue
                stream.read(1)
                stream.close()
                minute = int((clock.now() - _START) // 60)
                done[min(minute, MINUTES)] += 1
                if minute < 1:
                    refused_first[0] = _refused(service)
                clock.sleep(_REQUEST_SECONDS)

        clock.run([partial(work, items[number % len(items)]) for number in range(workers)])
        counted = service.meter.snapshot()
        client.close()
        refused = _refused(service)
        return Metered(
            limit, own_limit, workers, limit * MINUTES, int(str(counted["units"])), sum(done[:MINUTES]), refused,
            refused - refused_first[0], int(str(counted["sent_while_fenced"])),
        )  # fmt: skip


def _refused(service: SharePointSimulator) -> int:
    return sum(counter.throttled for counter in service.meter.counters.values())


def _settings(service: SharePointSimulator, workers: int) -> GraphSettings:
    return GraphSettings(
        tenant=service.tenant_id,
        client_id=service.client_id,
        client_secret=service.client_secret,
        authority=service.authority,
        graph_root=service.graph_root,
        pool_size=workers,
    )
