"""One writer per route: leases with a fencing number that only grows."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from spfc.errors import LeaseHeld, LeaseLost
from spfc.ledger.rows import upsert
from spfc.ledger.schema import leases

LEASE_SECONDS = 1800.0
"""How long a silent run keeps its route: longer than any wait between two tasks, short enough after a crash."""


def take_lease(connection: Connection, route: str, holder: str, now: float) -> int:
    """Return the fencing number of ``holder``, who may now write for the route.

    A holder that comes again (a retried task) keeps its number. Raises LeaseHeld while another one's lease runs.
    """
    # A row must be there before it can be locked: else two first runs of a route would both find none, and both win.
    upsert(connection, leases, [{"route": route, "fence": 0, "holder": "", "expires_at": 0.0}], update=())
    row = connection.execute(select(leases).where(leases.c.route == route).with_for_update()).mappings().one()
    if row["holder"] == holder:
        fence = int(row["fence"])
    elif row["expires_at"] > now:
        raise LeaseHeld(
            f"Route {route!r} is being worked on by run {row['holder']}.",
            hint=f"Wait until it ends; a run that died gives the route back in {row['expires_at'] - now:.0f} s.",
        )
    else:
        fence = int(row["fence"]) + 1
    expires = now + LEASE_SECONDS
    upsert(connection, leases, [{"route": route, "fence": fence, "holder": holder, "expires_at": expires}])
    return fence


def fence_of(connection: Connection, route: str, holder: str) -> int | None:
    """Return the fencing number that ``holder`` holds, None when it holds none."""
    query = select(leases.c.fence).where(leases.c.route == route, leases.c.holder == holder)
    return connection.execute(query).scalar_one_or_none()


def renew_lease(connection: Connection, route: str, fence: int, now: float) -> None:
    """Extend a lease that is still ours. Raises LeaseLost."""
    renewed = connection.execute(
        update(leases)
        .where(leases.c.route == route, leases.c.fence == fence, leases.c.holder != "")
        .values(expires_at=now + LEASE_SECONDS)
    )
    if renewed.rowcount != 1:
        raise LeaseLost(
            f"This run does not hold route {route!r} any more.",
            hint="It has ended, or another one took over: start a new run, or clear this one from 'enumerate' on.",
        )


def release_lease(connection: Connection, route: str, fence: int) -> None:
    """Give the route back. Harmless when it was lost already."""
    connection.execute(
        update(leases).where(leases.c.route == route, leases.c.fence == fence).values(expires_at=0.0, holder="")
    )
