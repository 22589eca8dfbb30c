"""One file, from a source to a target: proven, resumed, sent again, adopted or refused, and never half there."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.planning.trees import synced

from spfc.errors import (
    AnswerUnreadable,
    IntegrityMismatch,
    ItemChanged,
    ItemGone,
    QuotaFull,
    ReplyLost,
    ServiceBusy,
    SpfcError,
    TargetChanged,
    TargetExists,
    Throttled,
    Unreachable,
)
from spfc.planning.model import Kind, SourceItem, TargetEntry
from spfc.sources.base import Source
from spfc.sources.memory import MemorySource
from spfc.targets.base import PutSpec, Target
from spfc.targets.memory import MemoryTarget
from spfc.transfer.copy import FRESH_STARTS, copy_file
from spfc.transfer.job import Copied, CopyJob
from spfc.transfer.reader import MAX_RESUMES, ResumingReader

CHUNK = 10
ITEM = SourceItem("1", "root", "f.bin", Kind.FILE, modified=1000, version="v1", content_version="c1")


class House:
    def __init__(self, content: bytes = b"0123456789abcdefghij+") -> None:
        self.source, self.target = MemorySource(), MemoryTarget(CHUNK)
        self.item = self.source.put(ITEM, content)
        self.counted = 0

    def copy(self, **job: object) -> Copied:
        return copy_file(self.source, self.target, CopyJob(self.item, "root", "/f.bin", **job), self._count)  # type: ignore[arg-type]

    def put(self, content: bytes, modified: int = 1000) -> TargetEntry:
        """Put a file at the target by other hands."""
        maker = MemoryTarget.put_chunk
        spec = PutSpec("/f.bin", len(content), modified)
        self.target.chunk_size, kept = max(len(content), 1), self.target.chunk_size
        entry = maker(self.target, spec, 0, content, last=True)
        self.target.chunk_size = kept
        assert entry is not None
        return entry

    def _count(self, size: int) -> None:
        self.counted += size

    @property
    def there(self) -> bytes | None:
        return self.target.tree().get("/f.bin")


@pytest.fixture(autouse=True)
def doubles_are_first_class(house: House) -> Iterator[None]:
    source: Source = house.source
    target: Target = house.target
    yield
    assert source and target
    assert all(stream.closed for stream in house.source.streams), "every stream is closed, whatever happened"


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 3])
def test_bytes_times_and_proof(house: House, size: int) -> None:
    content = bytes(range(256)) * 1
    house.item = house.source.put(ITEM, content[:size])
    copied = house.copy()
    assert house.there == content[:size]
    assert copied.bytes == house.counted == size
    stat = house.target.stat("/f.bin")
    assert stat is not None
    assert stat.modified == 1000
    assert copied.synced == synced(house.item, verification="hash", target_etag=stat.etag)
    assert house.target.counts["put_chunk"] == max(1, -(-size // CHUNK)), "an exact multiple needs no empty chunk"
    assert house.source.counts["open"] == 1


def test_without_a_listed_hash_the_size_must_do(house: House) -> None:
    house.item = replace(house.item, hash=None)
    assert house.copy().synced.verification == "size"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("served", [b"short", b"0123456789abcdefghij!", b"0123456789" * 2, b"longer " * 9])
def test_the_same_unlisted_bytes_twice_are_accepted(house: House, served: bytes, announced: bool) -> None:
    """Office and labelled files differ from what is listed, in every direction, with and without a length."""
    house.source.contents["1"] = served
    if not announced:
        house.source.announced["1"] = None
    copied = house.copy()
    assert house.there == served
    assert copied.synced.verification == "mismatch"
    assert (copied.synced.size, copied.synced.hash) == (house.item.size, house.item.hash), "it counts as synced"
    assert copied.bytes == len(served)
    assert (house.source.counts["open"], house.source.counts["refresh"]) == (2, 1)


class Fickle(MemorySource):
    """Serves other bytes each time."""

    bodies: list[bytes]

    def open(self, item: SourceItem, *, offset: int = 0):  # type: ignore[no-untyped-def]
        self.contents[item.id] = self.bodies.pop(0)
        return super().open(item, offset=offset)


@pytest.mark.parametrize(
    "bodies", [[b"one", b"two"], [b"x" * 40, b"x" * 41], [b"x" * 41, b"x" * 7], [b"y" * 10, b"y" * 30]]
)
@pytest.mark.parametrize("announced", [True, False])
def test_other_bytes_each_time_are_refused(bodies: list[bytes], announced: bool, house: House) -> None:
    source = Fickle()
    house.item, house.source, source.bodies = source.put(ITEM, b"listed"), source, list(bodies)
    if not announced:
        source.announced["1"] = None
    with pytest.raises(IntegrityMismatch):
        house.copy()
    assert house.there is None, "the last chunk of a bad body is never sent"


def test_a_mismatch_that_heals_itself_is_a_plain_copy(house: House) -> None:
    source = Fickle()
    house.item, house.source, source.bodies = source.put(ITEM, b"listed"), source, [b"broken", b"listed"]
    with pytest.raises(IntegrityMismatch):  # the second body is the listed one, but was not served twice
        house.copy()


def test_a_mismatch_of_a_changed_or_deleted_file_is_no_mismatch(house: House) -> None:
    house.source.contents["1"] = b"newer"
    house.source.items["1"] = replace(house.item, version="v2")
    with pytest.raises(ItemChanged):
        house.copy()
    del house.source.items["1"]
    with pytest.raises(ItemGone):
        house.copy()
    assert house.there is None


# -- broken streams --------------------------------------------------------------------------------------------


def test_a_broken_stream_goes_on_at_the_byte(house: House) -> None:
    house.source.break_next = [15, 19]
    assert house.copy().synced.verification == "hash"
    assert house.source.opened == [("1", 0), ("1", 10), ("1", 10)]
    assert house.counted == len(house.source.contents["1"]), "no byte is sent twice"


def test_a_stream_that_never_goes_on_is_given_up(house: House) -> None:
    house.source.break_next = [15] * (MAX_RESUMES + 2)
    with pytest.raises(ServiceBusy):
        house.copy()
    assert house.source.counts["open"] == MAX_RESUMES + 1
    assert house.there is None


@pytest.mark.parametrize("change", ["version", "length"])
def test_another_version_is_never_spliced_on(house: House, change: str) -> None:
    house.source.break_next = [15]
    first = house.source.open

    def second(item: SourceItem, *, offset: int = 0):  # type: ignore[no-untyped-def]
        if offset:
            house.source.versions["1"] = "v2" if change == "version" else item.version
            house.source.announced["1"] = 99 if change == "length" else 21
        return first(item, offset=offset)

    house.source.open = second  # type: ignore[method-assign]
    with pytest.raises(ItemChanged):
        house.copy()
    assert house.there is None


def test_reads_are_exact_whatever_breaks(house: House) -> None:
    house.source.break_next = [3, 9]
    with ResumingReader(house.source, house.item) as reader:
        assert [reader.read(4) for _ in range(7)] == [b"0123", b"4567", b"89ab", b"cdef", b"ghij", b"+", b""]


# -- lost uploads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ReplyLost, ServiceBusy, Unreachable, AnswerUnreadable])
@pytest.mark.parametrize("losses", [1, FRESH_STARTS])
def test_a_lost_upload_begins_again_at_offset_0(house: House, error: type[SpfcError], losses: int) -> None:
    house.target.fail_next = [error("lost") for _ in range(losses)]
    copied = house.copy()
    assert house.there == house.source.contents["1"]
    assert copied.synced.verification == "hash"
    assert house.source.opened == [("1", 0)] * (losses + 1)


def test_an_upload_lost_in_its_middle_leaves_nothing_behind(house: House) -> None:
    sent: list[int] = []
    plain = house.target.put_chunk

    def lossy(spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        sent.append(offset)
        if len(sent) == 2:
            raise ReplyLost("lost")
        return plain(spec, offset, chunk, last=last)

    house.target.put_chunk = lossy  # type: ignore[method-assign]
    house.copy()
    assert sent == [0, 10, 0, 10, 20]
    assert house.there == house.source.contents["1"]


def test_an_upload_that_is_always_lost_is_let_out(house: House) -> None:
    house.target.fail_next = [ReplyLost("lost", hint="first"), *(ReplyLost("lost") for _ in range(FRESH_STARTS))]
    with pytest.raises(ReplyLost):
        house.copy()
    assert house.source.counts["open"] == FRESH_STARTS + 1
    assert house.there is None


@pytest.mark.parametrize("error", [Throttled("wait", retry_after=5), QuotaFull("full")])
def test_other_trouble_is_let_out_at_once(house: House, error: SpfcError) -> None:
    house.target.fail_next = [error]
    with pytest.raises(type(error)):
        house.copy()
    assert house.source.counts["open"] == 1


def test_both_strikes_survive_lost_uploads(house: House) -> None:
    house.source.contents["1"] = b"what is served is longer than listed"
    house.target.fail_next = [ReplyLost("lost")]
    assert house.copy().synced.verification == "mismatch"
    assert house.there == house.source.contents["1"]


# -- what stands there -----------------------------------------------------------------------------------------


def test_the_same_file_is_adopted(house: House) -> None:
    entry = house.put(b"x" * house.item.size, 1002)
    copied = house.copy()
    assert (copied.bytes, copied.synced.verification, copied.synced.target_etag) == (0, "adopted", entry.etag)


@pytest.mark.parametrize(("size", "modified"), [(21, 1003), (20, 1000), (21, 997)])
def test_another_file_is_never_replaced(house: House, size: int, modified: int) -> None:
    house.put(b"x" * size, modified)
    with pytest.raises(TargetExists):
        house.copy()
    assert house.there == b"x" * size


def test_a_folder_is_never_adopted(house: House) -> None:
    house.target.make_folder("/f.bin")
    with pytest.raises(TargetExists):
        house.copy()


def test_an_update_replaces_only_what_we_wrote(house: House) -> None:
    first = house.copy().synced
    house.item = house.source.put(replace(ITEM, version="v2", modified=2000), b"new")
    assert house.copy(synced=first).synced.version == "v2"
    assert house.there == b"new"
    house.put(b"edited there", 3000)
    house.item = house.source.put(replace(ITEM, version="v3", modified=4000), b"newer")
    with pytest.raises(TargetChanged):
        house.copy(synced=first)
    assert house.there == b"edited there"


def test_an_etag_that_moved_without_the_file_is_no_edit(house: House) -> None:
    """Whether etags survive a rename is unknown."""
    first = house.copy().synced
    house.item = house.source.put(replace(ITEM, version="v2", modified=2000), b"new")
    copied = house.copy(synced=replace(first, target_etag="of another life"))
    assert house.there == b"new"
    assert copied.synced.verification == "hash"


def test_an_update_that_had_arrived_already_is_adopted(house: House) -> None:
    """The process died after the last chunk and before the ledger heard of it: the etag is not the one we know."""
    first = house.copy().synced
    house.item = house.source.put(replace(ITEM, version="v2", modified=2000), b"new")
    house.copy(synced=first)
    again = house.copy(synced=first)
    assert (again.bytes, again.synced.verification, again.synced.version) == (0, "adopted", "v2")


def test_an_older_file_from_before_us_is_replaced_only_while_it_is_that(house: House) -> None:
    entry = house.put(b"old", 500)
    with pytest.raises(TargetChanged):
        house.copy(overwrite=True, etag="another")
    house.copy(overwrite=True, etag=entry.etag)
    assert house.there == house.source.contents["1"]


# -- memory ----------------------------------------------------------------------------------------------------


def test_at_most_two_chunks_are_in_memory() -> None:
    size = 4 * 1024 * 1024

    class Sink(MemoryTarget):
        def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
            return TargetEntry(spec.path, "f.bin", Kind.FILE, spec.size) if last else None

    source = MemorySource()
    item = source.put(ITEM, bytes(8 * size + 5))
    source.break_next = [3 * size + 7]
    tracemalloc.start()
    try:
        copy_file(source, Sink(size), CopyJob(item, "root", "/f.bin"), lambda _: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 2 * size <= peak < 2.2 * size
