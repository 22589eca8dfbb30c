"""One case in a fresh process, so that its peak memory is its own: prints its figures as JSON."""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench_scale.measure import Figures, mark_synced, measured
from tests.bench_scale.services import Services
from tests.e2e.conftest import House

from spfc.ledger.database import Database
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan


def _enumerate(house: House) -> None:
    run = house.context()
    with run.task("enumerate"):
        house.enumeration = enumerate_source(run)


def _plan(house: House) -> None:
    """Plan what was enumerated: the task after :func:`_enumerate`, by the same run in a process of its own."""
    run = house.context()
    with run.database.writing() as connection:
        run.fence = _fence(connection)
    house.manifest = diff_and_plan(run)


def _fence(connection: Any) -> int:
    from sqlalchemy import select

    from spfc.ledger.schema import leases

    return int(connection.execute(select(leases.c.fence)).scalar_one())


def _mark(house: House) -> None:
    mark_synced(house.database, time.time())


STEPS = {"enumerate": _enumerate, "plan": _plan, "mark": _mark, "run": None}


def main(step: str, number: str, folder: str, addresses: str) -> Figures:
    """Run a step as run ``number`` against services at ``addresses``, with the ledger in ``folder``."""
    sharepoint, filecloud = Services.seen_as(json.loads(addresses))
    tmp = Path(folder)
    database = Database(f"sqlite:///{tmp / 'ledger.db'}")
    with database.reading():
        pass  # the version check, which every process makes once, is not part of a case
    house = House(tmp, sharepoint, filecloud, database, numbers=itertools.count(int(number)))  # type: ignore[arg-type]
    try:
        return measured(house, STEPS[step])
    finally:
        database.close()


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:]).as_dict()))
