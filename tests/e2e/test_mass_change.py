"""A script rewrites a whole library: the mirror does not follow until somebody says that it was meant."""

from __future__ import annotations

import pytest
from tests.e2e.conftest import House
from tests.e2e.test_main_job import tree

pytestmark = pytest.mark.e2e


def test_rewritten_files_wait_for_a_person_and_then_arrive(house: House) -> None:
    house.fields = {"policies": {"overwrite_guard": {"min_items": 3}}}
    for number in range(8):
        (house.library / f"{number}.txt").write_bytes(b"good")
    assert house.run().verdict == "green"
    for number in range(8):
        (house.library / f"{number}.txt").write_bytes(b"rewritten")
    (house.library / "new.txt").write_bytes(b"new")
    mark = house.filecloud.journal.mark()
    run = house.run()
    held = house.manifest["plan_id"]
    assert run.verdict == "attention"
    assert "8 lines held until somebody decides" in run.story
    assert [entry.operation for entry in house.filecloud.journal.since(mark)].count("upload") == 1
    assert (house.mirror / "0.txt").read_bytes() == b"good" and (house.mirror / "new.txt").exists()
    assert f"release_plan = {held}" in run.files.html.read_text(encoding="utf-8")
    (house.library / "0.txt").write_bytes(b"rewritten once more")
    released = house.run(release_plan=held)
    assert released.verdict == "green", "one change beyond what was looked at is nothing unusual"
    assert tree(house.mirror) == tree(house.library)
    lines = released.files.csv.read_text(encoding="utf-8-sig")
    assert lines.count("released_by_plan") == 7
