"""Both legs of a large file at work at once, proven without a clock: each waits for the other to have begun."""

from __future__ import annotations

import threading

import pytest

from spfc.errors import ItemChanged, QuotaFull, SpfcError
from spfc.planning.model import Kind, SourceItem, TargetEntry
from spfc.sources.memory import MemorySource, MemoryStream
from spfc.targets.base import PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.transfer.copy import copy_file
from spfc.transfer.job import CopyJob

CHUNK = 10
ITEM = SourceItem("1", "root", "f.bin", Kind.FILE, modified=1000, version="v1", content_version="c1")
BODY = bytes(range(5 * CHUNK + 3))


class MeetingStream(MemoryStream):
    """Gives its first chunk at once; every further one only while a chunk is being sent."""

    meeting: threading.Barrier

    def read(self, size: int) -> bytes:
        if 0 < self._position < len(BODY):
            self.meeting.wait()
        return super().read(size)


class MeetingSource(MemorySource):
    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__()
        self.meeting = meeting

    def open(self, item: SourceItem, *, offset: int = 0) -> MemoryStream:
        stream = MeetingStream(BODY, offset=offset, length=len(BODY), version="v1", breaks_at=None)
        stream.meeting = self.meeting
        self.streams.append(stream)
        return stream


class MeetingTarget(MemoryTarget):
    """Takes a chunk only while the next one is being read."""

    meeting: threading.Barrier

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        if not last:
            self.meeting.wait()
        return super().put_chunk(spec, offset, chunk, last=last)


def test_the_next_chunk_is_read_while_the_last_is_sent() -> None:
    meeting = threading.Barrier(2, timeout=10)
    source, target = MeetingSource(meeting), MeetingTarget(CHUNK)
    target.meeting = meeting
    item = source.put(ITEM, BODY)
    assert copy_file(source, target, CopyJob(item, "root", "/f.bin"), lambda _: None).synced.verification == "hash"
    assert target.tree()["/f.bin"] == BODY


class WaitingStream(MemoryStream):
    """Is in the middle of a read when the other leg fails."""

    reading: threading.Event
    failed: threading.Event
    error: SpfcError | None = None

    def read(self, size: int) -> bytes:
        if self._position:
            self.reading.set()
            assert self.failed.wait(10)
            assert not self.closed, "a stream is never closed under its reader"
            if self.error is not None:
                raise self.error
        return super().read(size)


class FailingTarget(MemoryTarget):
    reading: threading.Event
    failed: threading.Event

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        assert self.reading.wait(10)
        self.failed.set()
        raise QuotaFull("full")


@pytest.mark.parametrize("error", [None, ItemChanged("changed")])
def test_trouble_at_one_leg_waits_for_the_other_and_is_let_out(error: SpfcError | None) -> None:
    source, target = MemorySource(), FailingTarget(CHUNK)
    target.reading, target.failed = threading.Event(), threading.Event()
    item = source.put(ITEM, BODY)
    stream = WaitingStream(BODY, offset=0, length=len(BODY), version="v1", breaks_at=None)
    stream.reading, stream.failed, stream.error = target.reading, target.failed, error
    source.open = lambda item, *, offset=0: stream  # type: ignore[method-assign]
    with pytest.raises(QuotaFull):
        copy_file(source, target, CopyJob(item, "root", "/f.bin"), lambda _: None)
    assert stream.closed
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_a_small_file_needs_no_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = MemorySource(), MemoryTarget(CHUNK)
    monkeypatch.setattr("spfc.transfer.ahead.ThreadPoolExecutor", None)
    for size in (0, 1, CHUNK):
        item = source.put(ITEM, BODY[:size])
        copy_file(source, target, CopyJob(item, "root", f"/{size}.bin"), lambda _: None)
        assert target.tree()[f"/{size}.bin"] == BODY[:size]
