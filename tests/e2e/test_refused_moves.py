"""Moves between managed storage and network folders, over HTTP: copied, verified, removed, and what that costs."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.e2e.conftest import House
from tests.e2e.test_main_job import tree

from simulators.filecloud import FileCloudKnobs

pytestmark = pytest.mark.e2e

CHANGES = ("upload", "createfolder", "renameormove", "deletefile")


@pytest.fixture
def netted(house: House) -> House:
    """Two files on a network folder, one beside it on managed storage."""
    for name, body in {
        "Net/deep/b.bin": bytes(300_000),
        "Net/deep/c.txt": b"c",
        "Net/a.txt": b"a",
        "d.txt": b"d",
    }.items():
        path = house.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    house.filecloud.knobs = FileCloudKnobs(network_folders=(f"{house.filecloud.root}/mirror/Net",))
    assert house.run().verdict == "green"
    return house


def spent(house: House, mark: int) -> dict[str, int]:
    return dict(Counter(entry.operation for entry in house.filecloud.journal.since(mark)))


def test_a_folder_crosses_storages(netted: House) -> None:
    library: Path = netted.library
    (library / "Net" / "deep").rename(library / "out")
    cloud, graph = netted.filecloud.journal.mark(), netted.sharepoint.journal.mark()
    run = netted.run()
    assert run.verdict == "green", run.story
    assert tree(netted.mirror) == tree(library)
    calls = spent(netted, cloud)
    assert {name: calls[name] for name in CHANGES} == {
        "renameormove": 2, "createfolder": 1, "upload": 2, "deletefile": 3,
    }  # fmt: skip
    assert calls["getfilelist"] == 2, "the old folder before and after"
    read = Counter(entry.operation for entry in netted.sharepoint.journal.since(graph))
    assert read["content"] == 2
    assert "copied and removed: the target refused to move it" in run.files.csv.read_text(encoding="utf-8-sig")
    assert netted.run().verdict == "green" and netted.manifest == {}


def test_a_file_crosses_storages_with_its_new_content(netted: House) -> None:
    library: Path = netted.library
    (library / "d.txt").rename(library / "Net" / "d2.txt")
    (library / "Net" / "d2.txt").write_bytes(b"edited on the way")
    mark = netted.filecloud.journal.mark()
    run = netted.run()
    assert run.verdict == "green", run.story
    assert tree(netted.mirror) == tree(library)
    assert spent(netted, mark)["upload"] == 1, "the new version, once"


def test_a_move_that_is_refused_for_a_moment_is_made(netted: House) -> None:
    (netted.library / "d.txt").rename(netted.library / "e.txt")
    netted.filecloud.replace_faults([
        {"id": "no", "operation": "renameormove", "action": {"kind": "refuse", "message": "Vorgang abgelehnt"}}
    ])  # fmt: skip
    mark = netted.filecloud.journal.mark()
    assert netted.run().verdict == "green"
    assert tree(netted.mirror) == tree(netted.library)
    assert "upload" not in spent(netted, mark)


def test_removals_cross_storages_into_the_quarantine(netted: House) -> None:
    theirs = netted.mirror / "Net" / "deep" / "theirs.txt"
    theirs.write_bytes(b"put there by somebody else")
    (netted.library / "Net" / "a.txt").unlink()
    shutil.rmtree(netted.library / "Net" / "deep")
    cloud, graph = netted.filecloud.journal.mark(), netted.sharepoint.journal.mark()
    run = netted.run()
    assert run.verdict == "green", run.story
    assert tree(netted.mirror) == tree(netted.library)
    (day,) = (netted.mirror.parent / "mirror.quarantine").iterdir()
    assert tree(day) == {
        "Net": None, "Net/a.txt": b"a", "Net/deep": None, "Net/deep/b.bin": bytes(300_000), "Net/deep/c.txt": b"c",
        "Net/deep/theirs.txt": b"put there by somebody else",
    }  # fmt: skip
    calls = spent(netted, cloud)
    assert (calls["upload"], calls["downloadfile"], calls["deletefile"]) == (4, 8, 5), "copied, and read back"
    assert not any(entry.operation == "content" for entry in netted.sharepoint.journal.since(graph))
    assert netted.run().verdict == "green" and netted.manifest == {}
