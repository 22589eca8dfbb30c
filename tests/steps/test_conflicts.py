"""Settling who wrote what stands at the target before it is replaced."""

from __future__ import annotations

from spfc.planning.model import Kind, SourceItem, SyncedItem
from spfc.routes import ConflictPolicy
from spfc.steps.conflicts import settle
from spfc.targets.base import PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.transfer.job import CopyJob

PATH = "/a.txt"


def test_an_edit_of_equal_length_within_the_tolerance_of_times_is_copied_and_not_adopted() -> None:
    target = MemoryTarget()
    target.make_folder("/")
    target.put_chunk(PutSpec(PATH, 3, 1000), 0, b"old", last=True)
    old = SyncedItem("1", "root", "a.txt", "a.txt", Kind.FILE, 3, 1000, "v1")
    edited = SourceItem("1", "root", "a.txt", Kind.FILE, 3, 1001, "v2")
    settled = settle(target, CopyJob(edited, "root", PATH, synced=old), ConflictPolicy.KEEP_BOTH, "FileCloud")
    assert settled.job is not None
    assert settled.job.synced == old, "as a replacement of our copy: a new file would be adopted as it stands"
