"""One worker process of an app: asks Graph as fast as its governor lets it, in a time that runs faster than ours.

``python guest.py JSON`` with: ``ledger`` (address), ``graph`` (fields of GraphSettings), ``drive``, ``item``, ``scale``
(seconds of its time in one of ours), ``t0`` (when its time stood at ``base``), ``seconds`` (how long to ask, from when
it is ready to), ``threads``, ``die`` (end without giving anything back). Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass

from spfc.errors import SpfcError
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.ledger.budgets import LedgerBank, digest
from spfc.ledger.database import Database


@dataclass(frozen=True)
class FastTime:
    """A clock that all processes of a test read alike, ``scale`` times as fast as the machine's."""

    base: float
    t0: float
    scale: float

    def now(self) -> float:
        return self.base + (time.time() - self.t0) * self.scale

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / self.scale)


def main() -> None:
    """Run until the time is up, or an error ends it."""
    given = json.loads(sys.argv[1])
    clock = FastTime(given["base"], given["t0"], given["scale"])
    settings = GraphSettings(**given["graph"])
    database = Database(given["ledger"])
    bank = LedgerBank(database, digest("graph", *settings.shared_key), settings.quota, clock=clock.now)
    governor = Governor(bank=bank, now=clock.now, sleep=clock.sleep, longest_wait=settings.longest_wait)
    client = GraphClient(settings, tokens=TokenSource(settings, now=clock.now), governor=governor)
    errors: list[str] = []
    until = clock.now() + given["seconds"]

    def work() -> None:
        try:
            while clock.now() < until and not errors:
                client.item(given["drive"], given["item"])
        except SpfcError as error:
            errors.append(f"{error.code}: {error}")

    threads = [threading.Thread(target=work) for _ in range(given["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bill = client.bill
    if not given.get("die"):
        governor.close()
    sys.stdout.write(json.dumps({"requests": bill.requests, "units": bill.units, "errors": errors}))
    sys.stdout.flush()
    if given.get("die"):
        os._exit(0)
    client.close()
    database.close()


if __name__ == "__main__":
    main()
