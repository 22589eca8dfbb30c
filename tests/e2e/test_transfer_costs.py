"""What a file costs: one Graph request of one unit, one download, one FileCloud call, and nothing else that grows."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

FOLDERS = 4


def add(library: Path, first: int, last: int) -> None:
    for number in range(first, last):
        path = library / f"Folder {number % FOLDERS}" / f"{number:03}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes([number]) * (number % 7))
        os.utime(path, (1_600_000_000, 1_600_000_000))


def test_the_first_sync_asks_once_for_each_file(house) -> None:
    files = 80
    add(house.library, 0, files)
    assert house.run().verdict == "green"
    entries = house.sharepoint.journal.entries
    graph = Counter(entry.operation for entry in entries if entry.service == "graph")
    assert graph == {"site": 1, "site_drives": 1, "delta": 1, "content": files}
    units = sum(entry.units for entry in entries)
    assert units == files + 1 + 2 + 2, "site 1, libraries 2, first page 2 (Graph reference 10.1)"
    assert sum(entry.service == "download" for entry in entries) == files
    cloud = Counter(entry.operation for entry in house.filecloud.journal.entries)
    assert cloud.pop("upload") == files
    assert cloud.pop("createfolder") == FOLDERS + 1, "and the target root"
    assert sum(cloud.values()) <= 14, f"logins and looks at the root, whatever the number of files: {cloud}"


def test_later_files_cost_the_same_and_what_is_there_costs_nothing(house) -> None:
    add(house.library, 0, 30)
    house.run()
    graph, cloud = house.sharepoint.journal.mark(), house.filecloud.journal.mark()
    add(house.library, 30, 70)
    assert house.run().verdict == "green"
    asked = [entry for entry in house.sharepoint.journal.since(graph) if entry.service == "graph"]
    assert Counter(entry.operation for entry in asked) == {"delta": 1, "content": 40}
    assert sum(entry.units for entry in asked) == 41
    calls = Counter(entry.operation for entry in house.filecloud.journal.since(cloud))
    assert calls["upload"] == 40
    assert calls.total() - calls["upload"] <= 12, calls
    assert house.sharepoint.metrics()["repeated_ranges"] == 0, "no byte is fetched twice"


def test_a_large_file_is_one_request_and_one_call_per_chunk(house) -> None:
    chunk, chunks = 1 << 20, 7
    (house.library / "large.bin").write_bytes(os.urandom(chunk * (chunks - 1) + 5))
    settings = house.filecloud_settings()
    house.filecloud_settings = lambda: replace(settings, chunk_size=chunk)
    assert house.run().verdict == "green"
    operations = Counter(entry.operation for entry in house.sharepoint.journal.entries)
    assert (operations["content"], operations["download"]) == (1, 1)
    assert house.filecloud.journal.count("filecloud", "upload") == chunks
