"""Refusals that are no trouble of the network: each its own outcome, and the run goes on (over HTTP)."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.profile import needs_times
from tests.e2e.test_main_job import tree

from spfc.errors import ServiceError
from spfc.steps.closing import close_run
from spfc.transfer.breaker import QUOTA_STRIKES, SERVICE_STRIKES

pytestmark = pytest.mark.e2e


def write(root: Path, name: str, body: str = "body", when: int = 1_600_000_000) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    os.utime(path, (when, when))


def told(closed: Any) -> dict[str, tuple[str, str, str]]:
    """Return outcome, code and what to do of each file line of the report."""
    with Path(closed.files.csv).open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["kind"] == "file"]
    return {line["path"]: (line["outcome"], line["code"], line["hint"]) for line in lines}


@needs_times
def test_each_refusal_has_its_own_outcome_and_the_rest_arrives(house: Any) -> None:
    for name in ("good.txt", "script.php", "odd=name.txt", "newer.txt", "locked.txt"):
        write(house.library, name)
    write(house.mirror, "newer.txt", "theirs, newer", 1_700_000_000)
    write(house.mirror, "locked.txt", "older", 1_500_000_000)
    sim = house.filecloud
    sim.knobs = sim.knobs.but(refused_characters="=", locked_paths=(f"{sim.root}/mirror/locked.txt",))
    closed = house.run()
    found = told(closed)
    assert {path: end[:2] for path, end in found.items()} == {
        "/good.txt": ("done", ""),
        "/script.php": ("held", "name_refused"),
        "/odd=name.txt": ("held", "name_refused"),
        "/newer.txt": ("held", ""),
        "/locked.txt": ("deferred", "target_locked"),
    }
    page = Path(closed.files.html).read_text()
    for step in ("Rename the item at the source", "Decide which one counts", "Close or unlock it"):
        assert step in page, step
    assert (house.mirror / "newer.txt").read_text() == "theirs, newer"


def test_a_full_account_is_not_asked_for_every_file(house: Any) -> None:
    for number in range(30):
        write(house.library, f"{number:02}.txt", "x" * 100)
    house.fields = {"limits": {"workers": 1}}
    sim = house.filecloud
    sim.knobs = sim.knobs.but(quota_bytes=550)
    closed = house.run()
    ends = [end[:2] for end in told(closed).values()]
    assert sorted(set(ends)) == [("done", ""), ("held", "quota_full")]
    assert ends.count(("done", "")) == 5
    assert sim.journal.count(operation="upload") == 5 + QUOTA_STRIKES
    assert "raise the quota" in Path(closed.files.html).read_text().lower()
    sim.knobs = sim.knobs.but(quota_bytes=0)
    assert house.run(mode="retry_failed").verdict == "green"


def test_a_service_that_is_down_stops_the_batch_and_is_named(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        write(house.library, f"{number:02}.txt", f"body {number}")
    house.fields = {"limits": {"workers": 1}}
    house.filecloud.replace_faults(
        [{"id": "down", "operation": "upload", "nth": 4, "times": -1, "action": {"kind": "status", "status": 503}}]
    )
    settings = replace(house.filecloud_settings(), attempts=1, backoff_base=0.001)  # gives up soon
    monkeypatch.setattr(house, "filecloud_settings", lambda: settings)
    run = house.context()
    with monkeypatch.context() as patch:
        patch.setattr(house, "context", lambda **_: run)
        with pytest.raises(ServiceError, match=rf"FileCloud \(.*\) failed for {SERVICE_STRIKES} files in a row"):
            house.run()
    closed = close_run(house._next_task(run), house.tmp / "reports")
    assert closed.verdict == "failed"
    ends = [end[0] for end in told(closed).values()]
    assert {end: ends.count(end) for end in set(ends)} == {"done": 3, "failed": SERVICE_STRIKES - 1, "deferred": 23}
    assert f"failed for {SERVICE_STRIKES} files in a row" in Path(closed.files.json).read_text()
    house.filecloud.replace_faults([])
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)


@needs_times
def test_every_copy_is_read_back_and_rot_is_found(house: Any) -> None:
    house.fields = {"policies": {"verify": "read_back", "scrub_percent_per_week": 100}}
    for number in range(5):
        write(house.library, f"{number}.txt", f"body {number}")
    assert house.run().verdict == "green"
    assert house.filecloud.journal.count(operation="downloadfile") == 5
    rotten = house.mirror / "3.txt"
    status = rotten.stat()
    with rotten.open("r+") as file:
        file.write("BODY")
    os.utime(rotten, ns=(status.st_atime_ns, status.st_mtime_ns))
    clock = house.clock
    house.clock = lambda: clock() + 8 * 86400
    write(house.library, "new.txt", "new")
    closed = house.run()
    assert closed.verdict == "green", closed.story
    assert told(closed)["/3.txt"][0] == "done"
    assert rotten.read_text() == "body 3"
    assert len(list(house.mirror.iterdir())) == 6
