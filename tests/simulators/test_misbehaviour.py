"""What the simulated services do wrong when a knob asks for it: each is one that ``spfc doctor`` has to find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from tests.simulators.filecloud_calls import Caller, records_of, simulator
from tests.simulators.sharepoint_reader import Reader

from simulators.common import SystemClock
from simulators.filecloud import FileCloudSimulator
from simulators.sharepoint import SharePointKnobs, SharePointSimulator


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[FileCloudSimulator]:
    with simulator(tmp_path) as running:
        yield running


@pytest.fixture
def caller(sim: FileCloudSimulator) -> Iterator[Caller]:
    with Caller(sim) as one:
        yield one


SITE = "/sites/contoso.sharepoint.test:/sites/demo"


@pytest.mark.parametrize(
    ("roles", "granted", "site", "drive"),
    [
        (("Sites.Read.All",), False, 200, 200),
        (("Sites.FullControl.All",), False, 200, 200),
        (("Sites.Selected",), True, 200, 200),
        (("Sites.Selected",), False, 403, 403),
        (("Files.Read.All",), True, 403, 200),
        ((), True, 403, 403),
    ],
)
def test_roles(tmp_path: Path, roles: tuple[str, ...], granted: bool, site: int, drive: int) -> None:
    (tmp_path / "library").mkdir()
    knobs = SharePointKnobs(roles=roles, site_granted=granted)
    with SharePointSimulator(tmp_path / "library", state_dir=tmp_path / "state", knobs=knobs) as running:
        reader = Reader(running)
        assert reader.get(SITE).status_code == site
        assert reader.get(f"{reader.drive}/root/delta").status_code == drive
        reader.close()


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    with simulator(tmp_path, clock=SystemClock()) as running, Caller(running) as caller:
        for skew in (0, 600, -600):
            running.date_skew_s = skew
            said = parsedate_to_datetime(caller.post("getauthenticationinfo").headers["Date"]).timestamp()
            assert abs(said - time.time() - skew) < 30


def test_a_dead_session_that_looks_like_a_missing_file(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"there")
    caller.post("locksession")
    assert records_of(caller.post("fileinfo", file="/spfc/a"), "command")
    sim.knobs = sim.knobs.but(dead_session_stat="missing")
    assert records_of(caller.post("fileinfo", file="/spfc/a"), "command") == []
    assert caller.info("/spfc/a") is None


def test_preconditions_that_are_ignored(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(preconditions="ignored")
    caller.put("/spfc/a", b"old")
    caller.put("/spfc/a", b"new", nofileoverwrite=1, ifetag="wrong", iflastmodified=1)
    assert (sim.store / "a").read_bytes() == b"new"


def test_an_unfinished_upload_that_can_be_seen(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(atomic=False)
    caller.put("/spfc/a", b"old")
    assert caller.chunk("/spfc/a", b"half", complete=0, filesize=8).text == "OK"
    assert (sim.store / "a").read_bytes() == b"half"
    assert caller.chunk("/spfc/a", b"rest", offset=4, filesize=8).text == "OK"
    assert (sim.store / "a").read_bytes() == b"halfrest"


def test_an_etag_after_an_upload_that_no_listing_shows(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(etag_of_upload="another")
    answer = caller.chunk("/spfc/a", b"x", filesize=1, headers={"X-FC-Send-ETag": "1"})
    info = caller.info("/spfc/a")
    assert info is not None and answer.headers["ETag"].strip('"') != info["etag"]


def test_work_takes_its_time(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(work_s=0.05)
    begun = time.monotonic()
    caller.names("/spfc")
    assert time.monotonic() - begun >= 0.05
