"""Another process goes on with a big upload where its predecessor was killed, and what came of it is read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spfc.errors import AnswerUnreadable, PermissionMissing, QuotaFull, ServiceBusy, SpfcError, TargetExists
from spfc.planning.model import Kind, SourceItem, TargetEntry
from spfc.quickxor import QuickXor
from spfc.sources.memory import MemorySource
from spfc.targets.base import PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.transfer.adoption import arrived
from spfc.transfer.bookmark import WORTH_KEEPING, Bookmark, Care
from spfc.transfer.copy import copy_file
from spfc.transfer.job import Copied, CopyJob
from spfc.transfer.measure import Measure

CHUNK = 160
"""A multiple of quickXorHash's period: chunks that swap places have the same hash."""
BODY = bytes(i * 7 % 251 for i in range(12 * CHUNK + 5))
ITEM = SourceItem("1", "root", "f.bin", Kind.FILE, modified=1000, version="v1", content_version="c1")


class Killed(BaseException):
    """The process ends here."""


class Shelf:
    """Bookmarks that survive."""

    def __init__(self) -> None:
        self.kept: dict[str, Bookmark] = {}

    def find(self, item_id: str) -> Bookmark | None:
        return self.kept.get(item_id)

    def keep(self, bookmark: Bookmark) -> None:
        self.kept[bookmark.item_id] = bookmark

    def drop(self, item_id: str) -> None:
        self.kept.pop(item_id, None)


class Recorder(MemoryTarget):
    def __init__(self) -> None:
        super().__init__(CHUNK)
        self.offsets: list[int] = []
        self.spoils: list[int] = []

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        self.offsets.append(offset)
        if offset in self.spoils:
            self.spoils.remove(offset)
            chunk = bytes(len(chunk))
        return super().put_chunk(spec, offset, chunk, last=last)


class House:
    def __init__(self, body: bytes = BODY) -> None:
        self.source, self.target, self.shelf = MemorySource(), Recorder(), Shelf()
        self.item = self.source.put(ITEM, body)
        self.care = Care(bookmarks=self.shelf)

    def copy(self, *, die_after: int | None = None, **job: object) -> Copied:
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += 1
            if sent == die_after:
                raise Killed

        made = CopyJob(self.item, "root", "/f.bin", **job)  # type: ignore[arg-type]
        return copy_file(self.source, self.target, made, count, self.care)

    def kill(self, after: int, **job: object) -> None:
        """Die when chunk number ``after`` has arrived and before anybody has noted that."""
        with pytest.raises(Killed):
            self.copy(die_after=after, **job)
        self.target.offsets.clear()
        self.source.opened.clear()

    @property
    def there(self) -> bytes | None:
        return self.target.tree().get("/f.bin")


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("after", [2, 3, 7, 12])
def test_at_most_one_chunk_is_sent_and_read_again(house: House, after: int) -> None:
    house.kill(after)
    copied = house.copy()
    begin = (after - 1) * CHUNK
    assert house.target.offsets == list(range(begin, len(BODY), CHUNK))
    assert house.source.opened == [("1", begin)]
    assert house.there == BODY
    assert copied.synced.verification == "read_back"
    assert copied.bytes == len(BODY) - begin
    assert house.target.counts["open"] == 1


def test_a_process_that_dies_again_and_again_still_arrives(house: House) -> None:
    for _ in range(5):
        house.kill(3)
    house.copy()
    assert house.target.offsets[0] == 10 * CHUNK
    assert house.there == BODY


def test_small_files_leave_no_bookmarks() -> None:
    house = House(BODY[: WORTH_KEEPING * CHUNK])
    house.kill(3)
    assert house.shelf.kept == {}
    assert house.copy().synced.verification == "hash"
    assert house.target.counts["open"] == 0


def test_a_target_that_has_lost_what_it_had_gets_all_of_it(house: House) -> None:
    house.kill(7)
    house.target.forget_staged()
    assert house.copy().synced.verification == "hash"
    assert house.target.offsets == [6 * CHUNK, *range(0, len(BODY), CHUNK)]
    assert house.there == BODY


