"""Two real worker processes, one app, one metered service: together they behave like one good guest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from tests.e2e.guest import FastTime
from tests.postgres import NoPostgresError, administer, running_postgres

from simulators.sharepoint.server import SharePointSimulator
from spfc.ledger.budgets import digest, read_account
from spfc.ledger.database import Database

pytestmark = pytest.mark.e2e

BASE = 20_000 * 86_400.0 + 43_200
GUEST = Path(__file__).with_name("guest.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    try:
        with running_postgres() as server:
            yield from _fresh(server)
    except NoPostgresError as missing:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def _fresh(server: URL) -> Iterator[str]:
    name = f"guests_{os.getpid()}"
    administer(server, f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Inn:
    """A metered service, whose guests are processes that share one ledger."""

    ledger: str
    service: SharePointSimulator
    clock: FastTime

    def key(self) -> str:
        fields = self.graph()
        return digest("graph", fields["authority"].removesuffix(f"/{fields['tenant']}"), fields["graph_root"],
                      fields["tenant"], fields["client_id"])  # fmt: skip

    def graph(self, **more: Any) -> dict[str, Any]:
        sim = self.service
        return {"tenant": sim.tenant_id, "client_id": sim.client_id, "client_secret": sim.client_secret,
                "authority": sim.authority, "graph_root": sim.graph_root, "trust_env": False, **more}  # fmt: skip

    def guest(self, seconds: float, *, die: bool = False, threads: int = 4, **graph: Any) -> subprocess.Popen[str]:
        given = {
            "ledger": self.ledger, "graph": self.graph(**graph), "drive": self.service.drive_id, "die": die,
            "item": self.service.ids.root_id, "scale": self.clock.scale, "t0": self.clock.t0, "base": self.clock.base,
            "seconds": seconds, "threads": threads,
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(GUEST), json.dumps(given)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip

    def asked(self) -> list[Any]:
        """Return the journal of what was asked of Graph, in order."""
        return [entry for entry in self.service.journal.entries if entry.service == "graph"]

    def account(self) -> Any:
        database = Database(self.ledger)
        try:
            return read_account(database, self.key())
        finally:
            database.close()


def told(guest: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = guest.communicate(timeout=120)
    assert guest.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def inn(ledger: str, tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "library").mkdir()

    @contextmanager
    def open_inn(scale: float, **service: Any) -> Iterator[Inn]:
        clock = FastTime(BASE, time.time(), scale)
        database = Database(ledger)
        with database.reading():
            pass
        database.close()
        with SharePointSimulator(tmp_path / "library", state_dir=tmp_path / "sp", clock=clock, **service) as sim:
            yield Inn(ledger, sim, clock)

    return open_inn


def test_a_metered_service_is_used_up_and_refuses_nothing(inn: Callable[..., Any]) -> None:
    """Scaled down by five for machines that do other things, too: 250 units a minute, 240 of which are ours."""
    with inn(12, units_per_minute=250) as house:
        guests = [house.guest(200, units_per_minute=240) for _ in range(2)]
        ends = [told(guest) for guest in guests]
        asked = house.asked()
        spent, refused = sum(entry.units for entry in asked), [entry for entry in asked if entry.status == 429]
        assert [end["errors"] for end in ends] == [[], []]
        assert refused == []
        assert sum(end["units"] for end in ends) == spent == house.account().day_units
        lasted = asked[-1].start - asked[0].start
        assert spent <= 4.0 * lasted + 12
        assert spent >= 0.85 * 4.0 * lasted, f"{spent} units in {lasted:.0f} s"
        assert all(end["units"] > 0.25 * spent for end in ends), "both got their share"


def test_a_wall_that_one_runs_into_stops_the_other(inn: Callable[..., Any]) -> None:
    wall = {"id": "wall", "operation": "item", "nth": [40], "action": {"kind": "status", "status": 429,
            "retry_after": 90}}  # fmt: skip
    with inn(12, faults=[wall]) as house:
        guests = [house.guest(150, units_per_minute=240) for _ in range(2)]
        ends = [told(guest) for guest in guests]
        assert [end["errors"] for end in ends] == [[], []]
        asked = house.asked()
        (refused,) = [entry for entry in asked if entry.status == 429]
        # Within a second the other one knows; what it had sent by then is under way.
        slack = 1.0 + 12 * 0.25
        during = [entry for entry in asked if refused.end + slack < entry.start < refused.end + 90]
        after = [entry for entry in asked if entry.start >= refused.end + 90]
        assert during == []
        assert after, "and both go on when it is over"
        assert house.account().rate < 4.0, "more slowly than before"


def test_a_pause_of_an_hour_ends_both_with_one_sentence(inn: Callable[..., Any]) -> None:
    wall = {"id": "wall", "operation": "item", "nth": [10], "action": {"kind": "status", "status": 429,
            "retry_after": 3600}}  # fmt: skip
    with inn(12, faults=[wall]) as house:
        guests = [house.guest(600, units_per_minute=240) for _ in range(2)]
        for end in map(told, guests):
            # Threads that ask a second later are told a second less.
            (sentence,) = {re.sub(r"wait 3[56]\d\d s", "wait an hour", error) for error in end["errors"]}
            assert sentence.startswith("throttled: Microsoft Graph asks all requests of this app to wait an hour")
        assert sum(entry.status == 429 for entry in house.asked()) == 1
        assert house.account().pause_until - BASE > 3600


def test_a_day_that_is_spent_ends_both_and_is_not_overdrawn(inn: Callable[..., Any]) -> None:
    with inn(12) as house:
        guests = [house.guest(600, units_per_minute=600, units_per_day=90) for _ in range(2)]
        ends = [told(guest) for guest in guests]
        assert all("The budget of this app for today is spent" in end["errors"][0] for end in ends)
        assert len(house.asked()) == sum(end["units"] for end in ends)
        assert 80 <= len(house.asked()) <= 90


def test_a_worker_that_dies_takes_nothing_along_for_long(inn: Callable[..., Any]) -> None:
    with inn(12) as house:
        told(house.guest(20, units_per_minute=240, die=True))
        before = len(house.asked())
        end = told(house.guest(60, units_per_minute=240))
        assert end["errors"] == []
        assert len(house.asked()) - before > 0.6 * 4.0 * 60 * 0.8
