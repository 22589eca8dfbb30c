"""What a run costs: processor seconds, memory, requests, units, calls, and rows written; and how to begin in sync."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, event, insert, literal, null, select
from sqlalchemy.engine import Engine
from tests.e2e.conftest import House

from spfc.ledger.database import Database
from spfc.ledger.runs import run_costs
from spfc.ledger.schema import debt, leases, plan_lines, source_items, synced_items

ROUTE = "house"
"""The route of :class:`~tests.e2e.conftest.House`."""
TREES = frozenset({source_items.name, synced_items.name, debt.name, plan_lines.name})
"""Tables that grow with the library; what a run writes into others does not depend on it."""


@dataclass(slots=True)
class Figures:
    """What one case took. Times are seconds; ``memory_mib`` is the process's peak so far."""

    wall: float = 0.0
    cpu: float = 0.0
    memory_mib: float = 0.0
    requests: int = 0
    units: int = 0
    calls: int = 0
    rows: int = 0
    statements: int = 0
    counts: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@contextmanager
def counted() -> Iterator[Figures]:
    """Measure what happens inside; rows are those written into :data:`TREES`."""
    figures = Figures()

    def after(_conn: Any, cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        figures.statements += 1
        words = statement.split(None, 3)
        table = words[1] if words[0] == "UPDATE" else words[2] if words[0] in ("INSERT", "DELETE") else ""
        if table.strip('"') in TREES:
            figures.rows += max(0, cursor.rowcount)

    event.listen(Engine, "after_cursor_execute", after)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield figures
    finally:
        figures.wall, figures.cpu = time.perf_counter() - wall, time.process_time() - cpu
        event.remove(Engine, "after_cursor_execute", after)
        figures.memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(house: House, step: Callable[[House], Any] | None = None) -> Figures:
    """Run the whole route (or one step of it) and return what that took."""
    with counted() as figures:
        (step or (lambda each: each.run()))(house)
    figures.counts = ", ".join(f"{n} {what}" for what, n in sorted(house.manifest.get("counts", {}).items()))
    with house.database.reading() as connection:
        newest = f"run{next(house.numbers) - 1}"
        for cost in run_costs(connection, ROUTE, newest).values():
            figures.requests += cost.requests
            figures.units += cost.units
            figures.calls += cost.calls
    return figures


def mark_synced(database: Database, now: float) -> int:
    """Write down that everything the source shows lies at the target already; return how many items that are."""
    given = {"source_name": source_items.c.name, "target_name": source_items.c.name, "target_etag": null()}
    given |= {"verification": literal("hash"), "synced_at": literal(now), "run_id": literal("bench")}
    columns = [given[column.name] if column.name in given else source_items.c[column.name] for column in synced_items.c]
    everything = select(*columns).where(source_items.c.deleted.is_(False)).order_by(source_items.c.id)
    with database.writing() as connection:
        connection.execute(delete(debt))
        connection.execute(delete(leases))  # the run that listed everything is over
        connection.execute(delete(synced_items))
        names = [column.name for column in synced_items.c]
        return connection.execute(insert(synced_items).from_select(names, everything)).rowcount