@pytest.mark.parametrize("change", ["item", "stream", "path", "chunk", "length"])
def test_another_version_or_place_begins_anew(house: House, change: str) -> None:
    house.kill(7)
    body = BODY
    if change == "item":
        body = BODY[::-1]
        house.item = house.source.put(replace(ITEM, version="v2"), body)
    elif change == "stream":
        house.source.versions["1"] = "another tag"
    elif change == "length":
        house.source.announced["1"] = None
        house.item = replace(house.item, size=house.item.size)
        house.shelf.kept["1"] = replace(house.shelf.kept["1"], size=1)
    else:
        shift = {"target_path": "/g.bin"} if change == "path" else {"chunk_size": 80}
        house.shelf.kept["1"] = replace(house.shelf.kept["1"], **shift)  # type: ignore[arg-type]
    assert house.copy().synced.verification == "hash"
    assert house.target.offsets == list(range(0, len(BODY), CHUNK))
    assert house.there == body


def test_a_bad_chunk_that_quickxor_cannot_see_is_seen_by_reading_back(house: House) -> None:
    """The server mixes up two chunks of the first process: same length, same quickXorHash."""
    house.kill(7)
    staged = house.target._staged["/f.bin"]
    staged[CHUNK : 2 * CHUNK], staged[2 * CHUNK : 3 * CHUNK] = staged[2 * CHUNK : 3 * CHUNK], staged[CHUNK : 2 * CHUNK]
    mixed, right = QuickXor(), QuickXor()
    mixed.update(bytes(staged))
    right.update(BODY[: 7 * CHUNK])
    assert mixed.base64() == right.base64()
    house.copy()
    assert house.target.offsets == [*range(6 * CHUNK, len(BODY), CHUNK), *range(0, len(BODY), CHUNK)]
    assert house.there == BODY


@pytest.mark.parametrize("update", [False, True])
def test_what_the_server_made_of_two_halves_is_replaced_when_wrong(house: House, update: bool) -> None:
    first = None
    if update:
        first = house.copy().synced
        house.item = house.source.put(replace(ITEM, version="v2", modified=2000), BODY[::-1])
    house.kill(7, synced=first)
    house.target._staged["/f.bin"][:10] = bytes(10)
    house.copy(synced=first)
    assert house.there == house.source.contents["1"]


def test_an_account_that_may_not_read_sends_the_whole_file(house: House) -> None:
    house.kill(7)
    plain = house.target.open
    house.target.open = refuse  # type: ignore[method-assign, assignment]
    house.copy()
    house.target.open = plain  # type: ignore[method-assign]
    assert house.target.offsets[-13:] == list(range(0, len(BODY), CHUNK))
    assert house.there == BODY


def refuse(*_: object, **__: object) -> None:
    raise PermissionMissing("may not read")


def test_reading_back_survives_broken_streams_and_servers_without_ranges(house: House) -> None:
    house.target.ignores_ranges = True
    house.kill(7)
    plain, opened = house.target.open, []

    def breaking(path: str, *, size: int, offset: int = 0):  # type: ignore[no-untyped-def]
        stream = plain(path, size=size, offset=offset)
        opened.append(offset)
        if len(opened) < 4:
            read, left = stream.read, [3 * len(opened)]

            def some(count: int) -> bytes:
                left[0] -= 1
                if left[0] < 0:
                    raise ServiceBusy("broke")
                return read(count)

            stream.read = some  # type: ignore[method-assign]
        return stream

    house.target.open = breaking  # type: ignore[method-assign, assignment]
    assert house.copy().synced.verification == "read_back"
    assert opened == [0, 3 * CHUNK, 6 * CHUNK, 9 * CHUNK]


@pytest.mark.parametrize("error", [ServiceBusy, AnswerUnreadable])
def test_what_cannot_be_read_back_is_not_believed_in_the_next_run_either(
    house: House, error: type[SpfcError], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.kill(7)
    house.target._staged["/f.bin"][:10] = bytes(10)

    def trouble(*_: object, **__: object) -> None:
        raise error("no")

    with monkeypatch.context() as patch:
        patch.setattr(house.target, "open", trouble)
        with pytest.raises(error):
            house.copy()
    assert house.there != BODY
    assert arrived(house.target, CopyJob(house.item, "root", "/f.bin"), house.care) is None
    house.copy()
    assert house.there == BODY


def test_a_resumed_upload_whose_end_nobody_saw_is_read_back_before_it_is_adopted(house: House) -> None:
    house.kill(7)
    house.kill(7)  # of the rest: the last chunk has arrived, the outcome was not written
    assert house.there == BODY
    assert arrived(house.target, CopyJob(house.item, "root", "/f.bin"), house.care) is None
    copied = house.copy()
    assert (copied.synced.verification, copied.bytes) == ("read_back", 0)


def test_without_a_listed_hash_a_suspect_file_is_sent_again(house: House) -> None:
    house.item = replace(house.item, hash=None)
    house.kill(7)
    house.kill(7)
    house.target.spoil("/f.bin", bytes(len(BODY)))
    house.copy()
    assert house.there == BODY


def test_unlisted_bytes_are_accepted_after_a_resume_too(house: House) -> None:
    """Two strikes: the first of them begun by another process."""
    house.source.contents["1"] = BODY + b"label"
    house.kill(7)
    assert house.copy().synced.verification == "mismatch"
    assert house.there == BODY + b"label"


def test_a_refusal_keeps_the_progress(house: House) -> None:
    house.kill(7)
    house.target.fail_next = [QuotaFull("full")]
    with pytest.raises(QuotaFull):
        house.copy()
    house.target.offsets.clear()
    house.copy()
    assert house.target.offsets[0] == 6 * CHUNK


# -- policy read_back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK + 1])
def test_every_copy_may_be_read_back(size: int) -> None:
    house = House(BODY[:size])
    house.care = Care(read_back=True)
    assert house.copy().synced.verification == "read_back"
    assert house.target.counts["open"] == 1


def test_a_copy_that_arrived_wrong_is_sent_again(house: House) -> None:
    house.care = Care(read_back=True, bookmarks=house.shelf)
    house.target.spoils = [CHUNK]
    house.copy()
    assert house.there == BODY
    assert len(house.target.offsets) == 26


def test_a_target_that_always_spoils_is_told(house: House) -> None:
    house.care = Care(read_back=True, bookmarks=house.shelf)
    house.target.spoils = [CHUNK] * 3
    with pytest.raises(ServiceBusy, match="other bytes"):
        house.copy()
    house.copy()
    assert house.there == BODY, "the next run does not adopt what is known to be wrong"


def test_a_file_that_was_there_is_adopted_only_with_the_listed_hash(house: House) -> None:
    house.care = Care(read_back=True)
    house.copy()
    assert house.copy().synced.verification == "read_back"
    assert arrived(house.target, CopyJob(house.item, "root", "/f.bin"), house.care) is not None
    house.target.spoil("/f.bin", bytes(len(BODY)))
    assert arrived(house.target, CopyJob(house.item, "root", "/f.bin"), house.care) is None
    with pytest.raises(TargetExists):
        house.copy()


# -- the measure -----------------------------------------------------------------------------------------------


def test_a_measure_goes_on_where_it_was_put_down() -> None:
    whole, first = Measure(), Measure()
    for chunk in (b"one", b"two", b"three"):
        whole.update(chunk)
    first.update(b"one")
    second = Measure.from_state(first.state())
    second.update(b"two")
    second.update(b"three")
    assert (second.fingerprint, second.listed_hash) == (whole.fingerprint, whole.listed_hash)
    assert second.fingerprint != first.fingerprint


@pytest.mark.parametrize("state", [{}, {"own": ""}, {"own": "zz", "columns": "", "length": 0}])
def test_a_state_that_is_none_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # each says it in its own words
        Measure.from_state(state)
